//! The rows of one model in a flush.

use crate::change_set::{ChangeSet, EntityAt};

/// A row, and its entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOf {
    /// The position in [`ChangeSet::changed`] or [`ChangeSet::tables`].
    pub(super) group: usize,
    /// The position among the deleted, updated or new rows of the group.
    pub(super) at: u32,
    pub(super) entity: EntityAt,
}

/// Returns the rows of a model that are deleted.
pub(super) fn deleted(changes: &ChangeSet<'_>, model: usize) -> Vec<RowOf> {
    let groups = changes.changed().iter().enumerate().filter(|(_, rows)| rows.model() == model);
    let of_group = |(group, rows): (usize, &crate::change_set::ChangedRows<'_>)| {
        let slots = (0..).zip(rows.deleted());
        slots
            .map(|(at, &slot)| RowOf { group, at, entity: EntityAt { model, slot } })
            .collect::<Vec<_>>()
    };
    groups.flat_map(of_group).collect()
}

/// Returns the rows of a model in which one of these columns changes.
pub(super) fn updated(changes: &ChangeSet<'_>, model: usize, columns: &[usize]) -> Vec<RowOf> {
    let mut result = Vec::new();
    for (group, rows) in changes.changed().iter().enumerate() {
        if rows.model() != model || !rows.updates_any(columns) {
            continue;
        }
        for (at, &row) in (0..).zip(rows.updated()) {
            if rows.columns_of(row).iter().any(|(column, _)| columns.contains(column)) {
                result.push(RowOf {
                    group,
                    at,
                    entity: EntityAt { model, slot: rows.slot_of(row.row) },
                });
            }
        }
    }
    result
}

/// Returns the new rows of a model.
pub(super) fn inserted(changes: &ChangeSet<'_>, model: usize) -> Vec<RowOf> {
    let groups = changes.tables().iter().enumerate().filter(|(_, rows)| rows.model() == model);
    let of_group = |(group, rows): (usize, &crate::change_set::NewRows<'_>)| {
        let slots = (0..).zip(rows.slots());
        slots
            .map(|(at, &slot)| RowOf { group, at, entity: EntityAt { model, slot } })
            .collect::<Vec<_>>()
    };
    groups.flat_map(of_group).collect()
}
