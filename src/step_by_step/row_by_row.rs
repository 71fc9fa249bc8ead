//! Updates and deletes as one plain statement for each row. They share no SQL with the other ways of
//! writing, so that these can be checked against them.

use bytes::BytesMut;

use crate::assignments::RowsOf;
use crate::change_set::{CellAt, CellValue, SetTo};
use crate::error::Error;
use crate::flush::change::Change;
use crate::flush::set_aside;
use crate::flush::stale::Stale;
use crate::flush::{Flush, not_written_yet};
use crate::flush_plan::{PlannedStatement, Step, UpdateStep};
use crate::sql::{Params, Sql};

/// Sends a step row by row, in its order.
///
/// # Errors
///
/// Those of the server; [`ErrorKind::Stale`](crate::ErrorKind::Stale) when a row is not there.
pub(super) fn write(flush: &mut Flush<'_, '_>, change: Change<'_>) -> Result<(), Error> {
    let name_table = |error: Error| error.with_table(change.table().name());
    let (mut missing, mut stale) = (0, Vec::new());
    for at in 0..change.len() {
        let (mut sql, mut params) = (Sql::new(), Params::new());
        match change {
            Change::Update(step) => {
                sql.push("UPDATE ").qualified(step.table().qualified_name()).push(" SET ");
                render_set(flush, step, at, &mut sql, &mut params).map_err(name_table)?;
            }
            Change::Delete(step) => {
                sql.push("DELETE FROM ").qualified(step.table().qualified_name());
            }
        }
        render_where(flush, change, at, &mut sql, &mut params).map_err(name_table)?;
        // The key says that there was a row.
        let read_back = change.read_back();
        let returned = if read_back.is_empty() { change.table().key() } else { &read_back[..] };
        sql.push(" RETURNING ").returned_columns(change.table(), returned);
        let rows = flush.query(sql.as_str(), &params).map_err(name_table)?;
        if rows.len() != 1 {
            missing += 1 - rows.len() as i64;
            stale.push(at);
            continue;
        }
        let Change::Update(step) = change else { continue };
        let types = returned.iter().map(|&column| change.table().columns()[column].ty());
        rows.expect_types(&types.enumerate().collect::<Vec<_>>()).map_err(name_table)?;
        for (index, &column) in read_back.iter().enumerate() {
            let (row, value) = (step.rows[at], rows.raw(0, index));
            if step.is_detour() {
                let slot = flush.changes().changed()[step.changed].slot_of(row);
                flush.moved(step.changed, slot, column, value.unwrap_or_default());
            } else {
                flush.assign_updated(step.changed, row, column, value);
            }
        }
    }
    match stale.is_empty() {
        true => Ok(()),
        false => Err(Stale::new(flush, &change, missing, stale).error(flush)),
    }
}

/// Returns what would be sent for a step.
pub(super) fn planned(step: &Step) -> PlannedStatement {
    let table = step.table().name();
    let text = match step {
        Step::Update(step) if step.is_detour() => format!("set a row of {table} aside"),
        Step::Update(_) => format!("update a row of {table}"),
        _ => format!("delete a row from {table}"),
    };
    PlannedStatement::new(text).times(step.len())
}

fn render_set(
    flush: &Flush<'_, '_>,
    step: &UpdateStep,
    at: usize,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let table = step.table();
    let mut separator = "";
    for (position, &(column, to)) in step.columns.iter().enumerate() {
        if !step.changes(at, position) {
            continue;
        }
        let description = &table.columns()[column];
        sql.push(separator).name(description.name()).push(" = ");
        separator = ", ";
        if let Some(set_aside) = step.set_aside {
            set_aside::render(flush, (step, set_aside), column, "1", sql, params)?;
            continue;
        }
        if to == SetTo::Default {
            sql.push("DEFAULT");
            continue;
        }
        let cell = CellAt { rows: RowsOf::Changed(step.changed), row: step.rows[at], column };
        let number = params.push_encoded(description.ty(), |out: &mut BytesMut| {
            match flush.changes().value(cell, flush.assigned(), out)? {
                CellValue::Value => Ok(true),
                CellValue::Unassigned(_) => Err(not_written_yet().with_column(description.name())),
                CellValue::Null | CellValue::Default => Ok(false),
            }
        })?;
        sql.param(number).write_cast(table, column);
    }
    if let (Some(version), None) = (table.version(), step.set_aside) {
        let name = table.columns()[version].name();
        sql.push(", ").name(name).push(" = ").name(name).push(" + 1");
    }
    Ok(())
}

fn render_where(
    flush: &Flush<'_, '_>,
    change: Change<'_>,
    at: usize,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let (table, changed) = (change.table(), change.changed());
    let slot = match change {
        Change::Update(step) => flush.changes().changed()[changed].slot_of(step.rows[at]),
        Change::Delete(step) => step.slots[at],
    };
    let columns = table.key().iter().copied().chain(table.version());
    for (part, column) in columns.enumerate() {
        let description = &table.columns()[column];
        let number = params.push_encoded(description.ty(), |out: &mut BytesMut| {
            flush.stored_value(changed, slot, column, out).map(|()| true)
        })?;
        sql.push(if part == 0 { " WHERE " } else { " AND " }).name(description.name());
        sql.push(" = ").param(number).write_cast(table, column);
    }
    Ok(())
}
