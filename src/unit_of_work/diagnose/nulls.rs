//! The rows that have NULL where the server takes none.

use bytes::BytesMut;

use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellValue, ChangeSet, EntityAt};
use crate::error::Error;

/// Returns the entities that write NULL into the column that an error names. There are none where it
/// cannot be known, as of rows that may be there already.
pub(super) fn null_rows(changes: &ChangeSet<'_>, error: &Error) -> Vec<EntityAt> {
    let (Some(table), Some(column)) = (error.table(), error.column()) else { return Vec::new() };
    let (mut found, mut buffer, none) = (Vec::new(), BytesMut::new(), Assignments::default());
    for rows_of in changes.all_rows() {
        let model = changes.model_of(rows_of);
        let description = changes.table_of(model);
        let at = description.columns().iter().position(|other| other.name() == column);
        let Some(at) = at.filter(|_| description.name() == table) else { continue };
        // Two tables of this name are in two schemas, and the error does not say in which.
        let is_other = |model: usize| {
            let other = changes.table_of(model);
            other.name() == table && !other.is(description)
        };
        if (0..changes.models()).any(is_other) {
            return Vec::new();
        }
        let rows: Vec<(u32, u32)> = match rows_of {
            RowsOf::New(new) => (0..).zip(changes.tables()[new].slots().iter().copied()).collect(),
            RowsOf::Changed(changed) => {
                let rows = &changes.changed()[changed];
                let changes_column = rows.updated().iter().filter(|&&updated| {
                    rows.columns_of(updated).iter().any(|&(column, _)| column == at)
                });
                changes_column.map(|updated| (updated.row, rows.slot_of(updated.row))).collect()
            }
        };
        let is_sought =
            matches!(rows_of, RowsOf::New(new) if changes.tables()[new].resolution().is_some());
        for (row, slot) in rows {
            buffer.clear();
            let cell = CellAt { rows: rows_of, row, column: at };
            if changes.value(cell, &none, &mut buffer).ok() == Some(CellValue::Null) {
                if is_sought {
                    return Vec::new();
                }
                found.push(EntityAt { model, slot });
            }
        }
    }
    found
}
