//! `FindOrAdd`: a step that finds or adds rows as SQL, as it is sent both as a statement of its own and
//! as a part of one; and what it returns.

mod checks;
mod queries;

pub(crate) use checks::{explain, failed, render_one_row_check};

use super::Flush;
use super::answer::Answer;
use super::array_source::{KeyArray, KeyName};
use super::statement_text::StatementText;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::FindOrAddStep;
use crate::model::{SqlType, Table};
use crate::sql::{Rows, Sql};

/// A step that finds or adds rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FindOrAdd<'a> {
    pub(crate) step: &'a FindOrAddStep,
    /// The position of the step among those of its kind in the statement, by which its queries have
    /// their names.
    pub(crate) at: usize,
    /// What the names of queries begin with.
    pub(crate) prefix: &'a str,
}

impl<'a> FindOrAdd<'a> {
    /// Returns the table.
    pub(crate) fn table(&self) -> &'static Table {
        self.step.insert.description
    }

    /// Returns the columns that the step gives values to, by their position in the table.
    pub(crate) fn named(&self) -> Vec<usize> {
        let all = 0..self.table().columns().len();
        all.filter(|column| !self.step.left.contains(column)).collect()
    }

    /// Returns the keys that others refer to by the names of this step's arrays.
    pub(crate) fn key_arrays(&self) -> Vec<KeyArray> {
        let array = |&column: &usize| KeyArray {
            name: KeyName::Found { step: self.at, column },
            table: self.step.table(),
            column,
            rows: self.step.insert.rows.clone(),
        };
        self.table().key().iter().map(array).collect()
    }

    /// Returns the name of one of its queries.
    fn name(&self, letter: &str) -> String {
        format!("{}{letter}{}", self.prefix, self.at)
    }

    /// Returns the name of the query of one row that holds what the step returns.
    pub(crate) fn merged(&self) -> String {
        self.name("m")
    }

    /// Appends the columns of the result: those of the table as arrays, and which rows are new.
    pub(crate) fn render_result(&self, sql: &mut Sql) {
        for column in 0..self.table().columns().len() {
            KeyName::Found { step: self.at, column }.render(sql.push(", "));
        }
        sql.push(", m").number(self.at).push("new");
    }

    /// Returns the number of columns of the result.
    pub(crate) fn result_columns(&self) -> usize {
        self.table().columns().len() + 1
    }

    /// Takes what the step has returned, from this column of the one row on.
    ///
    /// # Errors
    ///
    /// A column of another type than the model says.
    pub(crate) fn take(
        &self,
        flush: &mut Flush<'_, '_>,
        rows: &Rows,
        first: usize,
    ) -> Result<(), Error> {
        let (table, of, sent) = (self.table(), self.step.table(), &self.step.insert.rows);
        let answer = Answer::Arrays(rows, first);
        for (column, description) in table.columns().iter().enumerate() {
            let values = answer
                .column(column, description.ty())
                .map_err(|error| error.with_table(table.name()).with_column(description.name()))?;
            if values.len() != sent.len() {
                let message = "the rows that were found or added are not those that were sent";
                let error = Error::new(ErrorKind::RowMismatch, message);
                return Err(error.with_table(table.name()));
            }
            for (&row, value) in sent.iter().zip(values) {
                flush.assign(of, row, column, value);
            }
        }
        let new = answer.column(table.columns().len(), SqlType::BOOL)?;
        for (&row, is_new) in sent.iter().zip(new) {
            if is_new == Some(&[0][..]) {
                flush.note_found(of, row);
            }
        }
        flush.note_stored(of, sent);
        Ok(())
    }
}
