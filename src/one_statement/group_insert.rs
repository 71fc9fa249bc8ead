//! `GroupInsert`: the insert of rows that leave the same columns to the database.

use crate::flush::array_source::Group;
use crate::flush::arrays::ArrayRows;
use crate::flush::values::begin_insert;
use crate::model::Table;
use crate::sql::Sql;

/// What becomes of a row that is in the way of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnConflict {
    /// The statement fails.
    Fail,
    /// The row is not inserted.
    LeaveOut,
}

/// The insert of a group of rows, as a part of one statement.
#[derive(Clone, Copy)]
pub(super) struct GroupInsert<'a> {
    /// The table of the rows.
    pub(super) table: &'static Table,
    /// The rows, and the columns that they leave to the database.
    pub(super) group: &'a Group,
}

impl GroupInsert<'_> {
    /// Returns the columns that the insert gives values to.
    pub(super) fn named(&self) -> Vec<usize> {
        let read_back = self.read_back();
        (0..self.table.columns().len()).filter(|column| !read_back.contains(column)).collect()
    }

    /// Returns the columns whose values are read back: those with a server default.
    pub(super) fn read_back(&self) -> Vec<usize> {
        let columns = self.table.columns();
        let is_key_taken = |column: &usize| columns[*column].assigned_by().is_some();
        let left_columns = self.group.left_columns.iter().copied();
        left_columns.filter(|column| !is_key_taken(column)).collect()
    }

    /// Returns the columns that the insert returns: its key, and what is read back.
    pub(super) fn returned(&self) -> Vec<usize> {
        self.table.key().iter().copied().chain(self.read_back()).collect()
    }

    /// Appends the insert of rows, which have the [named](GroupInsert::named) columns.
    ///
    /// ```text
    /// INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
    /// SELECT unnest(k0), unnest($14)
    /// FROM k
    /// RETURNING COALESCE(NULL::int4, id) AS r0
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    pub(super) fn render(&self, rows: &ArrayRows, from: &str, conflict: OnConflict, sql: &mut Sql) {
        let named = self.named();
        begin_insert(sql, self.table, &named);
        rows.render(from, sql.push(" "), |sql, index| {
            sql.write_cast(self.table, named[index]);
        });
        sql.push(match conflict {
            OnConflict::Fail => " RETURNING ",
            OnConflict::LeaveOut => " ON CONFLICT DO NOTHING RETURNING ",
        });
        sql.list(self.returned().into_iter().enumerate(), |sql, (at, column)| {
            sql.read_column(self.table, column, "").push(" AS r").number(at);
        });
    }
}
