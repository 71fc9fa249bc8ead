//! `INSERT … VALUES … RETURNING` for one row or many.

use super::{Bound, Flush};
use crate::error::Error;
use crate::flush_plan::PlannedTable;
use crate::model::{SqlType, Table};
use crate::sql::{Params, Sql};

/// The columns that an insert of a table names, and those that it returns.
#[derive(Debug)]
pub(crate) struct InsertColumns {
    /// The columns that the insert names: at least one.
    named: Vec<usize>,
    /// The key, and then the columns that rows leave to the database.
    returned: Vec<usize>,
}

impl InsertColumns {
    /// Returns the columns of an insert, where `leaving` says how many rows leave a column to the
    /// database.
    pub(crate) fn new(table: &Table, leaving: impl Fn(usize) -> LeavingRows) -> InsertColumns {
        let all = 0..table.columns().len();
        let mut named: Vec<_> =
            all.clone().filter(|&column| leaving(column) != LeavingRows::All).collect();
        if named.is_empty() {
            // Rows of nothing but defaults still need a column to say so.
            named.push(0);
        }
        let mut returned = table.key().to_vec();
        returned.extend(all.filter(|column| {
            !table.key().contains(column) && leaving(*column) != LeavingRows::None
        }));
        InsertColumns { named, returned }
    }

    /// Returns the columns of an insert of rows that all leave these columns to the database, and whose
    /// keys are known.
    pub(crate) fn without(table: &Table, left: &[usize]) -> InsertColumns {
        InsertColumns::new(table, |column| {
            if left.contains(&column) { LeavingRows::All } else { LeavingRows::None }
        })
    }

    /// Returns the columns that the insert names.
    pub(crate) fn named(&self) -> &[usize] {
        &self.named
    }

    /// Returns the columns that the insert returns.
    pub(crate) fn returned(&self) -> &[usize] {
        &self.returned
    }
}

/// How many rows of an insert leave a column to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeavingRows {
    /// All rows give a value.
    None,
    /// Some rows give a value, and the others say `DEFAULT`.
    Some,
    /// No row gives a value, so the insert does not name the column, unless it would name none then.
    All,
}

/// The most parameters that one statement can have: the protocol counts them in 16 bits.
pub(crate) const MAX_PARAMS: usize = 65_535;

/// The values of one statement are at most this large, unless one row alone is larger. The server
/// refuses messages of 1 GiB.
pub(crate) const MAX_BYTES: usize = 256 << 20;

/// Returns the columns of an insert of many rows, whose keys are all known by then.
pub(crate) fn insert_columns(planned: &PlannedTable) -> InsertColumns {
    let table = planned.table();
    InsertColumns::new(table, |column| {
        let left = planned.left_to_database(column);
        if left == 0 || table.columns()[column].assigned_by().is_some() {
            LeavingRows::None
        } else if left < planned.rows() {
            LeavingRows::Some
        } else {
            LeavingRows::All
        }
    })
}

/// Returns the rows of each statement.
pub(crate) fn parts<'r>(
    planned: &PlannedTable,
    rows: &'r [u32],
    columns: &InsertColumns,
) -> Vec<&'r [u32]> {
    planned.parts(rows, MAX_PARAMS / columns.named.len(), MAX_BYTES)
}

/// Inserts rows of one table in as few statements as they fit into.
///
/// ```text
/// INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
/// VALUES ($1, $2), ($3, DEFAULT)
/// RETURNING COALESCE(NULL::int4, id) AS id
/// ```
///
/// `users_and_addresses_in_a_batch` and `given_keys_and_defaults_in_a_batch` pin the text.
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
        begin_insert(&mut sql, description, &columns.named);
        sql.push(" VALUES ");
        for (at, &row) in part.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { ", (" });
            for (index, &column) in columns.named.iter().enumerate() {
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
        sql.returning(description, &columns.returned, flush.is_distributed());
        let returned = flush.query(sql.as_str(), &params).map_err(|error| {
            flush.blame_only_new_row(error.with_table(description.name()), table, part)
        })?;
        flush.returned(table, part, &columns.returned, &returned)?;
    }
    Ok(())
}

/// Appends the beginning of an insert, up to where the rows come from.
///
/// ```text
/// INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
/// ```
///
/// `users_and_addresses_in_a_batch` pins the text.
pub(crate) fn begin_insert(sql: &mut Sql, table: &Table, named: &[usize]) {
    sql.push("INSERT INTO ").qualified(table.qualified_name());
    sql.push(" (").columns(table, named).push(")");
    if gives_integer_key(table, named) {
        // Otherwise GENERATED ALWAYS AS IDENTITY refuses keys; other columns ignore it.
        sql.push(" OVERRIDING SYSTEM VALUE");
    }
}

/// Returns `true` if an insert that names these columns gives values for an integer key of the table's own, which could be an
/// identity column.
fn gives_integer_key(table: &Table, named: &[usize]) -> bool {
    let integers = [SqlType::INT2, SqlType::INT4, SqlType::INT8];
    table.key().iter().any(|column| {
        named.contains(column)
            && integers.contains(&table.columns()[*column].ty())
            && !table.foreign_keys().any(|foreign_key| foreign_key.columns.contains(column))
    })
}
