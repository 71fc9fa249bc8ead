//! `Indexes`: which foreign keys have an index.
//!
//! Rows are found by the keys of the level above. With an index, `= ANY` of an array is the fastest way: the
//! server plans it quickly, and reads the index once. Without an index it would compare every row with every
//! key. So a statement takes this way only where an index is known, and looks again whether the index is still
//! there.

use std::collections::HashMap;

use super::level::{Levels, Relation};
use crate::model::QualifiedName;

/// What is known of the indexes by which levels are found.
#[derive(Debug, Default)]
pub(crate) struct Indexes(HashMap<Lookup, Known>);

/// The column of a table by which the rows of a level are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lookup {
    pub(crate) table: QualifiedName,
    pub(crate) column: &'static str,
}

/// An index that serves a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) lookup: Lookup,
    /// The oid of the table.
    pub(crate) table: i64,
    /// The oid of the index.
    pub(crate) index: i64,
    /// The `work_mem` for which the next is right.
    pub(crate) work_mem: String,
    /// The size of the table up to which the index is the faster way.
    pub(crate) most_bytes: i64,
}

/// What the server answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For each lookup, the oid of the table, or 0.
    pub(crate) tables: Vec<i64>,
    /// For each lookup, the oid of the index, or 0 where there is none.
    pub(crate) indexes: Vec<i64>,
    pub(crate) work_mem: String,
    pub(crate) most_bytes: i64,
}

#[derive(Debug)]
struct Known {
    state: State,
    /// How many loads ago the server was asked.
    loads: u32,
    /// How often what was known was not true any more, or could not be learned.
    failures: u32,
}

#[derive(Debug)]
enum State {
    /// The server was not asked yet.
    Unasked,
    Index(Index),
    NoIndex,
}

/// After so many failures a lookup counts as one without an index. One strategy may serve databases or search
/// paths that differ.
const MOST_FAILURES: u32 = 3;

/// After so many loads the server is asked again: there may be an index by now, or a table that inherits from
/// this one.
const ASK_AGAIN: u32 = 1_000;

/// The most columns that a result has beside those of the levels: the guard, and the answer.
pub(crate) const COLUMNS: usize = 5;

/// What a statement can build on.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The index of each level, where one is known.
    pub(crate) indexes: Vec<Option<Index>>,
    /// The lookups of which the statement asks for the index.
    pub(crate) asks: Vec<Lookup>,
}

impl Found {
    /// Returns `true` if the statement can be replaced by one that builds on nothing.
    pub(crate) fn is_something(&self) -> bool {
        !self.asks.is_empty() || self.indexes.iter().any(Option::is_some)
    }
}

impl Indexes {
    /// Returns what the statement for these levels can build on. A lookup is asked for when it comes for
    /// the second time: what is learned from a single load would be of no use. The question can be refused, so
    /// it is asked only where the caller `can_ask`: a refusal would end a transaction.
    pub(crate) fn for_load(&mut self, levels: &Levels, can_ask: bool) -> Found {
        let mut found = Found::default();
        for level in 0..levels.len() {
            let lookup = lookup(levels, level);
            found.indexes.push(lookup.and_then(|lookup| {
                let unknown = || Known { state: State::Unasked, loads: 0, failures: 0 };
                let is_new = !self.0.contains_key(&lookup);
                let known = self.0.entry(lookup).or_insert_with(unknown);
                if known.loads >= ASK_AGAIN {
                    *known = unknown();
                }
                known.loads += 1;
                match &known.state {
                    State::Index(index) => return Some(index.clone()),
                    State::Unasked
                        if !is_new
                            && can_ask
                            && known.failures < MOST_FAILURES
                            && !found.asks.contains(&lookup) =>
                    {
                        found.asks.push(lookup);
                    }
                    _ => {}
                }
                None
            }));
        }
        found
    }

    /// Remembers what the server has answered.
    pub(crate) fn learn(&mut self, lookups: &[Lookup], answer: &Answer) {
        for (lookup, (&table, &index)) in
            lookups.iter().zip(answer.tables.iter().zip(&answer.indexes))
        {
            if let Some(known) = self.0.get_mut(lookup) {
                known.loads = 0;
                known.state = match index {
                    0 => State::NoIndex,
                    index => State::Index(Index {
                        lookup: *lookup,
                        table,
                        index,
                        work_mem: answer.work_mem.clone(),
                        most_bytes: answer.most_bytes,
                    }),
                };
            }
        }
    }

    /// Forgets what a statement has built on.
    pub(crate) fn forget(&mut self, found: &Found) {
        let used = found.indexes.iter().flatten().map(|index| index.lookup);
        for lookup in used.chain(found.asks.iter().copied()) {
            if let Some(known) = self.0.get_mut(&lookup) {
                known.failures += 1;
                known.state = State::Unasked;
            }
        }
    }
}

/// Returns the column by which the rows of a level are found, where an array of the level above has the keys
/// as they are: it is one column of integers or UUIDs, and the level above is not numbered, so that its keys are
/// of the same kind. A level has no condition: for its sake, the server may find the rows in another way, and
/// compare each with every key.
fn lookup(levels: &Levels, at: usize) -> Option<Lookup> {
    let level = levels.at(at);
    let columns = match level.relation {
        Relation::Children { columns, .. } if levels.picked_by(at).is_none() => columns,
        Relation::Parent { .. } => level.table.key(),
        _ => return None,
    };
    let &[column] = columns else { return None };
    let is_plain = !levels.has_condition(at) && levels.is_read_as_it_is(at, column);
    (is_plain && !levels.are_rows_needed(level.relation.above()?)).then(|| Lookup {
        table: level.table.qualified_name(),
        column: level.table.columns()[column].name(),
    })
}
