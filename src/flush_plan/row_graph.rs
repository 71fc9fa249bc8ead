//! `RowGraph`: which row of a flush has to be written before which, whatever is done to it.

use std::collections::{HashMap, HashSet};

use bytes::BytesMut;

use super::constraints::{Action, Constraints, ForeignKeyConstraint, positions};
use super::links::{Link, Unique, links, models, unique};
use super::reach::{Fate, Reached, reach};
use super::rows::{RowOf, deleted, inserted, updated};
use super::step::SetAside;
use crate::assignments::RowsOf;
use crate::change_set::{CellAt, ChangeSet, EntityAt, KeyBytes};
use crate::error::Error;
use crate::model::Table;

/// What is done to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// The positions in [`ChangeSet::changed`], and among the rows that are deleted.
    Delete(usize, u32),
    /// The positions in [`ChangeSet::changed`], and among the rows that are updated.
    Update(usize, u32),
    /// The same, and the column in which the row gets a value that nobody has.
    SetAside(usize, u32, (usize, SetAside)),
    /// The positions in [`ChangeSet::tables`], and among the new rows of the table.
    Insert(usize, u32),
    /// All new rows, where their order is that of the inserts alone.
    Inserts,
    /// Nothing: it comes after what is led away from rows that a foreign key acts on.
    Escaped,
}

/// A unique value that passes from one row to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) giver: u32,
    pub(super) taker: u32,
    /// The position in [`RowGraph::unique`].
    pub(super) unique: usize,
}

/// How new rows are nodes of a [`RowGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewRowsAs {
    /// All of them are one node: they have an order among themselves already.
    OneNode,
    /// Each is a node of its own.
    Nodes,
}

/// The rows of a flush, numbered through, and which of them waits for which.
pub(super) struct RowGraph<'a> {
    pub(super) changes: &'a ChangeSet<'a>,
    pub(super) unique: Vec<Unique>,
    pub(super) nodes: Vec<Node>,
    /// From a node to one that has to be written before it, for the sake of a foreign key.
    pub(super) edges: Vec<(u32, u32)>,
    /// The same where it is only better so.
    pub(super) preferences: Vec<(u32, u32)>,
    /// Those of them that lead from a row to one that refers to it until then, with the columns that
    /// are referred to.
    pub(super) departures: Vec<(u32, u32, Vec<usize>)>,
    /// Rows that others, or they themselves, refer to until then.
    held: HashSet<u32>,
    /// The taker waits for the giver.
    pub(super) passes: Vec<Pass>,
    /// Updated rows that are in each other's way in a manner that only the server knows, and the
    /// unique constraint, by its position.
    pub(super) crowded: Vec<(u32, usize)>,
    /// Updated rows part of whose keys the database changes along with what they refer to; the rows
    /// that they refer to, and the parts, as bits.
    pub(super) moved: HashMap<u32, Vec<(u32, u8)>>,
    /// The number of the first node of each kind, by the position in [`ChangeSet::changed`].
    first_delete: Vec<u32>,
    first_update: Vec<u32>,
    /// By the position in [`ChangeSet::tables`]; all new rows are the first one where they are one.
    first_insert: Vec<u32>,
    new_rows: NewRowsAs,
}

impl<'a> RowGraph<'a> {
    /// Finds what waits for what. New rows are one node, or each is one of its own.
    ///
    /// # Errors
    ///
    /// A value that cannot be encoded; a reference to an entity that is not there.
    pub(super) fn new(
        changes: &'a ChangeSet<'a>,
        constraints: Option<&Constraints>,
        new_rows: NewRowsAs,
    ) -> Result<RowGraph<'a>, Error> {
        let mut graph = RowGraph {
            changes,
            unique: unique(changes, constraints),
            nodes: Vec::new(),
            edges: Vec::new(),
            preferences: Vec::new(),
            departures: Vec::new(),
            held: HashSet::new(),
            passes: Vec::new(),
            crowded: Vec::new(),
            moved: HashMap::new(),
            first_delete: Vec::new(),
            first_update: Vec::new(),
            first_insert: Vec::new(),
            new_rows,
        };
        graph.number();
        for link in links(changes, constraints) {
            graph.tie(&link)?;
        }
        graph.tie_handles()?;
        match constraints {
            Some(constraints) if constraints.is_citus => graph.move_after_all(),
            _ => graph.move_at_once(),
        }
        if let Some(constraints) = constraints {
            graph.let_escape(constraints)?;
        }
        for at in 0..graph.unique.len() {
            graph.find_passes(at)?;
        }
        if let Some(constraints) = constraints {
            graph.replace_at_once(constraints);
        }
        Ok(graph)
    }

    fn number(&mut self) {
        for (changed, rows) in self.changes.changed().iter().enumerate() {
            self.first_delete.push(self.nodes.len() as u32);
            self.nodes.extend((0..rows.deleted().len() as u32).map(|at| Node::Delete(changed, at)));
        }
        for (changed, rows) in self.changes.changed().iter().enumerate() {
            self.first_update.push(self.nodes.len() as u32);
            self.nodes.extend((0..rows.updated().len() as u32).map(|at| Node::Update(changed, at)));
        }
        let all = self.nodes.len() as u32;
        for (table, rows) in self.changes.tables().iter().enumerate() {
            if self.new_rows == NewRowsAs::OneNode {
                self.first_insert.push(all);
            } else {
                self.first_insert.push(self.nodes.len() as u32);
                self.nodes.extend((0..rows.len() as u32).map(|row| Node::Insert(table, row)));
            }
        }
        if self.new_rows == NewRowsAs::OneNode && !self.changes.tables().is_empty() {
            self.nodes.push(Node::Inserts);
        }
    }

    pub(super) fn after(&mut self, later: u32, earlier: u32) {
        if later != earlier {
            self.edges.push((later, earlier));
        }
    }

    /// Has a row wait for one that it refers to. Where that is looked at later, there may still be
    /// triggers that look for it.
    fn after_arrival(&mut self, later: u32, earlier: u32, is_needed: bool) {
        if is_needed {
            self.after(later, earlier);
        } else if later != earlier {
            self.preferences.push((later, earlier));
        }
    }

    /// Has a row wait for one that refers to it until then.
    fn after_departure(&mut self, later: u32, earlier: u32, link: &Link) {
        if link.is_declared_only {
            if later != earlier {
                self.preferences.push((later, earlier));
            }
            return;
        }
        self.held.insert(later);
        if later != earlier {
            self.after(later, earlier);
            self.departures.push((later, earlier, link.parent_columns.clone()));
        }
    }

    fn insert_node(&self, table: usize, row: u32) -> u32 {
        match self.new_rows {
            NewRowsAs::OneNode => self.first_insert[table],
            NewRowsAs::Nodes => self.first_insert[table] + row,
        }
    }

    /// Returns the node of a new row that another refers to.
    fn parent_node(&self, parent: CellAt) -> Option<u32> {
        match parent.rows {
            RowsOf::New(table) => Some(self.insert_node(table, parent.row)),
            RowsOf::Changed(_) => None,
        }
    }

    /// Returns the rows of a model that are deleted, as nodes with their entities.
    fn deletes(&self, model: usize) -> Vec<(u32, EntityAt)> {
        let node = |row: RowOf| (self.first_delete[row.group] + row.at, row.entity);
        deleted(self.changes, model).into_iter().map(node).collect()
    }

    /// Returns the rows of a model in which one of these columns changes, likewise.
    fn updates(&self, model: usize, columns: &[usize]) -> Vec<(u32, EntityAt)> {
        let node = |row: RowOf| (self.first_update[row.group] + row.at, row.entity);
        updated(self.changes, model, columns).into_iter().map(node).collect()
    }

    /// Returns the new rows of a model, likewise.
    fn inserts(&self, model: usize) -> Vec<(u32, EntityAt)> {
        let node = |row: RowOf| (self.insert_node(row.group, row.at), row.entity);
        inserted(self.changes, model).into_iter().map(node).collect()
    }

    fn table(&self, model: usize) -> &'static Table {
        let changed = self.changes.changed().iter().find(|rows| rows.model() == model);
        changed.map(|rows| rows.table()).expect("the model has updated rows")
    }

    fn old(&self, entity: EntityAt, columns: &[usize]) -> Result<KeyBytes, Error> {
        self.changes.key_bytes(entity, columns)
    }

    fn new_value(&self, entity: EntityAt, columns: &[usize]) -> Result<KeyBytes, Error> {
        self.changes.new_key_bytes(entity, columns)
    }

    /// Has the rows of a foreign key wait for each other. What is referred to is there before what
    /// refers to it, and goes, or gets another key, after that.
    fn tie(&mut self, link: &Link) -> Result<(), Error> {
        let Link { child, parent, child_columns, parent_columns, cascades, .. } = link;
        let moved = self.updates(*parent, parent_columns);
        let children = self.updates(*child, child_columns);
        let (mut arriving, mut leaving) = (HashMap::new(), HashMap::new());
        for &(node, entity) in &moved {
            if let Some(value) = self.new_value(entity, parent_columns)? {
                arriving.insert(value, node);
            }
            if let Some(value) = self.old(entity, parent_columns)? {
                leaving.insert(value, node);
            }
        }
        for (node, entity) in self.deletes(*parent) {
            if let Some(value) = self.old(entity, parent_columns)? {
                leaving.insert(value, node);
            }
        }
        // Where new rows are one, they wait for none of their own kind.
        let has_moved = !arriving.is_empty();
        if self.new_rows == NewRowsAs::Nodes || !children.is_empty() {
            for (node, entity) in self.inserts(*parent) {
                if let Some(value) = self.new_value(entity, parent_columns)? {
                    arriving.insert(value, node);
                }
            }
        }
        if !leaving.is_empty() {
            for (node, entity) in self.deletes(*child) {
                let parent = self.old(entity, child_columns)?;
                let parent = parent.and_then(|value| leaving.get(&value));
                if let Some(&parent) = parent.filter(|&&parent| self.is_held(parent, link)) {
                    self.after_departure(parent, node, link);
                }
            }
        }
        for (node, entity) in children {
            let value = self.new_value(entity, child_columns)?;
            let to = value.as_ref().and_then(|value| arriving.get(value)).copied();
            let from = self.old(entity, child_columns)?;
            let from = from.and_then(|value| leaving.get(&value)).copied();
            let is_moved = *cascades && from == to && from != Some(node);
            if let Some(giver) = value.and_then(|value| self.acting(&leaving, &value, link)) {
                self.after(node, giver);
            }
            if let Some(to) = to {
                self.after_arrival(node, to, link.is_immediate || is_moved);
            }
            match from.filter(|&from| self.is_held(from, link)) {
                // One that follows is moved by the database, together with what it refers to.
                Some(from) if is_moved => {
                    let key = self.table(*child).key().iter().enumerate();
                    let moved = key.filter(|(_, column)| child_columns.contains(column));
                    let parts = moved.fold(0, |parts, (part, _)| parts | 1 << part);
                    if parts != 0 {
                        self.moved.entry(node).or_default().push((from, parts));
                    }
                }
                Some(from) => self.after_departure(from, node, link),
                None => {}
            }
        }
        if (has_moved || self.new_rows == NewRowsAs::Nodes) && !arriving.is_empty() {
            for (node, entity) in self.inserts(*child) {
                let to = self.new_value(entity, child_columns)?;
                if let Some(&to) = to.and_then(|value| arriving.get(&value)) {
                    self.after_arrival(node, to, link.is_immediate);
                }
            }
        }
        if !leaving.is_empty() {
            for (node, entity) in self.inserts(*child) {
                let value = self.new_value(entity, child_columns)?;
                if let Some(giver) = value.and_then(|value| self.acting(&leaving, &value, link)) {
                    self.after(node, giver);
                }
            }
        }
        Ok(())
    }

    /// Has rows that hold others back from being moved by the database be written together with what
    /// moves them.
    fn move_at_once(&mut self) {
        let of_held = self.moved.iter().filter(|(node, _)| self.held.contains(node));
        let mut edges: Vec<(u32, u32)> =
            of_held.flat_map(|(&node, by)| by.iter().map(move |&(from, _)| (from, node))).collect();
        edges.sort_unstable();
        edges.into_iter().for_each(|(from, node)| self.after(from, node));
    }

    /// Has what moves such rows wait for all that these wait for. Citus writes no rows together: their parts of a
    /// statement run one after the other.
    fn move_after_all(&mut self) {
        let of_held = self.moved.iter().filter(|(node, _)| self.held.contains(node));
        let mut movers: Vec<(u32, u32)> =
            of_held.flat_map(|(&node, by)| by.iter().map(move |&(from, _)| (from, node))).collect();
        movers.sort_unstable();
        let mut known: HashSet<(u32, u32)> = self.edges.iter().copied().collect();
        // What moves a row can be moved itself. No chain is longer than there are rows to be moved.
        for _ in 0..movers.len() {
            let mut waits_for: HashMap<u32, Vec<u32>> = HashMap::new();
            for &(later, earlier) in &self.edges {
                waits_for.entry(later).or_default().push(earlier);
            }
            let before = self.edges.len();
            for &(from, node) in &movers {
                for &earlier in waits_for.get(&node).into_iter().flatten() {
                    if earlier != from && known.insert((from, earlier)) {
                        self.after(from, earlier);
                    }
                }
            }
            if self.edges.len() == before {
                break;
            }
        }
    }

    /// Returns the row that gives up a value, if the database would change what refers to the value
    /// by then.
    fn acting(&self, leaving: &HashMap<Vec<u8>, u32>, value: &[u8], link: &Link) -> Option<u32> {
        let &giver = leaving.get(value)?;
        let acts = match self.nodes[giver as usize] {
            Node::Delete(..) => link.acts_on_delete,
            _ => link.acts_on_update,
        };
        acts.then_some(giver)
    }

    /// Has what goes, or gets another key, come after what is deleted and what is led away from rows
    /// that foreign keys act on because of that: they could take it along, or change its key.
    fn let_escape(&mut self, constraints: &Constraints) -> Result<(), Error> {
        let models = models(self.changes);
        let of = |relation: u32| {
            let of_relation = move |(_, table): &&(usize, &'static Table)| {
                constraints.relation(table) == Some(relation)
            };
            models.iter().filter(of_relation).copied()
        };
        for foreign_key in &constraints.foreign_keys {
            let (mut leaving, mut reached) = (Vec::new(), Vec::new());
            for (model, table) in of(foreign_key.parent) {
                if foreign_key.on_delete.acts() {
                    leaving.extend(self.deletes(model).into_iter().map(|(node, _)| node));
                    let fate = Fate::of_delete(foreign_key.on_delete);
                    reached.push(Reached::first(foreign_key, fate));
                }
                let columns = positions(table, &foreign_key.parent_columns);
                if let (true, Some(columns)) = (foreign_key.on_update.acts(), columns) {
                    let updates = self.updates(model, &columns);
                    leaving.extend(updates.into_iter().map(|(node, _)| node));
                    reached.push(Reached::first(foreign_key, Fate::Changed));
                }
            }
            if leaving.is_empty() {
                continue;
            }
            let mut escaping = Vec::new();
            for (leading, _) in reach(constraints, reached) {
                for (model, table) in of(leading.child) {
                    let Some(columns) = positions(table, &leading.child_columns) else { continue };
                    let rows = [self.updates(model, &columns), self.deletes(model)].concat();
                    for (node, entity) in rows {
                        let old = self.old(entity, &columns)?;
                        if old.is_some() && old != self.own(constraints, leading, entity)? {
                            escaping.push(node);
                        }
                    }
                }
            }
            // Rows that could be on both sides: what is deleted goes, and may take along what is led
            // away. Of what is updated, nothing is known.
            escaping.retain(|node| {
                !(leaving.contains(node) && matches!(self.nodes[*node as usize], Node::Delete(..)))
            });
            leaving.retain(|node| !escaping.contains(node));
            if escaping.is_empty() || leaving.is_empty() {
                continue;
            }
            let escaped = self.nodes.len() as u32;
            self.nodes.push(Node::Escaped);
            self.preferences.extend(escaping.into_iter().map(|node| (escaped, node)));
            self.preferences.extend(leaving.into_iter().map(|node| (node, escaped)));
        }
        Ok(())
    }

    /// Returns the value by which a row would refer to itself.
    fn own(
        &self,
        constraints: &Constraints,
        foreign_key: &ForeignKeyConstraint,
        entity: EntityAt,
    ) -> Result<KeyBytes, Error> {
        let table = models(self.changes).into_iter().find(|(other, _)| *other == entity.model);
        let Some((_, table)) = table else { return Ok(None) };
        match positions(table, &foreign_key.parent_columns) {
            Some(columns) if constraints.relation(table) == Some(foreign_key.parent) => {
                self.old(entity, &columns)
            }
            _ => Ok(None),
        }
    }

    /// Returns `true` if a row cannot go, or get another key, while others refer to it.
    fn is_held(&self, node: u32, link: &Link) -> bool {
        match self.nodes[node as usize] {
            Node::Delete(..) => link.holds_deletes,
            _ => link.holds_updates,
        }
    }

    /// Has rows wait for the new rows that they refer to by handles.
    fn tie_handles(&mut self) -> Result<(), Error> {
        let (changes, mut buffer) = (self.changes, BytesMut::new());
        for (changed, rows) in changes.changed().iter().enumerate() {
            let columns = referring(rows.table());
            if !rows.updates_any(&columns) {
                continue;
            }
            for (node, &updated) in (self.first_update[changed]..).zip(rows.updated()) {
                let changing = rows.columns_of(updated).iter().map(|&(column, _)| column);
                for column in changing.filter(|column| columns.contains(column)) {
                    buffer.clear();
                    let rows = RowsOf::Changed(changed);
                    let cell = CellAt { rows, row: updated.row, column };
                    for parent in changes.new_parents(cell, &mut buffer)? {
                        if let Some(parent) = self.parent_node(parent) {
                            self.after(node, parent);
                        }
                    }
                }
            }
        }
        if self.new_rows == NewRowsAs::OneNode {
            return Ok(());
        }
        for (table, rows) in changes.tables().iter().enumerate() {
            for column in referring(rows.table()) {
                for row in 0..rows.len() as u32 {
                    buffer.clear();
                    for parent in changes.new_parents(
                        CellAt { rows: RowsOf::New(table), row, column },
                        &mut buffer,
                    )? {
                        if let Some(parent) = self.parent_node(parent) {
                            self.after(self.insert_node(table, row), parent);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the values of a unique constraint that one row gives up and another takes.
    fn find_passes(&mut self, unique: usize) -> Result<(), Error> {
        let models = self.unique[unique].models.clone();
        if !self.unique[unique].is_exact {
            let rows = models.iter().flat_map(|(model, columns)| self.updates(*model, columns));
            let rows: Vec<(u32, EntityAt)> = rows.collect();
            if self.unique[unique].is_violated && rows.len() > 1 {
                self.crowded.extend(rows.into_iter().map(|(node, _)| (node, unique)));
            }
            return Ok(());
        }
        let mut givers: HashMap<Vec<u8>, u32> = HashMap::new();
        for (model, columns) in &models {
            let rows = [self.deletes(*model), self.updates(*model, columns)].concat();
            for (node, entity) in rows {
                if let Some(value) = self.old(entity, columns)? {
                    givers.insert(value, node);
                }
            }
        }
        if givers.is_empty() {
            return Ok(());
        }
        for (model, columns) in &models {
            let rows = [self.updates(*model, columns), self.inserts(*model)].concat();
            for (taker, entity) in rows {
                let value = self.new_value(entity, columns)?;
                if let Some(&giver) = value.and_then(|value| givers.get(&value)) {
                    if giver != taker {
                        self.passes.push(Pass { giver, taker, unique });
                    }
                }
            }
        }
        Ok(())
    }

    /// Has new rows that take what others are referred to by be written together with those: what
    /// refers to the value goes on to do so, and does not change.
    fn replace_at_once(&mut self, constraints: &Constraints) {
        let mut at_once = Vec::new();
        for pass in &self.passes {
            let taker = self.nodes[pass.taker as usize];
            if !matches!(taker, Node::Insert(..) | Node::Inserts) {
                continue;
            }
            let is_referred_to = self.unique[pass.unique].models.iter().any(|(model, columns)| {
                let table = models(self.changes).into_iter().find(|(other, _)| other == model);
                let Some((_, table)) = table else { return false };
                let is_deleted = matches!(self.nodes[pass.giver as usize], Node::Delete(..));
                let refers = |foreign_key: &ForeignKeyConstraint| {
                    let ForeignKeyConstraint { on_delete, on_update, .. } = *foreign_key;
                    let action = if is_deleted { on_delete } else { on_update };
                    let of = positions(table, &foreign_key.parent_columns);
                    constraints.relation(table) == Some(foreign_key.parent)
                        && action == Action::NoAction
                        && of.is_some_and(|of| of.iter().all(|column| columns.contains(column)))
                };
                constraints.violated_foreign_keys().any(refers)
            });
            if is_referred_to {
                at_once.push((pass.giver, pass.taker));
            }
        }
        self.edges.extend(at_once);
    }
}

/// Returns the columns of a table's foreign keys.
fn referring(table: &Table) -> Vec<usize> {
    let mut columns: Vec<usize> =
        table.foreign_keys().flat_map(|foreign_key| foreign_key.columns).copied().collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}
