//! Values that updated rows give up, and that others may take.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use bytes::BytesMut;

use super::{CellAt, CellValue, ChangeSet, ChangedRows};
use crate::assignments::{Assignments, RowsOf};
use crate::error::Error;
use crate::model::SqlType;

/// Hashes of the values that changed cells had, and of those that they get.
#[derive(Debug, Default)]
pub(super) struct PassedOn {
    given_up: Vec<u64>,
    taken: Vec<u64>,
}

/// In more new cells than this, values are not looked for.
const MAX_CELLS: usize = 4_096;

impl PassedOn {
    /// Notes the value that a changed cell had, and the one that it gets, if it has any.
    pub(super) fn note(&mut self, ty: SqlType, old: Option<&[u8]>, new: Option<&[u8]>) {
        self.given_up.extend(old.map(|old| hash(ty, old)));
        self.taken.extend(new.map(|new| hash(ty, new)));
    }
}

impl ChangeSet<'_> {
    /// Returns `true` if a changed or new row may get a value that another changed row had, in any
    /// column. Equal hashes are taken for equal values. Where values can be equal to others with
    /// other bytes, or new rows are many, they are not looked at.
    ///
    /// # Errors
    ///
    /// A value that cannot be encoded.
    pub(crate) fn passes_values_on(&self) -> Result<bool, Error> {
        let given_up: HashSet<u64> = self.passed_on.given_up.iter().copied().collect();
        if given_up.is_empty() {
            return Ok(false);
        }
        if self.passed_on.taken.iter().any(|hash| given_up.contains(hash)) {
            return Ok(true);
        }
        if self.changed.iter().any(gives_up_inexact) {
            return Ok(true);
        }
        let cells = self.tables.iter().map(|rows| rows.len() * rows.table().columns().len());
        if cells.sum::<usize>() > MAX_CELLS {
            return Ok(true);
        }
        let (none, mut buffer) = (Assignments::default(), BytesMut::new());
        for (table, rows) in self.tables.iter().enumerate() {
            for (column, description) in rows.table().columns().iter().enumerate() {
                for row in 0..rows.len() as u32 {
                    buffer.clear();
                    let value = self.value(
                        CellAt { rows: RowsOf::New(table), row, column },
                        &none,
                        &mut buffer,
                    )?;
                    if value == CellValue::Value
                        && given_up.contains(&hash(description.ty(), &buffer))
                    {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

/// Returns `true` if values change that can be equal to others with other bytes. Those of the
/// user's own types are such, for all that is known.
fn gives_up_inexact(rows: &ChangedRows<'_>) -> bool {
    let columns: HashSet<usize> = rows.sets().iter().flatten().map(|&(column, _)| column).collect();
    let table = rows.table();
    columns.into_iter().any(|column| {
        !table.columns()[column].ty().is_equal_by_bytes() || table.cast(column).is_some()
    })
}

fn hash(ty: SqlType, bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    match ty.as_integer(bytes) {
        Some(integer) => hasher.write_i64(integer),
        None => hasher.write(bytes),
    }
    hasher.finish()
}
