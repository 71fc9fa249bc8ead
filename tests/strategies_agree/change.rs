//! What the second part of a graph does to the rows of the first.

use crate::fields::{Id, LinkRole};
use crate::graph::{Graph, KeyCell, NewRow, Split, Target};
use crate::grow::given_key;
use crate::random::Random;
use crate::schema::{AssignedBy, KeyPart, Schema};

#[derive(Clone)]
pub(crate) enum Change {
    /// A reference leads elsewhere, or nowhere.
    Point { reference: usize, to: Option<Target> },
    /// A part of the key gets another value, and what refers to it follows.
    Key { part: usize, id: Id },
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
    pub(crate) fn without_change(&self, at: usize) -> Option<Graph> {
        let mut graph = self.clone();
        graph.changes.remove(at);
        let later = graph.changed();
        let is_whole = |row: &NewRow| row.targets().all(|to| later.rows.contains_key(&to));
        later.rows.values().all(is_whole).then_some(graph)
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
            // What is always an identity, the server does not let anybody change. And where there
            // are circles, a strategy that cannot write them would not be asked.
            if let KeyPart::Own { ty, assigned } = schema.tables[table].key[part] {
                let can = assigned != Some(AssignedBy::IdentityAlways) && !schema.has_circles;
                if can && random.chance(often / 2) {
                    let id = given_key(ty, assigned, 100 + rank, random);
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
            }
        }
    }
}
