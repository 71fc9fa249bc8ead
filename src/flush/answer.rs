//! `Answer`: what a step has returned, whichever way it was sent.

use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use crate::error::{BoxError, Error, ErrorKind};
use crate::model::SqlType;
use crate::sql::Rows;

/// The columns that a step has returned.
#[derive(Clone, Copy)]
pub(crate) enum Answer<'a> {
    /// As a statement of its own: a row for each row of the step.
    Rows(&'a Rows),
    /// As a part of one statement: in its one row, from this column on, an array for each column of
    /// the step.
    Arrays(&'a Rows, usize),
}

impl<'a> Answer<'a> {
    /// Returns the values of a column, row by row, after finding out that they are of this type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the column has another type than the model says.
    pub(crate) fn column(&self, at: usize, ty: SqlType) -> Result<Vec<Option<&'a [u8]>>, Error> {
        match *self {
            Answer::Rows(rows) => {
                rows.expect_types(&[(at, ty)])?;
                Ok((0..rows.len()).map(|row| rows.raw(row, at)).collect())
            }
            Answer::Arrays(rows, first) => {
                let at = first + at;
                // What is an array itself comes in its binary form, for an array of arrays would be
                // flattened.
                let sent_as = if ty.is_array() { SqlType::BYTEA } else { ty };
                rows.expect_types(&[(at, sent_as.array())])?;
                let raw = rows.raw(0, at).unwrap_or_default();
                let values = || -> Result<Vec<Option<&'a [u8]>>, BoxError> {
                    let values: Vec<_> = array_from_sql(raw)?.values().collect()?;
                    let is_other = |value: &&[u8]| ty.is_array() && !is_array_of(value, ty);
                    if values.iter().flatten().any(is_other) {
                        return Err("it is an array of another type in the database".into());
                    }
                    Ok(values)
                };
                values().map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))
            }
        }
    }

    /// Returns the values of a column of numbers.
    ///
    /// # Errors
    ///
    /// As [`column`](Answer::column).
    pub(crate) fn numbers(&self, at: usize) -> Result<Vec<usize>, Error> {
        let number = |raw: Option<&[u8]>| {
            let number = i32::from_be_bytes(raw?.try_into().ok()?);
            usize::try_from(number).ok()?.checked_sub(1)
        };
        let wrong = || Error::new(ErrorKind::Decode, "the numbers of the rows are wrong");
        let column = self.column(at, SqlType::INT4)?;
        column.into_iter().map(|raw| number(raw).ok_or_else(wrong)).collect()
    }
}

/// Returns `true` if the elements of an array in its binary form read as those of this type.
fn is_array_of(raw: &[u8], ty: SqlType) -> bool {
    array_from_sql(raw).is_ok_and(|array| ty.element().reads(array.element_type()))
}
