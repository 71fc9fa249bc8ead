//! What the second part of a graph does to the rows of the first.

use std::collections::HashSet;

use crate::fields::{Id, LinkRole};
use crate::graph::{Graph, KeyCell, NewRow, Split, Target};
use crate::grow::given_key;
use crate::random::Random;
use crate::schema::{AssignedBy, KeyPart, Schema};
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
    /// The graph as it is when all is done.
    pub(crate) fn changed(&self) -> Graph {
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
    pub(crate) fn without_change(&self, schema: &Schema, at: usize) -> Option<Graph> {
        let mut graph = self.clone();
        graph.changes.remove(at);
        graph.is_sound(schema).then_some(graph)
    }

    /// Whether all that is referred to is there when all is done, and what is unique is.
    pub(crate) fn is_sound(&self, schema: &Schema) -> bool {
        let later = self.changed();
        let (mut keys, mut values) = (HashSet::new(), HashSet::new());
        later.rows.iter().all(|(&rank, row)| {
            let is_whole = row.targets().all(|target| later.rows.contains_key(&target));
            let has_own_key =
                is_whole && later.given_key(rank).is_none_or(|key| keys.insert((row.table, key)));
            has_own_key
                && schema.tables[row.table].unique().all(|plain| match row.plain[plain] {
                    Given::Value(Datum::Int8(value)) => values.insert((row.table, plain, value)),
                    _ => true,
                })
        })
    }

    /// Chooses what becomes of the rows of the first part, where they are still at hand.
    pub(crate) fn choose_changes(&mut self, schema: &Schema, often: usize, random: &mut Random) {
        if !matches!(self.split, Split::Flush | Split::Commit) {
            return;
        }
        let first: Vec<usize> =
            self.rows.iter().filter(|(_, row)| row.part == 0).map(|(&rank, _)| rank).collect();
        for &rank in &first {
            let table = self.rows[&rank].table;
            let part = random.below(schema.tables[table].key.len());
            // What is always an identity, the server does not let anybody change.
            if let KeyPart::Own { ty, assigned } = schema.tables[table].key[part] {
                let can = assigned != Some(AssignedBy::IdentityAlways);
                if can && random.chance(often / 2) {
                    let id = given_key(ty, assigned, 1_000 + rank, random);
                    self.changes.push((rank, Change::Key { part, id }));
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
                self.changes.push((rank, Change::Point { reference, to }));
            }
        }
        for &rank in first.iter().rev() {
            let is_free =
                self.changed().rows.iter().all(|(&other, row)| {
                    other == rank || row.targets().all(|target| target != rank)
                });
            if is_free && random.chance(often) {
                self.changes.retain(|&(at, _)| at != rank);
                self.changes.push((rank, Change::Delete));
                self.pass_key(rank, random);
            }
        }
        for rank in first {
            if !self.is_deleted(rank) && self.changes_key(rank) {
                self.pass_key(rank, random);
            }
        }
        for (table, spec) in schema.tables.iter().enumerate() {
            for plain in spec.unique() {
                self.pass_values(table, plain, often, random);
            }
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
    /// of deleted ones.
    fn pass_values(&mut self, table: usize, plain: usize, often: usize, random: &mut Random) {
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
