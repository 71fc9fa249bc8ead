//! `Indexes`: which foreign keys have an index.
//!
//! Rows are found by the keys of the level above. With an index, `= ANY` of an array is the fastest way: the
//! server plans it quickly, and reads the index once. Without an index it would compare every row with every
//! key. So a statement takes this way only where an index is known, and looks again whether the index is still
//! there.

use std::collections::HashMap;

use super::{Levels, Relation};
use crate::model::{QualifiedName, SqlType, Table};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index {
    /// The oid of the table.
    pub(crate) table: i64,
    /// The oid of the index.
    pub(crate) index: i64,
    /// The size of the table up to which the index is the faster way.
    pub(crate) most_bytes: i64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    answer: Answer,
    /// How often what was known was not true any more, or could not be learned.
    failures: u32,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The server was not asked yet.
    Unasked,
    Index(Index),
    NoIndex,
}

/// After so many failures a lookup counts as one without an index. One strategy may serve databases or search
/// paths that differ.
const MOST_FAILURES: u32 = 3;

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
    /// the second time: what is learned from a single load would be of no use.
    pub(crate) fn for_load(&mut self, levels: &Levels) -> Found {
        let mut found = Found::default();
        for level in 0..levels.len() {
            let lookup = lookup(levels, level);
            let mut index = None;
            if let Some(lookup) = lookup {
                match self.0.get(&lookup).map(|known| known.answer) {
                    Some(Answer::Index(known)) => index = Some(known),
                    Some(Answer::NoIndex) => {}
                    Some(Answer::Unasked) if found.asks.contains(&lookup) => {}
                    Some(Answer::Unasked) => found.asks.push(lookup),
                    None => {
                        self.0.insert(lookup, Known { answer: Answer::Unasked, failures: 0 });
                    }
                }
            }
            found.indexes.push(index);
        }
        found
    }

    /// Remembers what the server has answered: the oids of tables and of indexes, 0 for none, and the size up
    /// to which indexes are the faster way.
    pub(crate) fn learn(
        &mut self,
        lookups: &[Lookup],
        (tables, indexes, most_bytes): (&[i64], &[i64], i64),
    ) {
        for (lookup, (&table, &index)) in lookups.iter().zip(tables.iter().zip(indexes)) {
            if let Some(known) = self.0.get_mut(lookup) {
                known.answer = match index {
                    0 => Answer::NoIndex,
                    index => Answer::Index(Index { table, index, most_bytes }),
                };
            }
        }
    }

    /// Forgets what a statement has built on.
    pub(crate) fn forget(&mut self, levels: &Levels, found: &Found) {
        let used = (0..levels.len()).filter(|&level| found.indexes[level].is_some());
        let used = used.filter_map(|level| lookup(levels, level));
        for lookup in used.chain(found.asks.iter().copied()) {
            if let Some(known) = self.0.get_mut(&lookup) {
                known.failures += 1;
                known.answer = match known.failures {
                    ..MOST_FAILURES => Answer::Unasked,
                    MOST_FAILURES.. => Answer::NoIndex,
                };
            }
        }
    }
}

/// Returns the column by which the rows of a level are found, where an array of the level above has the keys
/// as they are: it is one column, and both are integers or UUIDs.
fn lookup(levels: &Levels, at: usize) -> Option<Lookup> {
    let level = levels.at(at);
    let columns = match level.relation {
        Relation::Children { columns, .. } if levels.picked_by(at).is_none() => columns,
        Relation::Parent { .. } => level.table.key(),
        _ => return None,
    };
    let above = level.relation.above()?;
    let (&[own], &[other]) = (columns, levels.columns_above(at)) else { return None };
    let kind = |table: &'static Table, column: usize| match table.columns()[column].ty() {
        _ if table.cast(column).is_some() => None,
        ty if ty.is_integer() => Some(SqlType::INT8),
        ty => Some(ty).filter(|&ty| ty == SqlType::UUID),
    };
    let own_kind = kind(level.table, own)?;
    let is_same = kind(levels.at(above).table, other) == Some(own_kind);
    (is_same && !levels.is_numbered(above)).then(|| Lookup {
        table: level.table.qualified_name(),
        column: level.table.columns()[own].name(),
    })
}
