//! `Copy`: ids first, then a binary `COPY` a table.

mod check;

use super::reservation::Reservation;
use super::{InsertStrategy, unnest};
use crate::connection::COPY_ROUND_TRIPS;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::values::InsertColumns;
use crate::flush_plan::{Cycles, InsertStep, Inserts, PlannedStatement, PlannedTable, counted};
use crate::sql::{Params, Sql};
use check::render_copy_check;

/// Reserves all keys in one query, then writes each table by binary `COPY`: for bulk, with bounded
/// memory. T tables take 3T + 3 round trips, because the driver takes three round trips for a `COPY`.
///
/// The query that reserves the keys also looks at the tables. If `COPY` would do something else than an
/// insert, inserts from arrays write the table, as [`Unnest`](crate::Unnest) does it. These are tables
/// with `BEFORE` triggers, rules, row security, or columns of another type than the model says, and
/// tables whose rows take server defaults that are to be read back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Copy;

impl InsertStrategy for Copy {
    fn name(&self) -> &str {
        "copy"
    }

    fn cycles(&self) -> Cycles {
        Cycles::OneRow
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        let reservation = Reservation::new(inserts);
        let mut first = Vec::new();
        if !reservation.is_empty() {
            first.push(reservation.to_string());
        }
        if tables_of(inserts).any(|table| gives_all(&inserts.tables()[table])) {
            first.push("look at the tables".to_owned());
        }
        let mut statements = Vec::new();
        if !first.is_empty() {
            statements.push(PlannedStatement::new(first.join("; ")));
        }
        for step in inserts.steps() {
            let (planned, rows) = (&inserts.tables()[step.table()], step.rows().len());
            statements.push(if gives_all(planned) {
                let text = format!("copy {} into {}", counted(rows), planned.table().name());
                PlannedStatement::new(text).round_trips_each(COPY_ROUND_TRIPS)
            } else {
                let statements = unnest::statements(inserts, planned, step);
                PlannedStatement::insert(planned.table(), rows, statements)
            });
        }
        statements
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let inserts = flush.inserts();
        let can_copy = prepare(flush)?;
        // The sizes, by which inserts are split, are looked at once a table, however many steps it has.
        let mut to_insert = Vec::new();
        for (index, planned) in inserts.tables().iter().enumerate() {
            to_insert.push(match can_copy[index] {
                true => None,
                false => Some(planned.measured(flush.changes(), index)?),
            });
        }
        for step in inserts.steps() {
            match &to_insert[step.table()] {
                Some(planned) => unnest::insert(flush, planned, step)?,
                None => copy(flush, step)?,
            }
        }
        Ok(())
    }
}

/// Returns the tables that have rows among these, by position.
fn tables_of(inserts: &Inserts<'_>) -> impl Iterator<Item = usize> {
    let steps: Vec<usize> = inserts.steps().map(InsertStep::table).collect();
    (0..inserts.tables().len()).filter(move |table| steps.contains(table))
}

/// Returns `true` if nothing has to be read back but keys, which are known by then.
fn gives_all(planned: &PlannedTable) -> bool {
    let columns = planned.table().columns();
    (0..columns.len()).all(|column| {
        columns[column].assigned_by().is_some() || planned.left_to_database(column) == 0
    })
}

/// Reserves the keys, and returns which tables can be copied into, in one query.
///
/// ```text
/// SELECT ARRAY(…keys…), ARRAY(…which tables can be copied into…)
/// WHERE …the check of DEFAULTs…
/// ```
///
/// `tests/book.rs` compares the text with `docs/src/strategies.md`.
fn prepare(flush: &mut Flush<'_, '_>) -> Result<Vec<bool>, Error> {
    let inserts = flush.inserts();
    let reservation = Reservation::new(&inserts);
    let tables = inserts.tables();
    let mut can_copy: Vec<bool> = tables.iter().map(gives_all).collect();
    let asked: Vec<usize> = tables_of(&inserts).filter(|&table| can_copy[table]).collect();
    if reservation.is_empty() && asked.is_empty() {
        return Ok(can_copy);
    }
    let (mut sql, mut params) = (Sql::new(), Params::new());
    sql.push("SELECT ");
    reservation.render_keys(&mut sql, &mut params);
    if !asked.is_empty() {
        sql.push(if reservation.is_empty() { "" } else { ", " });
        let asked: Vec<_> = asked.iter().map(|&table| tables[table].table()).collect();
        render_copy_check(&asked, &mut sql, &mut params)?;
    }
    reservation.render_default_check(flush, &mut sql, &mut params)?;
    let rows = flush.query(sql.as_str(), &params).map_err(|error| reservation.explain(error))?;
    reservation.assign(flush, &rows)?;
    if !asked.is_empty() {
        let answers: Vec<bool> = rows.get(0, reservation.len())?.unwrap_or_default();
        for (index, &table) in asked.iter().enumerate() {
            can_copy[table] = answers.get(index) == Some(&true);
        }
    }
    Ok(can_copy)
}

/// Copies the rows of a step into their table.
///
/// ```text
/// COPY users (id, name) FROM STDIN BINARY
/// ```
///
/// `tests/book.rs` compares the text with `docs/src/strategies.md`.
fn copy(flush: &mut Flush<'_, '_>, step: &InsertStep) -> Result<(), Error> {
    let table = flush.inserts().tables()[step.table()].table();
    let columns = InsertColumns::without(table, &[]);
    let mut sql = Sql::new();
    sql.push("COPY ").qualified(table.qualified_name());
    sql.push(" (").columns(table, columns.named()).push(") FROM STDIN BINARY");
    flush.copy(sql.as_str(), step.table(), step.rows(), columns.named())
}
