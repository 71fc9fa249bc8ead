//! `Row`: what a model reads the values of its columns from.

use std::fmt;

use super::{EntityRef, Field, Table};
use crate::error::{BoxError, Error, ErrorKind};

/// The values of one row, by the position of the column in [`Table::columns`].
///
/// A row can lack columns: after an insert it holds only those that the database assigned.
pub struct Row<'a> {
    table: &'static Table,
    /// The cells, in the order of the table's columns. Those at the end can be missing.
    cells: &'a [Cell<'a>],
}

impl<'a> Row<'a> {
    /// Returns a row of the table with these cells, which are in the order of the table's columns.
    /// The last cells can be left out.
    pub(crate) fn new(table: &'static Table, cells: &'a [Cell<'a>]) -> Row<'a> {
        Row { table, cells }
    }

    #[inline]
    fn cell(&self, column: usize) -> Cell<'a> {
        self.cells.get(column).copied().unwrap_or(Cell::Absent)
    }

    /// Reads a field from the columns that it stands for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], naming the column, when the row lacks a column, when a value does
    /// not fit the field's type, and for NULL in a field that is not an `Option`.
    #[inline]
    pub fn get<F: Field>(&self, columns: &[usize]) -> Result<F, Error> {
        F::decode(Cells { row: self, columns }).map_err(|error| self.error(columns, error))
    }

    /// Overwrites a field if its columns are in this row, and leaves the field alone otherwise.
    ///
    /// # Errors
    ///
    /// As [`get`](Row::get); the field is unchanged then.
    #[inline]
    pub fn update<F: Field>(&self, columns: &[usize], field: &mut F) -> Result<(), Error> {
        field.update(Cells { row: self, columns }).map_err(|error| self.error(columns, error))
    }

    fn error(&self, columns: &[usize], error: BoxError) -> Error {
        let message = format!("cannot read the value: {error}");
        let mut result = Error::new(ErrorKind::Decode, message).with_table(self.table.name());
        if let [at] = columns {
            match self.table.columns().get(*at) {
                Some(column) => result = result.with_column(column.name()),
                None => {
                    result = result.with_hint(format!("the model has no column at position {at}"));
                }
            }
        }
        result
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("table", &self.table.name()).finish_non_exhaustive()
    }
}

/// The cells of the columns of one field. The type is opaque: [`Row::get`] and [`Row::update`] create
/// it.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'r> {
    row: &'r Row<'r>,
    /// Positions in [`Table::columns`], in the order of the field's parts.
    columns: &'r [usize],
}

impl<'r> Cells<'r> {
    #[inline]
    pub(crate) fn get(self, part: usize) -> Cell<'r> {
        match self.columns.get(part) {
            Some(&column) => self.row.cell(column),
            None => Cell::Absent,
        }
    }

    /// Returns the cells from `part` on.
    pub(crate) fn skip(self, parts: usize) -> Cells<'r> {
        Cells { row: self.row, columns: self.columns.get(parts..).unwrap_or(&[]) }
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = Cell<'r>> {
        self.columns.iter().map(move |&column| self.row.cell(column))
    }
}

/// One column of a row, as it comes from the server, a strategy or the undo journal.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// The row does not have this column.
    Absent,
    /// The column goes back to "the database assigns it".
    Default,
    Null,
    Value(&'a [u8]),
    /// The foreign keys that share the column go back to entities that have no key.
    Pending(&'a [EntityRef]),
}

/// The message for a cell that is [`Cell::Absent`] where there has to be a value.
pub(super) const MISSING: &str = "the row lacks this column";
