//! `INSERT … VALUES … RETURNING` for one row or many.

use super::{Bound, Flush};
use crate::error::Error;
use crate::flush_plan::PlannedTable;
use crate::model::{SqlType, Table};
use crate::sql::{Params, Sql};

/// The most parameters that one statement can have: the protocol counts them in 16 bits.
pub(crate) const MAX_PARAMS: usize = 65_535;

/// The values of one statement are at most this large, unless one row alone is larger. The server
/// refuses messages of 1 GiB.
pub(crate) const MAX_BYTES: usize = 256 << 20;

/// The columns that an insert of a table names, and those that it returns.
#[derive(Debug)]
pub(crate) struct InsertColumns {
    written: Vec<usize>,
    returned: Vec<usize>,
}

impl InsertColumns {
    /// `left_to_database` says whether no row, some or all rows leave a column to the database.
    pub(crate) fn new(table: &Table, left_to_database: impl Fn(usize) -> Left) -> InsertColumns {
        let all = 0..table.columns().len();
        let mut written: Vec<_> =
            all.clone().filter(|&column| left_to_database(column) != Left::Always).collect();
        if written.is_empty() {
            // Rows of nothing but defaults still need a column to say so.
            written.push(0);
        }
        let mut returned = table.key().to_vec();
        returned.extend(all.filter(|column| {
            !table.key().contains(column) && left_to_database(*column) != Left::Never
        }));
        InsertColumns { written, returned }
    }

    /// Keys are known, and all rows leave these columns to the database.
    pub(crate) fn without(table: &Table, left: &[usize]) -> InsertColumns {
        InsertColumns::new(
            table,
            |column| {
                if left.contains(&column) { Left::Always } else { Left::Never }
            },
        )
    }

    pub(crate) fn written(&self) -> &[usize] {
        &self.written
    }

    pub(crate) fn returned(&self) -> &[usize] {
        &self.returned
    }
}

/// The columns of an insert of many rows, whose keys are all known by then.
pub(crate) fn insert_columns(planned: &PlannedTable) -> InsertColumns {
    let table = planned.table();
    InsertColumns::new(table, |column| {
        let left = planned.left_to_database(column);
        if left == 0 || table.columns()[column].assigned_by().is_some() {
            Left::Never
        } else if left < planned.rows() {
            Left::Sometimes
        } else {
            Left::Always
        }
    })
}

/// The rows of each statement.
pub(crate) fn parts<'r>(
    planned: &PlannedTable,
    rows: &'r [u32],
    columns: &InsertColumns,
) -> Vec<&'r [u32]> {
    planned.parts(rows, MAX_PARAMS / columns.written.len(), MAX_BYTES)
}

/// How many of some rows leave a column to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Never,
    Sometimes,
    Always,
}

/// Inserts rows of one table in as few statements as they fit into.
pub(crate) fn insert(
    flush: &mut Flush<'_, '_>,
    table: usize,
    rows: &[u32],
    columns: &InsertColumns,
) -> Result<(), Error> {
    let planned = &flush.plan().tables()[table];
    let description = planned.table();
    for part in parts(planned, rows, columns) {
        let mut sql = Sql::new();
        let mut params = Params::new();
        begin_insert(&mut sql, description, &columns.written);
        sql.push(" VALUES ");
        for (at, &row) in part.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { ", (" });
            for (index, &column) in columns.written.iter().enumerate() {
                if index > 0 {
                    sql.push(", ");
                }
                match flush.bind(table, row, column, &mut params)? {
                    Bound::Default => sql.push("DEFAULT"),
                    Bound::Param(number) => sql.param(number).write_cast(description, column),
                };
            }
            sql.push(")");
        }
        sql.push(" RETURNING ").returned_columns(description, &columns.returned);
        let returned = flush
            .query(sql.as_str(), &params)
            .map_err(|error| error.with_table(description.name()))?;
        flush.returned(table, part, &columns.returned, &returned)?;
    }
    Ok(())
}

/// Appends `INSERT INTO table (columns)`, up to where the rows come from.
pub(crate) fn begin_insert(sql: &mut Sql, table: &Table, written: &[usize]) {
    sql.push("INSERT INTO ").qualified(table.qualified_name());
    sql.push(" (").columns(table, written).push(")");
    if gives_integer_key(table, written) {
        // Otherwise GENERATED ALWAYS AS IDENTITY refuses keys; other columns ignore it.
        sql.push(" OVERRIDING SYSTEM VALUE");
    }
}

/// Whether the statement gives values for an integer key of the table's own, which could be an
/// identity column.
fn gives_integer_key(table: &Table, written: &[usize]) -> bool {
    let integers = [SqlType::INT2, SqlType::INT4, SqlType::INT8];
    table.key().iter().any(|column| {
        written.contains(column)
            && integers.contains(&table.columns()[*column].ty())
            && !table.foreign_keys().any(|foreign_key| foreign_key.columns.contains(column))
    })
}
