//! Graphs of rows, as plain data.

use std::collections::BTreeMap;

use onetrip::Cycles;

use crate::change::Change;
use crate::fields::{Id, LinkRole};
use crate::schema::Schema;
use crate::values::Given;

/// Rows, and how they are written.
#[derive(Clone)]
pub(crate) struct Graph {
    /// By rank: where there are to be no circles, a row refers to lower ranks only.
    pub(crate) rows: BTreeMap<usize, NewRow>,
    pub(crate) split: Split,
    /// What the second part does to rows of the first, by rank.
    pub(crate) changes: Vec<(usize, Change)>,
    /// Whether it is written inside a transaction of the caller's.
    pub(crate) in_transaction: bool,
}

/// What lies between the first part of the rows and the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    /// There is one part only.
    None,
    Flush,
    Commit,
    /// A commit, and the second part is written by another unit of work.
    Fresh,
}

#[derive(Clone)]
pub(crate) struct NewRow {
    pub(crate) table: usize,
    /// 0, or 1 if it is written after the split.
    pub(crate) part: usize,
    /// Rows of a part are added in this order.
    pub(crate) turn: u64,
    /// No other row has it.
    pub(crate) label: String,
    pub(crate) key: Vec<KeyCell>,
    pub(crate) references: Vec<Option<Target>>,
    pub(crate) plain: Vec<Given>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum KeyCell {
    /// The database assigns it.
    Left,
    Given(Id),
    To(Target),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) row: usize,
    /// By key if the key is known when the row is added, by handle otherwise.
    pub(crate) by_key: bool,
}

impl NewRow {
    /// The rows that it refers to.
    pub(crate) fn targets(&self) -> impl Iterator<Item = usize> {
        let keys = self.key.iter().filter_map(|cell| match cell {
            KeyCell::To(target) => Some(target.row),
            _ => None,
        });
        keys.chain(self.references.iter().flatten().map(|target| target.row))
    }
}

impl Graph {
    /// Whether the key is complete before anything is written.
    pub(crate) fn knows_its_key(&self, rank: usize) -> bool {
        self.rows[&rank].key.iter().all(|cell| match cell {
            KeyCell::Left => false,
            KeyCell::Given(_) => true,
            KeyCell::To(target) => self.knows_its_key(target.row),
        })
    }

    /// The key, if it is complete before anything is written.
    pub(crate) fn given_key(&self, rank: usize) -> Option<Vec<Id>> {
        let part = |cell: &KeyCell| match cell {
            KeyCell::Left => None,
            KeyCell::Given(id) => Some(id.clone()),
            KeyCell::To(target) => self.given_key(target.row).map(|key| key[0].clone()),
        };
        // What a lawless graph refers to may not be there any more.
        self.rows.get(&rank)?.key.iter().map(part).collect()
    }

    /// The rows of a part, in the order in which they are added.
    pub(crate) fn order_of_add(&self, part: usize) -> Vec<usize> {
        let rows = self.rows.iter().filter(|(_, row)| row.part == part);
        let mut order: Vec<_> = rows.map(|(&rank, row)| (row.turn, rank)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, rank)| rank).collect()
    }

    /// The graph without one of its rows, if that is none of those that others need.
    pub(crate) fn without(&self, schema: &Schema, rank: usize, is_lawless: bool) -> Option<Graph> {
        let mut graph = self.clone();
        graph.rows.remove(&rank);
        for row in graph.rows.values_mut() {
            let needs = |cell: &KeyCell| matches!(cell, KeyCell::To(target) if target.row == rank);
            if row.key.iter().any(needs) {
                return None;
            }
            let specs = &schema.tables[row.table].references;
            for (reference, spec) in row.references.iter_mut().zip(specs) {
                if reference.is_some_and(|target| target.row == rank) {
                    if spec.role == LinkRole::NotNull {
                        return None;
                    }
                    *reference = None;
                }
            }
        }
        graph.changes.retain(|(at, change)| {
            let leads_there =
                matches!(change, Change::Point { to: Some(to), .. } if to.row == rank);
            *at != rank && !leads_there
        });
        let is_possible = if is_lawless { !graph.is_torn(schema) } else { graph.is_sound(schema) };
        is_possible.then_some(graph)
    }

    /// The circles among the rows of a part.
    pub(crate) fn circle(&self, part: usize) -> Cycles {
        let rows: BTreeMap<usize, Vec<usize>> = self
            .rows
            .iter()
            .filter(|(_, row)| row.part == part)
            .map(|(&rank, row)| (rank, row.targets().collect()))
            .collect();
        // What refers to nothing that is left is taken away, as long as there is such a row.
        let mut left = rows.clone();
        loop {
            let waits = |(rank, targets): (&usize, &Vec<usize>)| {
                targets.iter().any(|target| target != rank && left.contains_key(target))
            };
            let waiting: BTreeMap<_, _> = left
                .iter()
                .filter(|&row| waits(row))
                .map(|(&rank, targets)| (rank, targets.clone()))
                .collect();
            if waiting.len() == left.len() {
                break;
            }
            left = waiting;
        }
        let refers_to_itself = |(rank, targets): (&usize, &Vec<usize>)| {
            targets.contains(rank) && !self.is_known(*rank)
        };
        if !left.is_empty() {
            Cycles::Any
        } else if rows.iter().any(refers_to_itself) {
            Cycles::OneRow
        } else {
            Cycles::None
        }
    }

    /// Whether the key is known before the row's part is written.
    fn is_known(&self, rank: usize) -> bool {
        let part = self.rows[&rank].part;
        self.rows[&rank].key.iter().all(|cell| match cell {
            KeyCell::Left => false,
            KeyCell::Given(_) => true,
            KeyCell::To(target) => {
                let is_there = |row: &NewRow| row.part < part || self.is_known(target.row);
                self.rows.get(&target.row).is_none_or(is_there)
            }
        })
    }
}
