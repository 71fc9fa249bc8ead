//! `Batch`: ids first, then one statement a table.

use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::keys::next_key;
use super::values::{self, InsertColumns, Left};
use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::{Cycles, FlushPlan, PlannedTable};
use crate::model::{Column, Table};
use crate::sql::{Params, Sql};

/// Reserves all keys in one query, then writes each table by one multi-row `VALUES` insert: at most
/// T + 3 round trips for T tables. A table that needs more than 65,535 parameters or 256 MiB is
/// split, and tables that refer to each other take one insert for each turn.
///
/// The idea is that of the Python module `sqlalchemy_batch_inserts`, which reserves the ids of one
/// table at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch;

impl InsertStrategy for Batch {
    fn name(&self) -> &str {
        "batch"
    }

    fn cycles(&self) -> Cycles {
        Cycles::OneRow
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        let mut statements = Vec::new();
        let reservations: Vec<_> = reservations(plan)
            .iter()
            .map(|r| format!("{} for {}.{}", r.rows, r.table.name(), r.column().name()))
            .collect();
        if !reservations.is_empty() {
            let text = format!("reserve keys: {}", reservations.join(", "));
            statements.push(PlannedStatement::new(text));
        }
        for step in plan.steps() {
            let planned = &plan.tables()[step.table()];
            let rows = step.rows().len();
            let per_statement = insert_columns(planned).rows_per_statement();
            let (plural, table) = (if rows == 1 { "" } else { "s" }, planned.table().name());
            let count = rows.div_ceil(per_statement);
            let text = match count {
                1 => format!("insert {rows} row{plural} into {table}"),
                _ => format!("insert into {table}, {rows} rows in all"),
            };
            statements.push(PlannedStatement::new(text).times(count));
        }
        statements
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        reserve_keys(flush)?;
        let plan = flush.plan();
        for step in plan.steps() {
            let columns = insert_columns(&plan.tables()[step.table()]);
            values::insert(flush, step.table(), step.rows(), &columns)?;
        }
        Ok(())
    }
}

/// After the reservation every key is known.
fn insert_columns(planned: &PlannedTable) -> InsertColumns {
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

/// Keys that one column of new rows needs.
struct Reservation {
    table_index: usize,
    table: &'static Table,
    column_index: usize,
    rows: usize,
}

impl Reservation {
    fn column(&self) -> &'static Column {
        &self.table.columns()[self.column_index]
    }
}

fn reservations(plan: &FlushPlan) -> Vec<Reservation> {
    let mut result = Vec::new();
    for (table_index, planned) in plan.tables().iter().enumerate() {
        let table = planned.table();
        for (column_index, column) in table.columns().iter().enumerate() {
            let rows = planned.left_to_database(column_index);
            if column.assigned_by().is_some() && rows > 0 {
                result.push(Reservation { table_index, table, column_index, rows });
            }
        }
    }
    result
}

/// Reserves the keys of all new rows of all tables in one query, and assigns them.
fn reserve_keys(flush: &mut Flush<'_, '_>) -> Result<(), Error> {
    let reservations = reservations(flush.plan());
    if reservations.is_empty() {
        return Ok(());
    }
    let (sql, params) = reservation_query(&reservations)?;
    let rows = flush.query(sql.as_str(), &params).map_err(|error| match &reservations[..] {
        [only] => error.with_table(only.table.name()).with_column(only.column().name()),
        _ => error,
    })?;
    for (index, reservation) in reservations.iter().enumerate() {
        rows.expect_types(&[(index, reservation.column().ty().array())])?;
        let raw = (!rows.is_empty()).then(|| rows.raw(0, index)).flatten();
        assign_keys(flush, reservation, raw.unwrap_or_default())?;
    }
    Ok(())
}

fn assign_keys(
    flush: &mut Flush<'_, '_>,
    reservation: &Reservation,
    raw: &[u8],
) -> Result<(), Error> {
    let fail = |message: String| {
        Error::new(ErrorKind::Model, message)
            .with_table(reservation.table.name())
            .with_column(reservation.column().name())
    };
    let unreadable = |error| fail(format!("cannot read the reserved keys: {error}"));
    let array = array_from_sql(raw).map_err(unreadable)?;
    let mut keys = array.values();
    for row in 0..flush.plan().tables()[reservation.table_index].rows() as u32 {
        if !flush.is_default(reservation.table_index, row, reservation.column_index)? {
            continue;
        }
        match keys.next().map_err(unreadable)? {
            Some(Some(key)) => {
                flush.assign(reservation.table_index, row, reservation.column_index, Some(key));
            }
            Some(None) => {
                let message = "no sequence belongs to this column, so its keys cannot be reserved";
                return Err(fail(message.to_owned()).with_hint(
                    "make it an identity or serial column, name its sequence with \
                     `#[model(sequence = \"…\")]`, or give the expression of its default with \
                     `#[model(default = \"…\")]`",
                ));
            }
            None => return Err(fail("fewer keys were reserved than needed".to_owned())),
        }
    }
    Ok(())
}

/// `SELECT ARRAY(SELECT nextval(…) FROM generate_series(1, $1)), …`: one array for each column.
fn reservation_query(reservations: &[Reservation]) -> Result<(Sql, Params), Error> {
    let mut sql = Sql::new();
    let mut params = Params::new();
    sql.push("SELECT ");
    for (index, reservation) in reservations.iter().enumerate() {
        let rows = i64::try_from(reservation.rows).unwrap_or(i64::MAX);
        let number =
            params.push(&rows).map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))?;
        sql.push(if index > 0 { ", ARRAY(SELECT " } else { "ARRAY(SELECT " });
        next_key(&mut sql, reservation.table, reservation.column_index)
            .cast(reservation.column().ty());
        sql.push(" FROM generate_series(1, ").param(number).push("))");
    }
    Ok((sql, params))
}
