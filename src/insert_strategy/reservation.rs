//! The keys of all new rows, reserved in one query before anything is written.

use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::keys::{KeyOrder, explain_keys, render_default_check, render_key_array};
use crate::flush_plan::{InsertStep, Inserts, PlannedStatement};
use crate::model::{Column, Table};
use crate::sql::{Params, Rows, Sql};

/// The keys that the new rows leave to the database.
pub(super) struct Reservation {
    /// The columns in the order of the result.
    columns: Vec<ReservedColumn>,
}

impl Reservation {
    /// Returns the keys that these inserts need.
    pub(super) fn new(inserts: &Inserts<'_>) -> Reservation {
        let mut columns = Vec::new();
        // All keys are reserved for the first rows that are inserted.
        let tables = if inserts.is_first() { inserts.tables() } else { &[] };
        for (table_index, planned) in tables.iter().enumerate() {
            // Rows that may be there already take no keys ahead.
            if planned.resolution().is_some() {
                continue;
            }
            let among = inserts.reserved_rows(table_index);
            for column_index in planned.assigned_columns() {
                let is_left = |row: &&u32| planned.left_by(**row).contains(&column_index);
                let rows = match &among {
                    Some(some) => some.iter().filter(is_left).count(),
                    None => planned.left_to_database(column_index),
                };
                if rows > 0 {
                    let (table, among) = (planned.table(), among.clone());
                    columns.push(ReservedColumn { table_index, table, column_index, rows, among });
                }
            }
        }
        Reservation { columns }
    }

    /// Returns what a strategy sends that reserves first and inserts then: for each step, so many inserts.
    pub(super) fn planned_with_inserts(
        &self,
        inserts: &Inserts<'_>,
        count: impl Fn(&InsertStep) -> usize,
    ) -> Vec<PlannedStatement> {
        let mut statements = Vec::new();
        if !self.is_empty() {
            statements.push(PlannedStatement::new(self.to_string()));
        }
        statements.extend(inserts.steps().map(|step| {
            let table = inserts.tables()[step.table()].table();
            PlannedStatement::insert(table, step.rows().len(), count(step))
        }));
        statements
    }

    /// Returns the number of result columns.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Returns `true` if no keys are reserved.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Appends the condition that keys come from where the DEFAULTs say, if that is not known.
    ///
    /// ```text
    ///  WHERE NOT EXISTS (SELECT FROM pg_attrdef AS d WHERE …)
    /// ```
    ///
    /// `the_first_commit_looks_at_where_keys_come_from` pins the text.
    pub(super) fn render_default_check(
        &self,
        flush: &Flush<'_, '_>,
        sql: &mut Sql,
        params: &mut Params,
    ) -> Result<(), Error> {
        if !flush.checks_defaults() {
            return Ok(());
        }
        render_default_check(&self.assigned(), " WHERE ", sql, params)
    }

    /// Returns the columns that get keys.
    fn assigned(&self) -> Vec<(&'static Table, usize)> {
        self.columns.iter().map(|reserved| (reserved.table, reserved.column_index)).collect()
    }

    /// Appends an array of keys for each column.
    ///
    /// ```text
    /// ARRAY(SELECT nextval(…)::int4 FROM (SELECT generate_series(1, $1)) AS g), ARRAY(…)
    /// ```
    ///
    /// `users_and_addresses_in_a_batch` pins the text.
    pub(super) fn render_keys(&self, sql: &mut Sql, params: &mut Params) {
        for (index, reserved) in self.columns.iter().enumerate() {
            let number = params.push_count(reserved.rows as u64);
            sql.push(if index > 0 { ", " } else { "" });
            let (table, column) = (reserved.table, reserved.column_index);
            render_key_array(table, column, number, KeyOrder::Taken, sql);
        }
    }

    /// Returns the error with what the server cannot name: whose sequence it was.
    pub(super) fn explain(&self, error: Error) -> Error {
        explain_keys(error, &self.assigned())
    }

    /// Assigns the keys, which are the first columns of the result.
    pub(super) fn assign(&self, flush: &mut Flush<'_, '_>, rows: &Rows) -> Result<(), Error> {
        if flush.checks_defaults() {
            flush.has_checked_defaults(&self.assigned());
        }
        for (index, reserved) in self.columns.iter().enumerate() {
            rows.expect_types(&[(index, reserved.column().ty().array())])?;
            let raw = (!rows.is_empty()).then(|| rows.raw(0, index)).flatten();
            reserved.assign(flush, raw.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Reserves the keys in a query of their own, if there are any to reserve.
    ///
    /// ```text
    /// SELECT ARRAY(…keys…), ARRAY(…keys…)
    /// WHERE …the check of DEFAULTs…
    /// ```
    ///
    /// `users_and_addresses_in_a_batch` pins the text.
    pub(super) fn reserve(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let (mut sql, mut params) = (Sql::new(), Params::new());
        sql.push("SELECT ");
        self.render_keys(&mut sql, &mut params);
        self.render_default_check(flush, &mut sql, &mut params)?;
        let rows = flush.query(sql.as_str(), &params).map_err(|error| self.explain(error))?;
        self.assign(flush, &rows)
    }
}

/// Says which keys are reserved, for people.
impl std::fmt::Display for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reserve keys: ")?;
        for (index, reserved) in self.columns.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            let (table, column) = (reserved.table.name(), reserved.column().name());
            write!(f, "{separator}{} for {table}.{column}", reserved.rows)?;
        }
        Ok(())
    }
}

/// Keys that one column of new rows needs.
struct ReservedColumn {
    /// The position of the table among the new ones.
    table_index: usize,
    /// The table itself.
    table: &'static Table,
    /// The position of the column in the table.
    column_index: usize,
    /// The number of rows that get a key.
    rows: usize,
    /// The rows among which they are, if it is not all.
    among: Option<Vec<u32>>,
}

impl ReservedColumn {
    /// Returns the column.
    fn column(&self) -> &'static Column {
        &self.table.columns()[self.column_index]
    }

    /// Assigns the keys of the column.
    fn assign(&self, flush: &mut Flush<'_, '_>, raw: &[u8]) -> Result<(), Error> {
        let fail = |message: String| {
            Error::new(ErrorKind::Model, message)
                .with_table(self.table.name())
                .with_column(self.column().name())
        };
        let planned = &flush.inserts().tables()[self.table_index];
        let is_every_row = self.rows == planned.rows();
        let is_left =
            |row: &u32| is_every_row || planned.left_by(*row).contains(&self.column_index);
        let (table, column) = (self.table_index, self.column_index);
        let assigned = match &self.among {
            None => {
                let rows = (0..planned.rows() as u32).filter(is_left);
                flush.assign_all(table, column, rows, raw)
            }
            Some(some) => {
                let rows = some.iter().copied().filter(is_left);
                flush.assign_all(table, column, rows, raw)
            }
        };
        let nulls =
            assigned.map_err(|error| fail(format!("cannot read the reserved keys: {error}")))?;
        if nulls > 0 {
            let message = "no sequence belongs to this column, so its keys cannot be reserved";
            return Err(fail(message.to_owned()).with_hint(
                "make it an identity or serial column, name its sequence with \
                 `#[model(sequence = \"…\")]`, or give the expression of its default with \
                 `#[model(default = \"…\")]`",
            ));
        }
        Ok(())
    }
}
