//! `Matched`: the columns by which a statement finds the rows that it changes.

use super::arrays::ArrayRows;
use super::change::Change;
use super::statement_text::StatementText;
use crate::error::Error;
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Sql};

/// The columns of `r` by which rows are found. After them comes the row's number, counted from 1.
pub(super) struct Matched {
    /// The table of the rows.
    table: &'static Table,
    /// The key as the database has it, and then the version.
    pub(super) columns: Vec<usize>,
    /// The position of the first of them in the arrays.
    first: usize,
}

impl Matched {
    /// Adds the columns of a change's rows to the arrays, of which there are `first` so far.
    ///
    /// # Errors
    ///
    /// When the key of a row is not known.
    pub(super) fn add(
        change: &Change<'_>,
        first: usize,
        arrays: &mut ArrayRows,
        text: &mut StatementText<'_, '_>,
    ) -> Result<Matched, Error> {
        let (flush, table, changed) = (text.flush, change.table(), change.changed());
        let slots = change.slots(&flush.changes().changed()[changed]);
        let columns: Vec<usize> = table.key().iter().copied().chain(table.version()).collect();
        for &column in &columns {
            let mut values = ArrayParam::new(table.columns()[column].ty(), slots.len());
            for &slot in &slots {
                values.push_value(|out| flush.stored_value(changed, slot, column, out))?;
            }
            arrays.add_array(values, &mut text.params);
            arrays.cast_last(table, column);
        }
        let mut numbers = ArrayParam::new(SqlType::INT4, slots.len());
        (1..).take(slots.len()).for_each(|number| numbers.push_i32(number));
        arrays.add_array(numbers, &mut text.params);
        Ok(Matched { table, columns, first })
    }

    /// Appends the condition that rows are equal in `columns`, which are the first ones of these; see
    /// [`render_match`].
    pub(super) fn render(&self, columns: &[usize], sql: &mut Sql) {
        render_match(self.table, columns, self.first, sql);
    }

    /// Returns the column of `r` with the row's number.
    pub(super) fn number(&self) -> usize {
        self.first + self.columns.len()
    }
}

/// Appends the condition that columns of `t` are equal to those of `r`, from `v{first}` on.
///
/// ```text
///  WHERE t.id = r.v1 AND t.version = r.v2
/// ```
///
/// `an_update_of_one_column` pins the text.
pub(super) fn render_match(table: &'static Table, columns: &[usize], first: usize, sql: &mut Sql) {
    sql.push(" WHERE ").conditions(columns.iter().enumerate(), |sql, (at, &column)| {
        sql.push("t.").name(table.columns()[column].name());
        sql.push(" = r.v").number(first + at);
    });
}
