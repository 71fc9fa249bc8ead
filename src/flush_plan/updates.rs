//! Updated rows as steps: those in which the same columns change, or all of a table.

use indexmap::IndexMap;

use super::step::{ColumnMask, UpdateStep};
use crate::change_set::{ChangedRows, SetTo, UpdatedRow};

/// So many sets of columns of a table are steps of their own, each an update of just these columns.
/// Where there are more, rows of different sets are one step, for the time that a statement takes
/// grows with its updates.
const MAX_SETS: usize = 8;

/// Returns the steps of some rows of a model.
pub(super) fn steps(
    changed: usize,
    rows: &ChangedRows<'_>,
    some: &[UpdatedRow],
) -> Vec<UpdateStep> {
    let mut by_set: IndexMap<u32, Vec<u32>> = IndexMap::new();
    for updated in some {
        by_set.entry(updated.set).or_default().push(updated.row);
    }
    let step = |columns: Vec<(usize, SetTo)>, rows_of_step: Vec<u32>, masks| UpdateStep {
        table: rows.table(),
        changed,
        columns,
        rows: rows_of_step,
        masks,
        waits: false,
        moved: 0,
        set_aside: None,
    };
    if by_set.len() <= MAX_SETS {
        let columns = |set: u32| rows.sets()[set as usize].clone();
        return by_set.into_iter().map(|(set, of_set)| step(columns(set), of_set, None)).collect();
    }
    let mut by_kind: IndexMap<Vec<(usize, SetTo)>, Vec<UpdatedRow>> = IndexMap::new();
    for &updated in some {
        by_kind.entry(kind(rows, updated)).or_default().push(updated);
    }
    let mut steps = Vec::new();
    for of_kind in by_kind.into_values() {
        let mut columns: Vec<(usize, SetTo)> =
            of_kind.iter().flat_map(|&updated| rows.columns_of(updated)).copied().collect();
        columns.sort_unstable_by_key(|&(column, _)| column);
        columns.dedup();
        let mask = |updated: &UpdatedRow| {
            let position = |&column| columns.iter().position(|&other| other == column);
            ColumnMask::new(rows.columns_of(*updated).iter().filter_map(position))
        };
        let masks: Vec<ColumnMask> = of_kind.iter().map(mask).collect();
        let differ = masks.iter().any(|mask| *mask != masks[0]);
        let rows_of_step = of_kind.iter().map(|updated| updated.row).collect();
        steps.push(step(columns, rows_of_step, differ.then_some(masks)));
    }
    steps
}

/// Returns what rows of one step have in common: the columns that take their defaults, for which a
/// row cannot have its own expression, and all of them where the key changes.
fn kind(rows: &ChangedRows<'_>, updated: UpdatedRow) -> Vec<(usize, SetTo)> {
    let (columns, key) = (rows.columns_of(updated), rows.table().key());
    if columns.iter().any(|(column, _)| key.contains(column)) {
        return columns.to_vec();
    }
    columns.iter().filter(|&&(_, to)| to == SetTo::Default).copied().collect()
}
