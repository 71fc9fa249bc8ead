//! `Rows`: what a statement returned, as bytes.

use std::error::Error as StdError;
use std::fmt;

use postgres::types::{FromSql, Type};

use crate::error::{Error, ErrorKind};
use crate::model::{Cell, SqlType, Value};

/// The rows that a statement returned.
pub struct Rows(Received);

/// Rows as they were received.
enum Received {
    /// By the driver.
    Driver(Vec<postgres::Row>),
    /// What a test made up: the types of the columns, and the rows.
    #[cfg(test)]
    Canned(Vec<SqlType>, Vec<Vec<Option<Vec<u8>>>>),
}

impl Rows {
    /// Returns rows that the driver has received.
    pub(crate) fn driver(rows: Vec<postgres::Row>) -> Rows {
        Rows(Received::Driver(rows))
    }

    /// Returns rows that a test makes up.
    #[cfg(test)]
    pub(crate) fn canned(types: Vec<SqlType>, rows: Vec<Vec<Option<Vec<u8>>>>) -> Rows {
        Rows(Received::Canned(types, rows))
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Received::Driver(rows) => rows.len(),
            #[cfg(test)]
            Received::Canned(_, rows) => rows.len(),
        }
    }

    /// Returns `true` if there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the binary form of a value; `None` for NULL.
    ///
    /// # Panics
    ///
    /// When there is no such row or column.
    #[must_use]
    pub fn raw(&self, row: usize, column: usize) -> Option<&[u8]> {
        match &self.0 {
            Received::Driver(rows) => rows[row].get::<_, RawValue<'_>>(column).0,
            #[cfg(test)]
            Received::Canned(_, rows) => rows[row][column].as_deref(),
        }
    }

    /// Returns the cells of the first so many columns of a row.
    pub(crate) fn cells(&self, row: usize, columns: usize) -> impl Iterator<Item = Cell<'_>> {
        (0..columns).map(move |column| self.raw(row, column).map_or(Cell::Null, Cell::Value))
    }

    /// Returns a value, decoded; `None` for NULL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the column has another type or the value does not fit.
    ///
    /// # Panics
    ///
    /// When there is no such row or column.
    pub fn get<V: Value>(&self, row: usize, column: usize) -> Result<Option<V>, Error> {
        self.expect_types(&[(column, V::TYPE)])?;
        self.raw(row, column).map(V::decode).transpose().map_err(|error| {
            let message = format!("cannot read the result's column {column}: {error}");
            Error::new(ErrorKind::Decode, message).with_source(error)
        })
    }

    /// Makes sure that columns have the types that their values will be read as.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when a column has another type.
    pub(crate) fn expect_types(&self, expected: &[(usize, SqlType)]) -> Result<(), Error> {
        for &(column, ty) in expected {
            self.expect_type(column, ty, |result| result.to_owned())?;
        }
        Ok(())
    }

    /// Returns the number of columns, unless there are no rows.
    pub(crate) fn columns(&self) -> Option<usize> {
        match &self.0 {
            Received::Driver(rows) => Some(rows.first()?.columns().len()),
            #[cfg(test)]
            Received::Canned(types, rows) => rows.first().map(|_| types.len()),
        }
    }

    /// Returns the name of a column's type, if it is another than this one.
    pub(crate) fn other_type(&self, column: usize, ty: SqlType) -> Option<String> {
        let oid = self.type_oid(column)?;
        (!ty.reads(oid)).then(|| self.names(column).1)
    }

    /// Makes sure that a column has the type that its values will be read as. `name` returns what the
    /// column is called in the error, given its name in the result.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the column has another type.
    pub(crate) fn expect_type(
        &self,
        column: usize,
        ty: SqlType,
        name: impl FnOnce(&str) -> String,
    ) -> Result<(), Error> {
        if self.type_oid(column).is_none_or(|oid| ty.reads(oid)) {
            return Ok(());
        }
        let (result, type_name) = self.names(column);
        let message = format!(
            "it has the type {type_name} in the database, and the model reads it as {}",
            ty.full_name(),
        );
        Err(Error::new(ErrorKind::Decode, message)
            .with_column(name(&result))
            .with_hint("change the field's type, or name the column's with `sql_type`"))
    }

    /// Returns the OID of the type of a column, unless there are no rows.
    fn type_oid(&self, column: usize) -> Option<u32> {
        match &self.0 {
            Received::Driver(rows) => Some(rows.first()?.columns().get(column)?.type_().oid()),
            #[cfg(test)]
            Received::Canned(types, _) => Some(types.get(column)?.oid()),
        }
    }

    /// Returns the name of a column and that of its type, where there are rows.
    fn names(&self, column: usize) -> (String, String) {
        match &self.0 {
            Received::Driver(rows) => {
                let column = &rows[0].columns()[column];
                (column.name().to_owned(), column.type_().name().to_owned())
            }
            #[cfg(test)]
            Received::Canned(types, _) => (column.to_string(), types[column].name().to_owned()),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A value of any type, as it came.
struct RawValue<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for RawValue<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<RawValue<'a>, Box<dyn StdError + Sync + Send>> {
        Ok(RawValue(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<RawValue<'a>, Box<dyn StdError + Sync + Send>> {
        Ok(RawValue(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
