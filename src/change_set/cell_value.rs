//! `CellValue`: what is written into a cell, and what is known of it before.

use bytes::BytesMut;

use super::CellAt;
use crate::error::Error;
use crate::model::Table;

/// The values of the columns of a key, in their binary form.
pub(crate) type RowKey = Vec<Option<Vec<u8>>>;

/// What is written into a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellValue {
    /// The server's default, or a key that it assigns to this row.
    Default,
    Null,
    /// The bytes that were appended to the buffer.
    Value,
    /// A key that the database has yet to assign to a row of this commit.
    Unassigned(CellAt),
}

/// What there is to know of a cell before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// The row leaves the column to the database.
    pub(super) is_default: bool,
    /// The size of the value that will be sent.
    pub(super) bytes: usize,
}

/// The size that a plan assumes for a key that is not known yet.
pub(super) const UNKNOWN_KEY_BYTES: usize = 4;

/// What a source leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    Default,
    Null,
    /// A range of the buffer.
    Value(usize, usize),
    Unassigned(CellAt),
}

impl Resolved {
    /// Leaves nothing in the buffer from there on but the value.
    pub(super) fn leave_value(self, before: usize, buffer: &mut BytesMut) -> CellValue {
        let mut len = 0;
        if let Resolved::Value(start, end) = self {
            buffer.copy_within(start..end, before);
            len = end - start;
        }
        buffer.truncate(before + len);
        match self {
            Resolved::Default => CellValue::Default,
            Resolved::Null => CellValue::Null,
            Resolved::Value(..) => CellValue::Value,
            Resolved::Unassigned(cell) => CellValue::Unassigned(cell),
        }
    }
}

/// Returns the bytes of some columns of a table, each after its length, if all of them have a
/// value. Equal integers have equal bytes, whatever their types. `value` gives a column's, and
/// appends its bytes.
pub(crate) fn key_bytes(
    table: &Table,
    columns: &[usize],
    mut value: impl FnMut(usize, &mut BytesMut) -> Result<CellValue, Error>,
) -> Result<Option<Vec<u8>>, Error> {
    let (mut key, mut bytes) = (Vec::new(), BytesMut::new());
    for &column in columns {
        bytes.clear();
        if value(column, &mut bytes)? != CellValue::Value {
            return Ok(None);
        }
        table.columns()[column].ty().push_key_part(&bytes, &mut key);
    }
    Ok(Some(key))
}
