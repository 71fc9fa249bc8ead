//! How entities differ, by what they say of their columns.

use bytes::BytesMut;

use crate::error::Error;
use crate::journal::ColumnsBefore;
use crate::model::{Cell, Encoder, Model, Source};

/// Returns `true` if the rows of two entities differ.
pub(super) fn differs<T: Model>(a: &T, b: &T) -> Result<bool, Error> {
    for column in 0..T::table().columns().len() {
        if said(a, column)? != said(b, column)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns those of `columns` in which the rows of two entities differ.
pub(super) fn changed_columns<T: Model>(a: &T, b: &T, columns: &[usize]) -> Vec<usize> {
    let differ = |&column: &usize| match (said(a, column), said(b, column)) {
        (Ok(a), Ok(b)) => a != b,
        _ => true,
    };
    columns.iter().copied().filter(differ).collect()
}

/// Returns what an entity's fields say of a column, and the bytes of their values.
fn said<T: Model>(entity: &T, column: usize) -> Result<(Vec<Source>, BytesMut), Error> {
    let mut buffer = BytesMut::new();
    let mut out = Encoder::new(&mut buffer);
    entity.encode(column, &mut out);
    let sources = out.sources(T::table(), column)?;
    Ok((sources, buffer))
}

/// Returns the bytes of a column's value, which are empty where it has no value.
pub(super) fn encoded<T: Model>(entity: &T, column: usize) -> Vec<u8> {
    said(entity, column).map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()
}

/// Returns what the entity has in those of `columns` that `row` is about to write.
pub(super) fn columns_before<T: Model>(
    entity: &T,
    row: &[Cell<'_>],
    columns: &[usize],
) -> ColumnsBefore {
    let mut before = ColumnsBefore::default();
    for &column in columns {
        if !matches!(row[column], Cell::Absent) {
            let (sources, bytes) = said(entity, column).unwrap_or_default();
            before.note(column, &sources, &bytes);
        }
    }
    before
}

/// Returns the row without some of its columns.
pub(super) fn without<'r>(row: &[Cell<'r>], columns: &[usize]) -> Vec<Cell<'r>> {
    let mut row = row.to_vec();
    for &column in columns {
        row[column] = Cell::Absent;
    }
    row
}
