//! The steps of rows that may be there already.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;

use super::planned_table::GroupOrder;
use super::{FindOrAddStep, InsertStep, PlannedTable, Step};
use crate::assignments::RowsOf;
use crate::change_set::{CellAt, ChangeSet};
use crate::error::Error;

/// So many rows are found or added by one step: the arrays of more grow too large for one message.
const MAX_ROWS: usize = 20_000;

/// Returns the steps of some inserts, in their order. One whose rows may be there already becomes
/// steps that look for them: one for each set of columns that they leave to the database, and each
/// after those with rows that its own refer to.
///
/// # Errors
///
/// A value that cannot be encoded; a reference to an entity that is not there.
pub(super) fn steps(
    changes: &ChangeSet<'_>,
    tables: &[PlannedTable],
    inserts: Vec<InsertStep>,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for insert in inserts {
        let planned = &tables[insert.table];
        let Some(resolution) = planned.resolution() else {
            steps.push(Step::Insert(insert));
            continue;
        };
        for mut rows in levels(changes, &insert)? {
            rows.sort_unstable();
            for group in planned.groups(&rows, GroupOrder::Free, |_| true) {
                let mut by_key = group.rows;
                by_key.sort_unstable_by_key(|&row| changes.tables()[insert.table].natural_key(row));
                for some in by_key.chunks(MAX_ROWS) {
                    let mut rows = some.to_vec();
                    rows.sort_unstable();
                    let at = |row: &u32| rows.partition_point(|other| other < row) as u32;
                    let by_key = some.iter().map(at).collect();
                    steps.push(Step::FindOrAdd(FindOrAddStep {
                        insert: InsertStep { rows, ..insert.clone() },
                        left: group.left.clone(),
                        by_key,
                        resolution: Arc::clone(resolution),
                    }));
                }
            }
        }
    }
    Ok(steps)
}

/// Returns the rows of an insert, level by level, so that none refers to another of its level. The
/// rows come each after those that it refers to.
fn levels(changes: &ChangeSet<'_>, insert: &InsertStep) -> Result<Vec<Vec<u32>>, Error> {
    let table = insert.description;
    let columns: Vec<usize> = table
        .foreign_keys()
        .filter(|foreign_key| foreign_key.target.is(table))
        .flat_map(|foreign_key| foreign_key.columns)
        .copied()
        .collect();
    if columns.is_empty() {
        return Ok(vec![insert.rows.clone()]);
    }
    let rows = RowsOf::New(insert.table);
    let (mut level_of, mut levels) = (HashMap::new(), Vec::<Vec<u32>>::new());
    let mut buffer = BytesMut::new();
    for &row in &insert.rows {
        let mut level = 0;
        for &column in &columns {
            buffer.clear();
            for parent in changes.new_parents(CellAt { rows, row, column }, &mut buffer)? {
                if parent.rows == rows {
                    level = level.max(level_of.get(&parent.row).map_or(0, |level| level + 1));
                }
            }
        }
        level_of.insert(row, level);
        if levels.len() <= level {
            levels.resize(level + 1, Vec::new());
        }
        levels[level].push(row);
    }
    Ok(levels)
}
