//! `ArraySource`: collects the cells of many rows as arrays, one or a few for each column.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::not_written_yet;
use crate::arena::CellSource;
use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellRange, CellValue, ChangeSet};
use crate::error::{BoxError, Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Sql};

/// Where the values of a statement's rows come from.
#[derive(Clone, Copy)]
pub(crate) struct ArraySource<'a> {
    /// The values that entities have.
    pub(crate) changes: &'a ChangeSet<'a>,
    /// The keys that are known by now.
    pub(crate) assigned: &'a Assignments,
    /// The keys that the statement itself takes. Cells name them by their position.
    pub(crate) keys: &'a [KeyArray],
}

/// Rows of one table that leave the same columns to the database.
#[derive(Debug)]
pub(crate) struct Group {
    /// Which rows of the flush they are among.
    pub(crate) of: RowsOf,
    /// The columns that these rows leave to the database, in the table's order.
    pub(crate) left_columns: Vec<usize>,
    /// The rows, in the order in which they are sent.
    pub(crate) rows: Vec<u32>,
}

impl Group {
    /// Returns the position of the table among the new ones, or among the changed ones.
    pub(crate) fn table(&self) -> usize {
        match self.of {
            RowsOf::New(at) | RowsOf::Changed(at) => at,
        }
    }
}

/// What an array of keys is called in the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyName {
    /// `k0`: keys that the statement takes.
    Taken(usize),
    /// `m0r1`: what a column of the rows holds that a step has found or added.
    Found {
        /// The position of the step among those that find or add.
        step: usize,
        /// The column's position in the table.
        column: usize,
    },
}

impl KeyName {
    /// Appends the name.
    pub(crate) fn render(self, sql: &mut Sql) -> &mut Sql {
        match self {
            KeyName::Taken(index) => sql.push("k").number(index),
            KeyName::Found { step, column } => sql.push("m").number(step).push("r").number(column),
        }
    }
}

/// Keys that the statement takes from a sequence, or from an expression.
#[derive(Debug)]
pub(crate) struct KeyArray {
    /// What the array is called.
    pub(crate) name: KeyName,
    /// The position of the table among the new ones.
    pub(crate) table: usize,
    /// The column that gets the keys.
    pub(crate) column: usize,
    /// The rows that get them, in ascending order.
    pub(crate) rows: Vec<u32>,
}

impl KeyArray {
    /// Returns where the key of a row is, counted from 1 as SQL counts.
    fn index_of(&self, row: u32) -> Option<i32> {
        // Mostly all rows get a key, and the row is its own position.
        let at = match self.rows.get(row as usize) {
            Some(&found) if found == row => row as usize,
            _ => self.rows.binary_search(&row).ok()?,
        };
        i32::try_from(at + 1).ok()
    }

    /// Returns `true` if the keys are those of the cell's column.
    fn is_of(&self, cell: CellAt) -> bool {
        (RowsOf::New(self.table), self.column) == (cell.rows, cell.column)
    }
}

/// The cells of one column, as arrays.
pub(crate) enum ColumnArrays {
    /// The keys of the array at this position, row for row.
    Keys(KeyName),
    /// Values, and keys of rows of the same statement by their position: for each row one of them.
    Arrays { values: Option<ArrayParam>, keys: Vec<(KeyName, ArrayParam)> },
    /// Values that are arrays themselves: all their elements, and for each row the first and the
    /// last of its own. `unnest` would flatten an array of arrays.
    Slices { elements: ArrayParam, first: ArrayParam, last: ArrayParam },
}

impl<'a> ArraySource<'a> {
    /// Returns the cells of a group, whose rows are rows of `table`.
    pub(crate) fn of(self, table: &'static Table, group: &'a Group) -> GroupCells<'a> {
        GroupCells { source: self, table, group, is_set: None }
    }

    /// Returns which array holds the key of a cell that the statement assigns, and the position in it.
    fn position(self, cell: CellAt) -> Result<(usize, i32), Error> {
        // Rows of one table can be found or added by several steps.
        let arrays = self.keys.iter().enumerate().filter(|(_, array)| array.is_of(cell));
        let mut found = arrays.filter_map(|(at, array)| Some((at, array.index_of(cell.row)?)));
        found.next().ok_or_else(not_written_yet)
    }
}

/// The cells of the rows of a group.
#[derive(Clone, Copy)]
pub(crate) struct GroupCells<'a> {
    /// Where the values come from.
    source: ArraySource<'a>,
    /// The table of the group's rows.
    table: &'static Table,
    /// The rows.
    group: &'a Group,
    /// Says which rows have a value, by their positions in the group. Without it all have one.
    is_set: Option<&'a dyn Fn(usize) -> bool>,
}

impl<'a> GroupCells<'a> {
    /// Gives NULL to the rows that `is_set` says no of, by their positions in the group.
    pub(crate) fn only_where(self, is_set: Option<&'a dyn Fn(usize) -> bool>) -> GroupCells<'a> {
        GroupCells { is_set, ..self }
    }

    /// Returns the cells of a column.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded, and when a key is not known.
    pub(crate) fn column(&self, column: usize) -> Result<ColumnArrays, Error> {
        let description = &self.table.columns()[column];
        let arrays = if self.group.left_columns.contains(&column) {
            self.own_keys(column)
        } else if description.ty().is_array() {
            self.slices(column, description.ty())
        } else {
            self.values(column, description.ty())
        };
        arrays.map_err(|error| error.with_table(self.table.name()).with_column(description.name()))
    }

    /// Returns the values of a column, and the positions of the keys that the statement assigns.
    fn values(&self, column: usize, ty: SqlType) -> Result<ColumnArrays, Error> {
        let (source, group) = (self.source, self.group);
        let mut values = ArrayParam::new(ty, group.rows.len());
        // Keys that the statement assigns: the row, the array, and the position in it.
        let mut pending: Vec<(usize, usize, i32)> = Vec::new();
        let mut note_pending = |at: usize, value: CellValue| {
            if let CellValue::Unassigned(origin) = value {
                let (array, index) = source.position(origin)?;
                pending.push((at, array, index));
            }
            Ok(())
        };
        match self.is_set {
            None => {
                let columns = &[CellSource::Entities(column)];
                let range = CellRange { of: group.of, rows: &group.rows, columns };
                values.push_cells(|frame, out| {
                    let unassigned = &mut |at: usize, _: usize, value| note_pending(at, value);
                    source.changes.encode_cells(range, frame, source.assigned, out, unassigned)
                })?;
            }
            Some(is_set) => {
                for (at, &row) in group.rows.iter().enumerate() {
                    if !is_set(at) {
                        values.push_null();
                        continue;
                    }
                    let cell = CellAt { rows: group.of, row, column };
                    let value = values.push_encoded(|out| {
                        let value = source.changes.value(cell, source.assigned, out)?;
                        Ok((value == CellValue::Value, value))
                    })?;
                    note_pending(at, value)?;
                }
            }
        }
        let mut arrays: Vec<usize> = Vec::new();
        for &(_, array, _) in &pending {
            if !arrays.contains(&array) {
                arrays.push(array);
            }
        }
        let positions_in = |array: usize| {
            let mut positions = ArrayParam::new(SqlType::INT4, group.rows.len());
            for &(at, _, index) in pending.iter().filter(|(_, other, _)| *other == array) {
                positions.pad(at);
                positions.push_i32(index);
            }
            positions.pad(group.rows.len());
            (source.keys[array].name, positions)
        };
        let positions: Vec<_> = arrays.into_iter().map(positions_in).collect();
        let values = (values.has_value() || positions.is_empty()).then_some(values);
        Ok(ColumnArrays::Arrays { values, keys: positions })
    }

    /// Returns the keys that the statement assigns to the very rows of the group.
    fn own_keys(&self, column: usize) -> Result<ColumnArrays, Error> {
        let (keys, group) = (self.source.keys, self.group);
        let own = |array: &KeyArray| (RowsOf::New(array.table), array.column) == (group.of, column);
        let array = keys.iter().position(own).ok_or_else(not_written_yet)?;
        if keys[array].rows == group.rows {
            return Ok(ColumnArrays::Keys(keys[array].name));
        }
        let mut positions = ArrayParam::new(SqlType::INT4, group.rows.len());
        for &row in &group.rows {
            positions.push_i32(keys[array].index_of(row).ok_or_else(not_written_yet)?);
        }
        Ok(ColumnArrays::Arrays { values: None, keys: vec![(keys[array].name, positions)] })
    }

    /// Returns the values of a column whose type is an array.
    fn slices(&self, column: usize, ty: SqlType) -> Result<ColumnArrays, Error> {
        let unreadable = |error: BoxError| Error::new(ErrorKind::Encode, error.to_string());
        let (source, group) = (self.source, self.group);
        let rows = group.rows.len();
        let mut elements = ArrayParam::new(ty.element(), rows);
        let (mut first, mut last) =
            (ArrayParam::new(SqlType::INT4, rows), ArrayParam::new(SqlType::INT4, rows));
        let mut count = 0;
        let mut raw = BytesMut::new();
        for (at, &row) in group.rows.iter().enumerate() {
            raw.clear();
            let cell = CellAt { rows: group.of, row, column };
            if self.is_set.is_some_and(|is_set| !is_set(at))
                || source.changes.value(cell, source.assigned, &mut raw)? != CellValue::Value
            {
                first.push_null();
                last.push_null();
                continue;
            }
            let array = array_from_sql(&raw).map_err(unreadable)?;
            let mut dimensions = array.dimensions();
            while let Some(dimension) = dimensions.next().map_err(unreadable)? {
                if dimension.lower_bound != 1 || array.dimensions().count().ok() != Some(1) {
                    let message = "an array with several dimensions, or whose first position is not \
                                   1, cannot be sent along with other rows";
                    return Err(Error::new(ErrorKind::Unsupported, message));
                }
            }
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
        Ok(ColumnArrays::Slices { elements, first, last })
    }
}
