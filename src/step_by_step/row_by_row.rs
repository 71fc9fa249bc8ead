//! Updates and deletes as one plain statement for each row. They share no SQL with the other ways of
//! writing, so that these can be checked against them.

use bytes::BytesMut;

use crate::assignments::RowsOf;
use crate::change_set::{CellAt, CellValue, SetTo};
use crate::error::Error;
use crate::flush::change::Change;
use crate::flush::set_aside::Placeholder;
use crate::flush::stale::Stale;
use crate::flush::statement_text::StatementText;
use crate::flush::{Flush, not_written_yet};
use crate::flush_plan::{PlannedStatement, Step, UpdateStep};

/// Sends a step row by row, in its order.
///
/// # Errors
///
/// Those of the server; [`ErrorKind::Stale`](crate::ErrorKind::Stale) when a row is not there.
pub(super) fn write(flush: &mut Flush<'_, '_>, change: Change<'_>) -> Result<(), Error> {
    let name_table = |error: Error| error.with_table(change.table().name());
    let (mut missing, mut stale) = (0, Vec::new());
    for at in 0..change.len() {
        let read_back = change.read_back();
        // The key says that there was a row.
        let returned = if read_back.is_empty() { change.table().key() } else { &read_back[..] };
        let mut text = StatementText::new(flush);
        render(change, at, returned, &mut text).map_err(name_table)?;
        let (sql, params) = text.finish();
        let rows = flush.query(sql.as_str(), &params).map_err(|error| {
            let (of, changed) = (RowsOf::Changed(change.changed()), flush.changes().changed());
            let slots = change.slots(&changed[change.changed()]);
            flush.blame_only_row(name_table(error), of, &slots[at..=at])
        })?;
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
                flush.note_moved(step.changed, slot, column, value.unwrap_or_default());
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
        // At most: what is found, and kept, takes one.
        Step::FindOrAdd(_) => {
            let text = format!("look for a row of {table}, or write it");
            return PlannedStatement::new(text).times(2 * step.len());
        }
        Step::Delete(_) | Step::Insert(_) => format!("delete a row from {table}"),
    };
    PlannedStatement::new(text).times(step.len())
}

/// Appends the statement for the row at a position of a step.
///
/// ```text
/// UPDATE accounts
/// SET balance = $1, version = version + 1
/// WHERE id = $2 AND version = $3
/// RETURNING COALESCE(NULL::int4, version) AS version
/// ```
///
/// ```text
/// DELETE FROM accounts
/// WHERE id = $1
/// RETURNING COALESCE(NULL::int4, id) AS id
/// ```
fn render(
    change: Change<'_>,
    at: usize,
    returned: &[usize],
    text: &mut StatementText<'_, '_>,
) -> Result<(), Error> {
    match change {
        Change::Update(step) => {
            let placeholder = Placeholder::of(step);
            if let Some(placeholder) = &placeholder {
                placeholder.render_query("", "1", text)?;
                text.sql.push(") ");
            }
            text.sql.push("UPDATE ").qualified(step.table().qualified_name()).push(" SET ");
            match placeholder {
                Some(placeholder) => placeholder.render_set("(SELECT r.p FROM r)", &mut text.sql),
                None => render_set(step, at, text)?,
            }
        }
        Change::Delete(step) => {
            text.sql.push("DELETE FROM ").qualified(step.table().qualified_name());
        }
    }
    render_where(change, at, text)?;
    text.sql.returning(change.table(), returned, text.flush.is_distributed());
    Ok(())
}

/// Appends what the columns of a row are set to.
///
/// ```text
/// balance = $1, opened = DEFAULT, version = version + 1
/// ```
fn render_set(step: &UpdateStep, at: usize, text: &mut StatementText<'_, '_>) -> Result<(), Error> {
    let (table, flush) = (step.table(), text.flush);
    let mut separator = "";
    for (position, &(column, to)) in step.columns.iter().enumerate() {
        if !step.changes(at, position) {
            continue;
        }
        let description = &table.columns()[column];
        text.sql.push(separator).name(description.name()).push(" = ");
        separator = ", ";
        if to == SetTo::Default {
            text.sql.push("DEFAULT");
            continue;
        }
        let cell = CellAt { rows: RowsOf::Changed(step.changed), row: step.rows[at], column };
        let number =
            text.params.push_encoded(description.ty(), |out: &mut BytesMut| {
                match flush.changes().value(cell, flush.assigned(), out)? {
                    CellValue::Value => Ok(true),
                    CellValue::Unassigned(_) => {
                        Err(not_written_yet().with_column(description.name()))
                    }
                    CellValue::Null | CellValue::Default => Ok(false),
                }
            })?;
        text.sql.param(number).write_cast(table, column);
    }
    if let Some(version) = table.version() {
        let name = table.columns()[version].name();
        text.sql.push(", ").name(name).push(" = ").name(name).push(" + 1");
    }
    Ok(())
}

/// Appends the condition that finds the row at a position of a step.
///
/// ```text
///  WHERE id = $2 AND version = $3
/// ```
fn render_where(
    change: Change<'_>,
    at: usize,
    text: &mut StatementText<'_, '_>,
) -> Result<(), Error> {
    let (flush, table, changed) = (text.flush, change.table(), change.changed());
    let slot = match change {
        Change::Update(step) => flush.changes().changed()[changed].slot_of(step.rows[at]),
        Change::Delete(step) => step.slots[at],
    };
    let columns = table.key().iter().copied().chain(table.version());
    for (part, column) in columns.enumerate() {
        let description = &table.columns()[column];
        let number = text.params.push_encoded(description.ty(), |out: &mut BytesMut| {
            flush.stored_value(changed, slot, column, out).map(|()| true)
        })?;
        text.sql.push(if part == 0 { " WHERE " } else { " AND " }).name(description.name());
        text.sql.push(" = ").param(number).write_cast(table, column);
    }
    Ok(())
}
