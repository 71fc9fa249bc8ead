//! `LevelRows`: the rows of a level, as they came.

use crate::error::{BoxError, Error, ErrorKind};
use crate::model::{Cell, SqlType, Table};
use crate::sql::{ArrayParam, Rows, array_elements};

/// The rows of one level in the result of a statement.
pub(crate) struct LevelRows<'r> {
    table: &'static Table,
    rows: &'r Rows,
    /// The columns of the table that the result has, in ascending order.
    columns: Vec<usize>,
    /// The column of the result that is the first of these.
    first: usize,
    form: Form,
    len: usize,
}

/// How a result has the rows of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One row, with an array for each column.
    Arrays,
    /// As rows.
    Rows,
}

impl<'r> LevelRows<'r> {
    /// Returns the rows of a level whose columns are arrays in a result of one row, from the column
    /// `first` on.
    ///
    /// # Errors
    ///
    /// When a column has another type than the model says, and when the arrays are none.
    pub(crate) fn in_arrays(
        table: &'static Table,
        rows: &'r Rows,
        columns: Vec<usize>,
        first: usize,
    ) -> Result<LevelRows<'r>, Error> {
        let mut level = LevelRows { table, rows, columns, first, form: Form::Arrays, len: 0 };
        level.check_types(|ty| if ty.is_array() { SqlType::BYTEA.array() } else { ty.array() })?;
        if level.rows.len() != 1 {
            return Err(level.wrong("the result is not one row".into()));
        }
        for at in 0..level.columns.len() {
            let len = level.array(at).and_then(count).map_err(|error| level.wrong(error))?;
            if at > 0 && len != level.len {
                return Err(level.wrong("the columns have different lengths".into()));
            }
            level.len = len;
        }
        Ok(level)
    }

    /// Returns the rows of a level that are the rows of a result.
    ///
    /// # Errors
    ///
    /// When a column has another type than the model says.
    pub(crate) fn in_rows(
        table: &'static Table,
        rows: &'r Rows,
        columns: Vec<usize>,
    ) -> Result<LevelRows<'r>, Error> {
        let level = LevelRows { table, rows, columns, first: 0, form: Form::Rows, len: rows.len() };
        level.check_types(|ty| ty)?;
        Ok(level)
    }

    fn check_types(&self, sent_as: impl Fn(SqlType) -> SqlType) -> Result<(), Error> {
        for (at, &column) in self.columns.iter().enumerate() {
            let column = &self.table.columns()[column];
            self.rows
                .expect_type(self.first + at, sent_as(column.ty()), |_| column.name().to_owned())
                .map_err(|error| error.with_table(self.table.name()))?;
        }
        Ok(())
    }

    fn wrong(&self, error: BoxError) -> Error {
        let message = format!("cannot read the rows: {error}");
        Error::new(ErrorKind::Decode, message).with_table(self.table.name())
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the elements of the array of a column, by its position in `columns`.
    fn array(&self, at: usize) -> Result<&'r [u8], BoxError> {
        // `array_agg` of no rows is NULL.
        self.rows.raw(0, self.first + at).map_or(Ok(&[]), array_elements)
    }

    /// Calls `each` with some columns of each row; `None` stands for NULL.
    ///
    /// # Errors
    ///
    /// Those of `each`, and when the rows are not what was asked for.
    pub(crate) fn each_row(
        &self,
        columns: &[usize],
        mut each: impl FnMut(&[Option<&'r [u8]>]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut cursors = Vec::with_capacity(columns.len());
        for column in columns {
            let at = self.columns.binary_search(column);
            cursors.push(self.cursor(at.map_err(|_| self.wrong("a column was not read".into()))?)?);
        }
        let mut parts = Vec::with_capacity(columns.len());
        for _ in 0..self.len {
            parts.clear();
            for cursor in &mut cursors {
                parts.push(cursor.next().map_err(|error| self.wrong(error))?);
            }
            each(&parts)?;
        }
        Ok(())
    }

    /// Calls `each` with the cells of each row, for which it has all columns of the table.
    ///
    /// # Errors
    ///
    /// Those of `each`; and for a row whose key is NULL, which could neither be found nor changed.
    pub(crate) fn each_cells(
        &self,
        mut each: impl FnMut(&[Cell<'r>]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let cursors: Result<Vec<_>, Error> =
            (0..self.columns.len()).map(|at| self.cursor(at)).collect();
        let mut cursors = cursors?;
        let mut cells = Vec::with_capacity(cursors.len());
        for _ in 0..self.len {
            cells.clear();
            for cursor in &mut cursors {
                let raw = cursor.next().map_err(|error| self.wrong(error))?;
                cells.push(raw.map_or(Cell::Null, Cell::Value));
            }
            each(&cells)?;
        }
        Ok(())
    }

    /// Returns the key of each row, which is one integer.
    ///
    /// # Errors
    ///
    /// When the rows are not what was asked for.
    pub(crate) fn integer_keys(&self) -> Result<Vec<i64>, Error> {
        let mut keys = Vec::with_capacity(self.len);
        let key = self.table.key();
        let ty = key.first().map_or(SqlType::INT8, |&column| self.table.columns()[column].ty());
        self.each_row(key, |parts| {
            let raw = parts.first().copied().flatten();
            keys.push(raw.and_then(|raw| ty.as_integer(raw)).unwrap_or_default());
            Ok(())
        })?;
        Ok(keys)
    }

    /// Returns the keys of the rows as arrays, one for each part.
    ///
    /// # Errors
    ///
    /// When the rows are not what was asked for.
    pub(crate) fn key_arrays(&self) -> Result<Vec<ArrayParam>, Error> {
        let key = self.table.key();
        let ty = |&column: &usize| self.table.columns()[column].ty();
        let mut arrays: Vec<ArrayParam> =
            key.iter().map(|column| ArrayParam::new(ty(column), self.len)).collect();
        self.each_row(key, |parts| {
            for (array, part) in arrays.iter_mut().zip(parts) {
                match part {
                    Some(raw) => array.push_raw(raw)?,
                    None => array.push_null(),
                }
            }
            Ok(())
        })?;
        Ok(arrays)
    }

    fn cursor(&self, at: usize) -> Result<Cursor<'r>, Error> {
        Ok(match self.form {
            Form::Arrays => Cursor::Array(self.array(at).map_err(|error| self.wrong(error))?),
            Form::Rows => Cursor::Rows { rows: self.rows, row: 0, column: self.first + at },
        })
    }
}

/// The place in a column that is read next.
enum Cursor<'r> {
    /// The rest of the elements of an array, each after its length.
    Array(&'r [u8]),
    Rows {
        rows: &'r Rows,
        row: usize,
        column: usize,
    },
}

impl<'r> Cursor<'r> {
    #[inline]
    fn next(&mut self) -> Result<Option<&'r [u8]>, BoxError> {
        match self {
            Cursor::Array(rest) => next_element(rest),
            Cursor::Rows { rows, row, column } => {
                let raw = rows.raw(*row, *column);
                *row += 1;
                Ok(raw)
            }
        }
    }
}

/// Takes the next element from what is left of an array; `None` is NULL.
#[inline]
fn next_element<'r>(rest: &mut &'r [u8]) -> Result<Option<&'r [u8]>, BoxError> {
    let (len, elements) = rest.split_first_chunk::<4>().ok_or("an array is too short")?;
    let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else {
        *rest = elements;
        return Ok(None);
    };
    let (element, elements) = elements.split_at_checked(len).ok_or("an array is too short")?;
    *rest = elements;
    Ok(Some(element))
}

/// Returns the number of elements.
fn count(mut elements: &[u8]) -> Result<usize, BoxError> {
    let mut count = 0;
    while !elements.is_empty() {
        next_element(&mut elements)?;
        count += 1;
    }
    Ok(count)
}
