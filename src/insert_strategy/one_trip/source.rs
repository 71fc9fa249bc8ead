//! The rows of one insert, as arrays.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use crate::assignments::Assignments;
use crate::change_set::{CellValue, ChangeSet, NewCell};
use crate::error::{BoxError, Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::ArrayParam;

/// Rows of one table that leave the same columns to the database.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) table: usize,
    /// The columns that these rows leave to the database, in the table's order.
    pub(super) left: Vec<usize>,
    pub(super) rows: Vec<u32>,
}

/// Keys that the statement takes from a sequence, or from an expression.
#[derive(Debug)]
pub(super) struct KeyArray {
    pub(super) table: usize,
    pub(super) column: usize,
    /// The rows that get them, in order.
    pub(super) rows: Vec<u32>,
}

impl KeyArray {
    /// Where the key of a row is, counted from 1 as SQL counts.
    fn index_of(&self, row: u32) -> Option<i32> {
        // Mostly all rows get a key, and the row is its own position.
        let at = match self.rows.get(row as usize) {
            Some(&found) if found == row => row as usize,
            _ => self.rows.binary_search(&row).ok()?,
        };
        i32::try_from(at + 1).ok()
    }

    pub(super) fn is_of(&self, cell: NewCell) -> bool {
        (self.table, self.column) == (cell.table, cell.column)
    }
}

/// Where the values of one column come from.
pub(super) enum ColumnSource {
    /// The keys of this array, row for row.
    Keys(usize),
    /// Values, and keys of rows of the same statement by their position: for each row one of them.
    Arrays { values: Option<ArrayParam>, keys: Vec<(usize, ArrayParam)> },
    /// Values that are arrays themselves: all their elements, and for each row the first and the
    /// last of its own. An array of arrays would be flattened by `unnest`.
    Slices { elements: ArrayParam, first: ArrayParam, last: ArrayParam },
}

/// Collects the values of a column of a group.
pub(super) fn column_source(
    changes: &ChangeSet<'_>,
    table: &'static Table,
    group: &Group,
    column: usize,
    keys: &[KeyArray],
) -> Result<ColumnSource, Error> {
    let ty = table.columns()[column].ty();
    if group.left.contains(&column) {
        let own = |array: &KeyArray| (array.table, array.column) == (group.table, column);
        let array = keys.iter().position(own).ok_or_else(unknown_key)?;
        if keys[array].rows == group.rows {
            return Ok(ColumnSource::Keys(array));
        }
        let mut positions = ArrayParam::new(SqlType::INT4, group.rows.len());
        for &row in &group.rows {
            positions.push_i32(keys[array].index_of(row).ok_or_else(unknown_key)?);
        }
        return Ok(ColumnSource::Arrays { values: None, keys: vec![(array, positions)] });
    }
    if ty.is_array() {
        return slices(changes, group, column, ty);
    }
    let none = Assignments::default();
    let mut values = ArrayParam::new(ty, group.rows.len());
    let mut positions: Vec<(usize, ArrayParam)> = Vec::new();
    for (done, &row) in group.rows.iter().enumerate() {
        let cell = NewCell { table: group.table, row, column };
        let pending = values.push_encoded(|out: &mut BytesMut| {
            Ok(match changes.value(cell, &none, out)? {
                CellValue::Value => (true, None),
                CellValue::Null | CellValue::Default => (false, None),
                CellValue::Unassigned(origin) => (false, Some(origin)),
            })
        })?;
        let Some(origin) = pending else {
            positions.iter_mut().for_each(|(_, array)| array.push_null());
            continue;
        };
        let array = keys.iter().position(|array| array.is_of(origin)).ok_or_else(unknown_key)?;
        let index = keys[array].index_of(origin.row).ok_or_else(unknown_key)?;
        if !positions.iter().any(|(other, _)| *other == array) {
            let mut late = ArrayParam::new(SqlType::INT4, group.rows.len());
            (0..done).for_each(|_| late.push_null());
            positions.push((array, late));
        }
        for (other, positions) in &mut positions {
            if *other == array {
                positions.push_i32(index);
            } else {
                positions.push_null();
            }
        }
    }
    let values = (values.has_value() || positions.is_empty()).then_some(values);
    Ok(ColumnSource::Arrays { values, keys: positions })
}

/// Collects the values of a column whose type is an array.
fn slices(
    changes: &ChangeSet<'_>,
    group: &Group,
    column: usize,
    ty: SqlType,
) -> Result<ColumnSource, Error> {
    let unreadable = |error: BoxError| Error::new(ErrorKind::Encode, error.to_string());
    let rows = group.rows.len();
    let mut elements = ArrayParam::new(ty.element(), rows);
    let (mut first, mut last) =
        (ArrayParam::new(SqlType::INT4, rows), ArrayParam::new(SqlType::INT4, rows));
    let mut count = 0;
    let (mut raw, none) = (BytesMut::new(), Assignments::default());
    for &row in &group.rows {
        raw.clear();
        let cell = NewCell { table: group.table, row, column };
        if changes.value(cell, &none, &mut raw)? != CellValue::Value {
            first.push_null();
            last.push_null();
            continue;
        }
        let array = array_from_sql(&raw).map_err(unreadable)?;
        first.push_i32(count + 1);
        let mut values = array.values();
        while let Some(value) = values.next().map_err(unreadable)? {
            match value {
                Some(value) => elements.push_raw(value)?,
                None => elements.push_null(),
            }
            count = count.checked_add(1).ok_or_else(|| {
                Error::new(ErrorKind::Encode, "the arrays have too many elements together")
            })?;
        }
        last.push_i32(count);
    }
    Ok(ColumnSource::Slices { elements, first, last })
}

/// Every key that is not known yet is in one of the statement's key arrays.
fn unknown_key() -> Error {
    Error::new(ErrorKind::Cycle, "the key of a new row depends on itself")
}
