//! The rows of one insert as arrays: one for each column, whatever the number of rows.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::not_written_yet;
use crate::arena::CellSource;
use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellRange, CellValue, ChangeSet};
use crate::error::{BoxError, Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// Rows of one kind that leave the same columns to the database.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) of: RowsOf,
    /// The columns that these rows leave to the database, in the table's order.
    pub(crate) left: Vec<usize>,
    pub(crate) rows: Vec<u32>,
}

/// Keys that the statement takes from a sequence, or from an expression.
#[derive(Debug)]
pub(crate) struct KeyArray {
    pub(crate) table: usize,
    pub(crate) column: usize,
    /// The rows that get them, in order.
    pub(crate) rows: Vec<u32>,
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

    fn is_of(&self, cell: CellAt) -> bool {
        (RowsOf::New(self.table), self.column) == (cell.rows, cell.column)
    }
}

/// Where values come from.
pub(crate) struct ArraySource<'a> {
    pub(crate) changes: &'a ChangeSet<'a>,
    /// The keys that are known by now.
    pub(crate) assigned: &'a Assignments,
    /// The keys that the statement itself assigns.
    pub(crate) keys: &'a [KeyArray],
}

/// Where the values of one column come from.
enum ColumnSource {
    /// The keys of this array, row for row.
    Keys(usize),
    /// Values, and keys of rows of the same statement by their position: for each row one of them.
    Arrays { values: Option<ArrayParam>, keys: Vec<(usize, ArrayParam)> },
    /// Values that are arrays themselves: all their elements, and for each row the first and the
    /// last of its own. An array of arrays would be flattened by `unnest`.
    Slices { elements: ArrayParam, first: ArrayParam, last: ArrayParam },
}

/// The value of a column in terms of the elements of arrays, which are named by their position.
#[derive(Debug)]
enum Value {
    Element(usize),
    /// An element is the position in an array of keys.
    KeyAt(usize, usize),
    /// Two elements are the first and the last position in the array of this parameter.
    Slice(usize, usize, usize),
    /// The first that is not NULL.
    Either(Vec<Value>),
}

impl Value {
    fn render(&self, sql: &mut Sql, element: &dyn Fn(&mut Sql, usize)) {
        match self {
            Value::Element(at) => element(sql, *at),
            Value::KeyAt(key, at) => {
                element(sql.push("k").number(*key).push("["), *at);
                sql.push("]");
            }
            Value::Slice(param, first, last) => {
                element(sql.push("(").param(*param).push(")["), *first);
                element(sql.push(":"), *last);
                sql.push("]");
            }
            Value::Either(values) => {
                sql.push("COALESCE(").list(values, |sql, value| value.render(sql, element));
                sql.push(")");
            }
        }
    }
}

/// What an array is called in the text.
#[derive(Debug, Clone, Copy)]
enum Array {
    Param(usize),
    Keys(usize),
}

impl Array {
    fn render(self, sql: &mut Sql) -> &mut Sql {
        match self {
            Array::Param(number) => sql.param(number),
            Array::Keys(index) => sql.push("k").number(index),
        }
    }
}

/// The rows of an insert, as they stand in its text.
#[derive(Debug, Default)]
pub(crate) struct ArrayRows {
    arrays: Vec<Array>,
    values: Vec<Value>,
}

impl ArrayRows {
    /// Appends `SELECT unnest($1), unnest($2) FROM …`, one row for each element of the arrays;
    /// `cast` appends a cast to the column at this position.
    ///
    /// In a `SELECT` list, `unnest` gives its elements one by one. In `FROM`, the server would
    /// store all of them first.
    pub(crate) fn render(&self, from: &str, sql: &mut Sql, cast: impl Fn(&mut Sql, usize)) {
        let is_nested = self.values.iter().any(|value| matches!(value, Value::Either(_)));
        let unnest = |sql: &mut Sql, at: usize| {
            self.arrays[at].render(sql.push("unnest(")).push(")");
        };
        // A set cannot be within COALESCE.
        let element: &dyn Fn(&mut Sql, usize) = if is_nested { &named_element } else { &unnest };
        sql.push("SELECT ");
        sql.list(self.values.iter().enumerate(), |sql, (index, value)| {
            value.render(sql, element);
            cast(sql, index);
        });
        if is_nested {
            sql.push(if from.is_empty() { " FROM (SELECT " } else { " FROM (SELECT *, " });
            self.name_elements(sql);
            sql.push(from).push(") AS r");
        } else {
            sql.push(from);
        }
    }

    /// Appends the values of a column as one array, in the order of the values of some columns, of
    /// which `is_text` says whether they are texts: these are ordered by their bytes.
    pub(crate) fn render_sorted(
        &self,
        column: usize,
        by: &[usize],
        is_text: &[bool],
        sql: &mut Sql,
    ) {
        self.values[column].render(sql.push("ARRAY(SELECT "), &named_element);
        self.name_elements(sql.push(" FROM (SELECT "));
        sql.push(") AS r ORDER BY ").list(by.iter().zip(is_text), |sql, (&column, &is_text)| {
            self.values[column].render(sql, &named_element);
            sql.push(if is_text { BY_BYTES } else { "" });
        });
        sql.push(")");
    }

    /// Returns the position among the statement's arrays of keys, if the column is one of them.
    pub(crate) fn keys(&self, column: usize) -> Option<usize> {
        match self.values[column] {
            Value::Element(at) => match self.arrays[at] {
                Array::Keys(index) => Some(index),
                Array::Param(_) => None,
            },
            _ => None,
        }
    }

    /// Appends the elements of all arrays, with the names that [`named_element`] gives them.
    fn name_elements(&self, sql: &mut Sql) {
        sql.list(self.arrays.iter().enumerate(), |sql, (at, array)| {
            array.render(sql.push("unnest(")).push(") AS ");
            named_element(sql, at);
        });
    }

    /// Adds a column of values.
    pub(crate) fn add_array(&mut self, values: ArrayParam, params: &mut Params) {
        self.add(ColumnSource::Arrays { values: Some(values), keys: Vec::new() }, params);
    }

    /// Adds a column.
    fn add(&mut self, source: ColumnSource, params: &mut Params) {
        let mut add = |array: Array| {
            self.arrays.push(array);
            self.arrays.len() - 1
        };
        let value = match source {
            ColumnSource::Keys(index) => Value::Element(add(Array::Keys(index))),
            ColumnSource::Slices { elements, first, last } => {
                let elements = params.push_array(elements);
                let first = add(Array::Param(params.push_array(first)));
                let last = add(Array::Param(params.push_array(last)));
                Value::Slice(elements, first, last)
            }
            ColumnSource::Arrays { values, keys } => {
                let mut parts = Vec::with_capacity(1);
                if let Some(values) = values {
                    parts.push(Value::Element(add(Array::Param(params.push_array(values)))));
                }
                for (index, positions) in keys {
                    let position = add(Array::Param(params.push_array(positions)));
                    parts.push(Value::KeyAt(index, position));
                }
                if parts.len() == 1 { parts.remove(0) } else { Value::Either(parts) }
            }
        };
        self.values.push(value);
    }
}

/// Orders texts by their bytes, for columns can have other rules than constants.
pub(crate) const BY_BYTES: &str = " COLLATE \"C\"";

/// Appends the name of an element of an array, where elements are columns of a table.
fn named_element(sql: &mut Sql, at: usize) {
    sql.push("c").number(at);
}

impl ArraySource<'_> {
    /// Collects these columns of the rows of a group.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded, and when a key is not known.
    pub(crate) fn rows(
        &self,
        table: &'static Table,
        group: &Group,
        written: &[usize],
        params: &mut Params,
    ) -> Result<ArrayRows, Error> {
        let mut rows = ArrayRows::default();
        for &column in written {
            self.add_column((table, column), group, None, &mut rows, params)?;
        }
        Ok(rows)
    }

    /// Collects a column of the rows of a group; of some rows, if `is_set` says by their positions
    /// which: the others get NULL.
    ///
    /// # Errors
    ///
    /// Those of [`rows`](ArraySource::rows).
    pub(crate) fn add_column(
        &self,
        (table, column): (&'static Table, usize),
        group: &Group,
        is_set: Option<&dyn Fn(usize) -> bool>,
        rows: &mut ArrayRows,
        params: &mut Params,
    ) -> Result<(), Error> {
        let source = self.column(table, group, column, is_set).map_err(|error| {
            error.with_table(table.name()).with_column(table.columns()[column].name())
        })?;
        rows.add(source, params);
        Ok(())
    }

    fn column(
        &self,
        table: &'static Table,
        group: &Group,
        column: usize,
        is_set: Option<&dyn Fn(usize) -> bool>,
    ) -> Result<ColumnSource, Error> {
        let ty = table.columns()[column].ty();
        if group.left.contains(&column) {
            return self.own_keys(group, column);
        }
        if ty.is_array() {
            return self.slices(group, column, ty, is_set);
        }
        let mut values = ArrayParam::new(ty, group.rows.len());
        // Keys that the statement assigns: the row, the array, and the position in it.
        let mut pending: Vec<(usize, usize, i32)> = Vec::new();
        let mut open = |at: usize, value: CellValue| {
            if let CellValue::Unassigned(origin) = value {
                let (array, index) = self.position(origin)?;
                pending.push((at, array, index));
            }
            Ok(())
        };
        match is_set {
            None => {
                let columns = &[CellSource::Entities(column)];
                let range = CellRange { of: group.of, rows: &group.rows, columns };
                values.push_cells(|frame, out| {
                    let open = &mut |at: usize, _: usize, value| open(at, value);
                    self.changes.encode_cells(range, frame, self.assigned, out, open)
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
                        let value = self.changes.value(cell, self.assigned, out)?;
                        Ok((value == CellValue::Value, value))
                    })?;
                    open(at, value)?;
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
            (array, positions)
        };
        let positions: Vec<_> = arrays.into_iter().map(positions_in).collect();
        let values = (values.has_value() || positions.is_empty()).then_some(values);
        Ok(ColumnSource::Arrays { values, keys: positions })
    }

    /// Keys that the statement assigns to the very rows of the group.
    fn own_keys(&self, group: &Group, column: usize) -> Result<ColumnSource, Error> {
        let own = |array: &KeyArray| (RowsOf::New(array.table), array.column) == (group.of, column);
        let array = self.keys.iter().position(own).ok_or_else(not_written_yet)?;
        if self.keys[array].rows == group.rows {
            return Ok(ColumnSource::Keys(array));
        }
        let mut positions = ArrayParam::new(SqlType::INT4, group.rows.len());
        for &row in &group.rows {
            positions.push_i32(self.keys[array].index_of(row).ok_or_else(not_written_yet)?);
        }
        Ok(ColumnSource::Arrays { values: None, keys: vec![(array, positions)] })
    }

    /// The array, and the position in it, of a key that the statement assigns.
    fn position(&self, cell: CellAt) -> Result<(usize, i32), Error> {
        let array =
            self.keys.iter().position(|array| array.is_of(cell)).ok_or_else(not_written_yet)?;
        Ok((array, self.keys[array].index_of(cell.row).ok_or_else(not_written_yet)?))
    }

    /// Collects the values of a column whose type is an array.
    fn slices(
        &self,
        group: &Group,
        column: usize,
        ty: SqlType,
        is_set: Option<&dyn Fn(usize) -> bool>,
    ) -> Result<ColumnSource, Error> {
        let unreadable = |error: BoxError| Error::new(ErrorKind::Encode, error.to_string());
        let rows = group.rows.len();
        let mut elements = ArrayParam::new(ty.element(), rows);
        let (mut first, mut last) =
            (ArrayParam::new(SqlType::INT4, rows), ArrayParam::new(SqlType::INT4, rows));
        let mut count = 0;
        let mut raw = BytesMut::new();
        for (at, &row) in group.rows.iter().enumerate() {
            raw.clear();
            let cell = CellAt { rows: group.of, row, column };
            if is_set.is_some_and(|is_set| !is_set(at))
                || self.changes.value(cell, self.assigned, &mut raw)? != CellValue::Value
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
        Ok(ColumnSource::Slices { elements, first, last })
    }
}
