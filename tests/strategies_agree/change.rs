//! What the second part of a graph does to the rows of the first.

use std::collections::HashSet;

use crate::fields::{Id, LinkRole};
use crate::graph::{Graph, KeyCell, NewRow, Split, Target};
use crate::grow::given_key;
use crate::random::Random;
use crate::schema::{Action, AssignedBy, KeyPart, PlainSpec, Rules, Schema};
use crate::values::{Datum, Given};

#[derive(Clone)]
pub(crate) enum Change {
    /// A reference leads elsewhere, or nowhere.
    Point { reference: usize, to: Option<Target> },
    /// A part of the key gets another value, and what refers to it follows.
    Key { part: usize, id: Id },
    /// A column gets another value.
    Plain { plain: usize, value: Given },
    /// The row goes. Nothing refers to it when all is done.
    Delete,
}

impl Graph {
    /// The graph as it is when all is done; none if something would refer to what is not there, or
    /// two rows would have one key or one unique value.
    pub(crate) fn changed(&self, schema: &Schema) -> Option<Graph> {
        if self.is_torn(schema) {
            return None;
        }
        let mut graph = self.as_asked_for();
        // What is at hand does not learn what the database does to it.
        let is_at_hand = |rank: usize| self.split != Split::Fresh || self.touches(rank);
        let mut left: Vec<usize> =
            self.rows.keys().copied().filter(|&r| self.is_deleted(r)).collect();
        while let Some(gone) = left.pop() {
            for (other, rules, what) in graph.referring(schema, self, gone) {
                if !graph.rows.contains_key(&other) {
                    continue;
                }
                match (rules.on_delete, what) {
                    (Action::NoAction | Action::Restrict, _) => return None,
                    _ if is_at_hand(other) => return None,
                    (Action::Cascade, _) => {
                        graph.rows.remove(&other);
                        left.push(other);
                    }
                    (_, Referring::Key) => return None,
                    (_, Referring::Reference(at)) => {
                        let spec = schema.tables[graph.rows[&other].table].references[at];
                        if spec.role == LinkRole::NotNull || spec.is_shared {
                            return None;
                        }
                        graph.row_mut(other).references[at] = None;
                    }
                    (_, Referring::Unique(at)) => graph.row_mut(other).plain[at] = Given::Null,
                }
            }
        }
        graph.is_whole(schema).then_some(graph)
    }

    /// Whether a row goes along with one row and holds another one back that goes as well. Whether that
    /// can be is a matter of which row the server deletes first.
    pub(crate) fn is_torn(&self, schema: &Schema) -> bool {
        let asked = self.as_asked_for();
        let deleted: Vec<usize> =
            self.rows.keys().copied().filter(|&rank| self.is_deleted(rank)).collect();
        let (mut gone, mut next) = (deleted.clone(), 0);
        while let Some(&rank) = gone.get(next) {
            for (other, rules, _) in asked.referring(schema, self, rank) {
                if rules.on_delete == Action::Cascade && !gone.contains(&other) {
                    gone.push(other);
                }
            }
            next += 1;
        }
        let holds = |rules: Rules| matches!(rules.on_delete, Action::NoAction | Action::Restrict);
        gone.iter().any(|&rank| {
            let referring = asked.referring(schema, self, rank);
            referring.iter().any(|(other, rules, _)| {
                gone.contains(other) && !deleted.contains(other) && holds(*rules)
            })
        }) || deleted.iter().any(|&rank| {
            let table = self.rows[&rank].table;
            let along = self.along(schema, rank, &deleted);
            deleted.iter().any(|other| along.contains(other) && self.rows[other].table == table)
        })
    }

    /// The rows that go along with one that is deleted, through rows that are not deleted by themselves.
    fn along(&self, schema: &Schema, rank: usize, deleted: &[usize]) -> Vec<usize> {
        let (mut along, mut next) = (vec![rank], 0);
        while let Some(&rank) = along.get(next) {
            next += 1;
            if next > 1 && deleted.contains(&rank) {
                continue;
            }
            for (other, rules, _) in self.referring(schema, self, rank) {
                let is_between = next > 1 || !deleted.contains(&other);
                if rules.on_delete == Action::Cascade && is_between && !along.contains(&other) {
                    along.push(other);
                }
            }
        }
        along.remove(0);
        along
    }

    /// The graph with nothing but the changes.
    pub(crate) fn as_asked_for(&self) -> Graph {
        let mut graph = self.clone();
        for (rank, change) in &self.changes {
            match change {
                Change::Point { reference, to } => {
                    graph.row_mut(*rank).references[*reference] = *to
                }
                Change::Key { part, id } => {
                    graph.row_mut(*rank).key[*part] = KeyCell::Given(id.clone());
                }
                Change::Plain { plain, value } => {
                    graph.row_mut(*rank).plain[*plain] = value.clone();
                }
                Change::Delete => {}
            }
        }
        graph.rows.retain(|&rank, _| !self.is_deleted(rank));
        graph
    }

    /// Whether the second part needs the row: to change it, or to refer to it.
    fn touches(&self, rank: usize) -> bool {
        let is_new = self.rows[&rank].part == 1;
        let refers = |(&other, row): (&usize, &NewRow)| {
            other != rank && row.part == 1 && row.targets().any(|target| target == rank)
        };
        let changes = |(at, change): &(usize, Change)| {
            *at == rank || matches!(change, Change::Point { to: Some(to), .. } if to.row == rank)
        };
        is_new || self.changes.iter().any(changes) || self.rows.iter().any(refers)
    }

    /// The rows that refer to one that is gone, of which `before` has the values.
    fn referring(
        &self,
        schema: &Schema,
        before: &Graph,
        gone: usize,
    ) -> Vec<(usize, Rules, Referring)> {
        let mut result = Vec::new();
        let lost = &before.rows[&gone];
        for (&rank, row) in &self.rows {
            let spec = &schema.tables[row.table];
            for (cell, rules) in row.key.iter().zip(&spec.key_rules) {
                if matches!(cell, KeyCell::To(to) if to.row == gone) {
                    result.push((rank, *rules, Referring::Key));
                }
            }
            for (at, (to, reference)) in row.references.iter().zip(&spec.references).enumerate() {
                if to.is_some_and(|to| to.row == gone) {
                    result.push((rank, reference.rules, Referring::Reference(at)));
                }
            }
            for (at, plain) in spec.plain.iter().enumerate() {
                let PlainSpec::ToUnique { table, plain, rules } = *plain else { continue };
                let Given::Value(Datum::Int8(value)) = row.plain[at] else { continue };
                let is_lost = table == lost.table
                    && matches!(lost.plain[plain], Given::Value(Datum::Int8(old)) if old == value);
                // A new row refers to whoever has the value in the end.
                if is_lost && row.part == 0 {
                    result.push((rank, rules, Referring::Unique(at)));
                }
            }
        }
        result
    }

    /// Whether all that is referred to is there, and what is unique is.
    fn is_whole(&self, schema: &Schema) -> bool {
        let (mut keys, mut values) = (HashSet::new(), HashSet::new());
        for (&rank, row) in &self.rows {
            if !row.targets().all(|target| self.rows.contains_key(&target)) {
                return false;
            }
            if self.given_key(rank).is_some_and(|key| !keys.insert((row.table, key))) {
                return false;
            }
            for plain in schema.tables[row.table].unique() {
                if let Given::Value(Datum::Int8(value)) = row.plain[plain] {
                    if !values.insert((row.table, plain, value)) {
                        return false;
                    }
                }
            }
        }
        self.rows.values().all(|row| {
            schema.tables[row.table].plain.iter().zip(&row.plain).all(|(spec, given)| {
                match (spec, given) {
                    (
                        PlainSpec::ToUnique { table, plain, .. },
                        Given::Value(Datum::Int8(value)),
                    ) => values.contains(&(*table, *plain, *value)),
                    _ => true,
                }
            })
        })
    }

    fn row_mut(&mut self, rank: usize) -> &mut NewRow {
        self.rows.get_mut(&rank).expect("what changes is there")
    }

    fn is_deleted(&self, rank: usize) -> bool {
        self.changes.iter().any(|(at, change)| *at == rank && matches!(change, Change::Delete))
    }

    /// Whether the row gets another key, be it that the key is one of another row that does.
    pub(crate) fn changes_key(&self, rank: usize) -> bool {
        let is_own = self
            .changes
            .iter()
            .any(|(at, change)| *at == rank && matches!(change, Change::Key { .. }));
        is_own
            || self.rows[&rank]
                .key
                .iter()
                .any(|cell| matches!(cell, KeyCell::To(target) if self.changes_key(target.row)))
    }

    /// The graph without one of its changes, if the others can do without it.
    pub(crate) fn without_change(
        &self,
        schema: &Schema,
        at: usize,
        is_lawless: bool,
    ) -> Option<Graph> {
        let mut graph = self.clone();
        graph.changes.remove(at);
        let is_possible = if is_lawless { !graph.is_torn(schema) } else { graph.is_sound(schema) };
        is_possible.then_some(graph)
    }

    /// Whether the changes can be made.
    pub(crate) fn is_sound(&self, schema: &Schema) -> bool {
        let mut first = self.clone();
        if self.split != Split::None {
            first.rows.retain(|_, row| row.part == 0);
        }
        first.is_whole(schema)
            && self.changed(schema).is_some_and(|later| {
                self.keeps_unique_references(schema, &later) && self.follows_keys(schema)
            })
    }

    /// Whether each row that goes on to refer to a unique number still refers to the same row: the
    /// entity would not know that the database has had it follow.
    fn keeps_unique_references(&self, schema: &Schema, later: &Graph) -> bool {
        let holder = |graph: &Graph, table: usize, plain: usize, value: i64| {
            let has = |row: &NewRow| {
                row.table == table
                    && matches!(row.plain[plain], Given::Value(Datum::Int8(other)) if other == value)
            };
            graph.rows.iter().find(|(_, row)| has(row)).map(|(&rank, _)| rank)
        };
        later.rows.iter().filter(|(_, row)| row.part == 0).all(|(rank, row)| {
            schema.tables[row.table].plain.iter().enumerate().all(|(at, spec)| {
                let PlainSpec::ToUnique { table, plain, .. } = *spec else { return true };
                let number = |given: &Given| match given {
                    Given::Value(Datum::Int8(value)) => Some(*value),
                    _ => None,
                };
                let (old, new) = (number(&self.rows[rank].plain[at]), number(&row.plain[at]));
                old != new
                    || old.is_none_or(|value| {
                        holder(self, table, plain, value) == holder(later, table, plain, value)
                    })
            })
        })
    }

    /// Whether all that refers to a key that changes follows: what is not at hand, only the database
    /// can have follow.
    fn follows_keys(&self, schema: &Schema) -> bool {
        let changed: Vec<usize> =
            self.rows.keys().copied().filter(|&r| self.changes_key(r)).collect();
        self.split != Split::Fresh
            || changed.into_iter().all(|rank| {
                let mut referring = self.referring(schema, self, rank).into_iter();
                referring.all(|(other, rules, what)| {
                    matches!(what, Referring::Unique(_))
                        || self.rows[&other].part == 1
                        || (rules.on_update == Action::Cascade && !self.touches(other))
                })
            })
    }

    /// Chooses what becomes of the rows of the first part. Those of another unit of work are mostly
    /// not at hand.
    pub(crate) fn choose_changes(&mut self, schema: &Schema, often: usize, random: &mut Random) {
        if self.split == Split::None {
            return;
        }
        // Not all of what another unit of work has written is of interest.
        let often = if self.split == Split::Fresh { often.min(20) } else { often };
        let first: Vec<usize> =
            self.rows.iter().filter(|(_, row)| row.part == 0).map(|(&rank, _)| rank).collect();
        for &rank in &first {
            let table = self.rows[&rank].table;
            let part = random.below(schema.tables[table].key.len());
            // What is always an identity, the server does not let anybody change; and what triggers
            // count by a key that changes depends on when they run.
            if let KeyPart::Own { ty, assigned } = schema.tables[table].key[part] {
                let can = assigned != Some(AssignedBy::IdentityAlways)
                    && schema.tables[table].counter.is_none();
                if can && random.chance(often / 2) {
                    let id = given_key(ty, assigned, 1_000 + rank, random);
                    self.try_change(schema, rank, Change::Key { part, id });
                }
            }
            for (reference, spec) in schema.tables[table].references.iter().enumerate() {
                if spec.is_shared || !random.chance(often) {
                    continue;
                }
                let rows = self.rows.iter().filter(|(_, row)| row.table == spec.table);
                let candidates: Vec<usize> = rows.map(|(&rank, _)| rank).collect();
                let can_be_null = spec.role != LinkRole::NotNull;
                let to = match candidates.is_empty() || (can_be_null && random.chance(25)) {
                    true if can_be_null => None,
                    true => continue,
                    false => {
                        let row = random.pick(&candidates);
                        Some(Target { row, by_key: random.chance(50) })
                    }
                };
                self.try_change(schema, rank, Change::Point { reference, to });
            }
        }
        for &rank in first.iter().rev() {
            if !random.chance(often) {
                continue;
            }
            let before = self.changes.clone();
            self.changes.retain(|&(at, _)| at != rank);
            self.changes.push((rank, Change::Delete));
            if self.is_sound(schema) {
                self.pass_key(rank, random);
            } else {
                self.changes = before;
            }
        }
        for rank in first {
            if !self.is_deleted(rank) && self.changes_key(rank) {
                self.pass_key(rank, random);
            }
        }
        for (table, spec) in schema.tables.iter().enumerate() {
            for plain in spec.unique() {
                self.pass_values(schema, table, plain, often, random);
            }
        }
        self.keep_or_drop(schema, random);
    }

    /// Asks for what may be impossible: rows are deleted whatever refers to them, new rows refer to
    /// them by their keys, and keys pass from row to row.
    pub(crate) fn make_lawless(&mut self, schema: &Schema, random: &mut Random) {
        let first: Vec<usize> =
            self.rows.iter().filter(|(_, row)| row.part == 0).map(|(&rank, _)| rank).collect();
        for &rank in &first {
            if random.chance(20) && !self.is_deleted(rank) {
                self.changes.retain(|&(at, _)| at != rank);
                self.changes.push((rank, Change::Delete));
                if random.chance(50) {
                    self.pass_key(rank, random);
                }
            }
        }
        let kept: Vec<usize> =
            first.iter().copied().filter(|&rank| !self.is_deleted(rank)).collect();
        for &rank in &kept {
            let table = self.rows[&rank].table;
            for (reference, spec) in schema.tables[table].references.iter().enumerate() {
                let candidates: Vec<usize> = first
                    .iter()
                    .copied()
                    .filter(|&at| self.rows[&at].table == spec.table)
                    .collect();
                if !spec.is_shared && !candidates.is_empty() && random.chance(15) {
                    let to = Target { row: random.pick(&candidates), by_key: true };
                    self.changes.push((rank, Change::Point { reference, to: Some(to) }));
                }
            }
            let key = &self.rows[&rank].key;
            let of_table = kept.iter().copied().filter(|&other| self.rows[&other].table == table);
            let others: Vec<usize> = of_table.filter(|&other| other != rank).collect();
            let is_plain = |key: &[KeyCell]| matches!(key, [KeyCell::Given(_)]);
            if is_plain(key) && !others.is_empty() && random.chance(15) {
                let other = random.pick(&others);
                if let [KeyCell::Given(id)] = &self.rows[&other].key[..] {
                    let is_always = matches!(
                        schema.tables[table].key[0],
                        KeyPart::Own { assigned: Some(AssignedBy::IdentityAlways), .. }
                    );
                    if !is_always {
                        self.changes.push((rank, Change::Key { part: 0, id: id.clone() }));
                    }
                }
            }
        }
        let new: Vec<usize> =
            self.rows.iter().filter(|(_, row)| row.part == 1).map(|(&rank, _)| rank).collect();
        for rank in new {
            let table = self.rows[&rank].table;
            for (at, spec) in schema.tables[table].references.iter().enumerate() {
                let candidates: Vec<usize> = first
                    .iter()
                    .copied()
                    .filter(|&at| self.rows[&at].table == spec.table)
                    .collect();
                if !spec.is_shared && !candidates.is_empty() && random.chance(25) {
                    let to = Target { row: random.pick(&candidates), by_key: true };
                    self.row_mut(rank).references[at] = Some(to);
                }
            }
        }
    }

    /// Makes a change, if the others can be made as well.
    fn try_change(&mut self, schema: &Schema, rank: usize, change: Change) {
        self.changes.push((rank, change));
        if !self.is_sound(schema) {
            self.changes.pop();
        }
    }

    /// Has rows let go of unique numbers that pass to others, and takes changes back until all can
    /// be made.
    fn keep_or_drop(&mut self, schema: &Schema, random: &mut Random) {
        let ranks: Vec<usize> = self.rows.keys().copied().collect();
        for rank in ranks {
            let table = self.rows[&rank].table;
            for (at, spec) in schema.tables[table].plain.iter().enumerate() {
                if !matches!(spec, PlainSpec::ToUnique { .. }) || self.is_deleted(rank) {
                    continue;
                }
                let part = self.rows[&rank].part;
                if part == 0 && (!self.is_sound(schema) || random.chance(10)) {
                    self.changes.push((rank, Change::Plain { plain: at, value: Given::Null }));
                } else if part == 1 && !self.is_sound(schema) {
                    self.row_mut(rank).plain[at] = Given::Null;
                }
            }
        }
        while !self.is_sound(schema) && !self.changes.is_empty() {
            self.changes.pop();
        }
        if !self.is_sound(schema) {
            // New rows have taken keys or values that nobody gives up any more.
            self.rows.retain(|_, row| row.part == 0);
        }
    }

    /// Has a new row take the key that another gives up, if both are known.
    fn pass_key(&mut self, from: usize, random: &mut Random) {
        let giver = &self.rows[&from];
        let is_known = |row: &NewRow| matches!(row.key[..], [KeyCell::Given(_)]);
        let can = |row: &NewRow| row.part == 1 && row.table == giver.table && is_known(row);
        let takers: Vec<usize> =
            self.rows.iter().filter(|(_, row)| can(row)).map(|(&rank, _)| rank).collect();
        if !is_known(giver) || takers.is_empty() || random.chance(50) {
            return;
        }
        // If it is the second for this row, the first one is free again.
        let (key, taker) = (giver.key.clone(), random.pick(&takers));
        self.row_mut(taker).key = key;
        let mut changes = std::mem::take(&mut self.changes);
        for (_, change) in &mut changes {
            // By key, it could not be told from a reference that follows the row which had it.
            if let Change::Point { to: Some(to), .. } = change {
                to.by_key &= !self.has_key_of(to.row, taker);
            }
        }
        self.changes = changes;
    }

    /// Whether a row's key is this one's, or one that refers to it.
    fn has_key_of(&self, rank: usize, of: usize) -> bool {
        let is_of = |cell: &KeyCell| matches!(cell, KeyCell::To(to) if self.has_key_of(to.row, of));
        rank == of || self.rows[&rank].key.iter().any(is_of)
    }

    /// Has rows take the unique values that others give up: new rows those of any, changed rows those
    /// of deleted ones and, where no foreign key refers to them, of other changed ones.
    fn pass_values(
        &mut self,
        schema: &Schema,
        table: usize,
        plain: usize,
        often: usize,
        random: &mut Random,
    ) {
        let of_part = |part: usize| {
            let rows = self.rows.iter().filter(|(_, row)| row.table == table && row.part == part);
            rows.map(|(&rank, _)| rank).collect::<Vec<usize>>()
        };
        let (first, mut new) = (of_part(0), of_part(1));
        let (mut kept, deleted): (Vec<usize>, Vec<usize>) =
            first.into_iter().partition(|&rank| !self.is_deleted(rank));
        let value = |number: usize| Given::Value(Datum::Int8(number as i64));
        for from in deleted {
            let takers: Vec<usize> = kept.iter().chain(&new).copied().collect();
            if takers.is_empty() || !random.chance(often) {
                continue;
            }
            let taker = random.pick(&takers);
            if self.rows[&taker].part == 1 {
                self.row_mut(taker).plain[plain] = value(from);
            } else {
                self.changes.push((taker, Change::Plain { plain, value: value(from) }));
            }
            kept.retain(|&rank| rank != taker);
            new.retain(|&rank| rank != taker);
        }
        let is_referred_to = schema.tables.iter().flat_map(|spec| &spec.plain).any(|spec| {
            matches!(spec, PlainSpec::ToUnique { table: t, plain: p, .. } if (*t, *p) == (table, plain))
        });
        if !is_referred_to && kept.len() > 1 && random.chance(often) {
            // A chain, or a ring.
            let len = 2 + random.below(kept.len() - 1);
            random.shuffle(&mut kept);
            let moved: Vec<usize> = kept.drain(..len).collect();
            let is_ring = random.chance(40);
            for (at, &rank) in moved.iter().enumerate() {
                let number = match moved.get(at + 1) {
                    Some(&next) => next,
                    None if is_ring => moved[0],
                    None => 20_000 + rank,
                };
                self.changes.push((rank, Change::Plain { plain, value: value(number) }));
            }
        }
        for from in kept {
            if new.is_empty() || !random.chance(often) {
                continue;
            }
            let taker = random.pick(&new);
            new.retain(|&rank| rank != taker);
            self.changes.push((from, Change::Plain { plain, value: value(10_000 + from) }));
            self.row_mut(taker).plain[plain] = value(from);
        }
    }
}

/// By what a row refers to another: by its key, a reference, or a column with a unique number.
#[derive(Debug, Clone, Copy)]
enum Referring {
    Key,
    Reference(usize),
    Unique(usize),
}
