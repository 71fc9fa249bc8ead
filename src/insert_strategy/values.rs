//! `INSERT … VALUES … RETURNING` for one row or many.

use super::flush::{Bound, Flush};
use crate::error::Error;
use crate::model::{SqlType, Table};
use crate::sql::{Params, Sql};

/// The most parameters that one statement can have: the protocol counts them in 16 bits.
pub(super) const MAX_PARAMS: usize = 65_535;

/// From this size on, a statement takes no further row. The server refuses messages of 1 GiB.
const MAX_BYTES: usize = 256 << 20;

/// The columns that an insert of a table names, and those that it returns.
#[derive(Debug)]
pub(super) struct InsertColumns {
    written: Vec<usize>,
    returned: Vec<usize>,
}

impl InsertColumns {
    /// `left_to_database` says whether no row, some or all rows leave a column to the database.
    pub(super) fn new(table: &Table, left_to_database: impl Fn(usize) -> Left) -> InsertColumns {
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

    /// How many rows one statement can hold.
    pub(super) fn rows_per_statement(&self) -> usize {
        MAX_PARAMS / self.written.len()
    }
}

/// How many of some rows leave a column to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Never,
    Sometimes,
    Always,
}

/// Inserts rows of one table in as few statements as they fit into.
pub(super) fn insert(
    flush: &mut Flush<'_, '_>,
    table: usize,
    rows: &[u32],
    columns: &InsertColumns,
) -> Result<(), Error> {
    let description = flush.plan().tables()[table].table();
    let mut rest = rows;
    while !rest.is_empty() {
        let mut sql = Sql::new();
        let mut params = Params::new();
        let mut taken = 0;
        sql.push("INSERT INTO ").qualified(description.qualified_name()).push(" (");
        sql.columns(description, &columns.written).push(")");
        if gives_integer_key(description, &columns.written) {
            // Otherwise GENERATED ALWAYS AS IDENTITY refuses keys; other columns ignore it.
            sql.push(" OVERRIDING SYSTEM VALUE");
        }
        sql.push(" VALUES ");
        while taken < rest.len().min(columns.rows_per_statement()) && params.bytes() < MAX_BYTES {
            sql.push(if taken == 0 { "(" } else { ", (" });
            for (index, &column) in columns.written.iter().enumerate() {
                if index > 0 {
                    sql.push(", ");
                }
                match flush.bind(table, rest[taken], column, &mut params)? {
                    Bound::Default => sql.push("DEFAULT"),
                    Bound::Param(number) => sql.param(number).write_cast(description, column),
                };
            }
            sql.push(")");
            taken += 1;
        }
        sql.push(" RETURNING ").read_columns(description, &columns.returned);
        let (sent, left) = rest.split_at(taken);
        let returned = flush
            .query(sql.as_str(), &params)
            .map_err(|error| error.with_table(description.name()))?;
        flush.returned(table, sent, &columns.returned, &returned)?;
        rest = left;
    }
    Ok(())
}

/// Whether the statement gives values for an integer key of the table's own, which could be an
/// identity column.
pub(super) fn gives_integer_key(table: &Table, written: &[usize]) -> bool {
    let integers = [SqlType::INT2, SqlType::INT4, SqlType::INT8];
    table.key().iter().any(|column| {
        written.contains(column)
            && integers.contains(&table.columns()[*column].ty())
            && !table.foreign_keys().any(|foreign_key| foreign_key.columns.contains(column))
    })
}
