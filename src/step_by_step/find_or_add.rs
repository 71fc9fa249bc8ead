//! Steps that find or add rows, as statements of their own.

use std::collections::HashSet;

use crate::assignments::RowsOf;
use crate::error::{Error, ErrorKind};
use crate::flush::find_or_add::{FindOrAdd, explain, failed};
use crate::flush::statement_text::StatementText;
use crate::flush::{Bound, Flush};
use crate::flush_plan::{Assignment, FindOrAddStep};
use crate::model::SqlType;
use crate::sql::{Params, Rows, Sql, casts_any};

/// What the names of the statement's queries begin with. Its tables have other names.
const PREFIX: &str = "onetrip_";

/// Writes all rows of a step by one statement.
///
/// # Errors
///
/// Those of the server, and of values that cannot be sent.
pub(super) fn write(flush: &mut Flush<'_, '_>, step: &FindOrAddStep) -> Result<(), Error> {
    let name = step.insert.description.name();
    let part = FindOrAdd { step, at: 0, prefix: PREFIX };
    let mut text = StatementText::new(flush);
    text.sql.push("WITH ");
    part.render(&mut text)?;
    let mut checks = Sql::new();
    let loaded = part.push_loaded_keys(&mut text)?;
    part.render_checks(&loaded, &mut text, &mut checks);
    text.sql.push(" SELECT (CASE").push(checks.as_str()).push(" END)::int4");
    part.render_result(&mut text.sql);
    text.sql.push(" FROM ").push(&part.merged());
    let (sql, params) = text.finish();
    let rows = flush.query(sql.as_str(), &params).map_err(|error| match failed(&error) {
        Some((_, is_loaded)) if !error.is_within_function() => {
            explain(step, is_loaded).with_source(error)
        }
        _ => error.with_table(name),
    })?;
    if rows.is_empty() {
        let message = "the statement has returned nothing";
        return Err(Error::new(ErrorKind::RowMismatch, message).with_table(name));
    }
    part.take(flush, &rows, 1)?;
    check_others(flush, step)
}

/// Finds out whether no row of a step is one that another step of the flush has written for another
/// entity of the model.
fn check_others(flush: &mut Flush<'_, '_>, step: &FindOrAddStep) -> Result<(), Error> {
    let (of, table) = (step.table(), step.insert.description);
    let plain = flush.keys_of_plain_rows(of)?;
    for &row in &step.insert.rows {
        let value = |&column: &usize| flush.assigned().get(RowsOf::New(of), column, row);
        let key: Vec<_> =
            table.key().iter().map(|c| value(c).flatten().map(<[u8]>::to_vec)).collect();
        if plain.contains(&key) || !flush.take_key(of, key) {
            return Err(explain(step, false));
        }
    }
    Ok(())
}

/// Writes the rows of a step one by one: looks for each, and inserts or updates it then.
///
/// # Errors
///
/// Those of [`write`].
pub(super) fn write_row_by_row(
    flush: &mut Flush<'_, '_>,
    step: &FindOrAddStep,
) -> Result<(), Error> {
    let (of, table) = (step.table(), step.insert.description);
    let all: Vec<usize> = (0..table.columns().len()).collect();
    let natural = step.resolution.natural_key.columns();
    let loaded = flush.changes().stored_key_values(of)?;
    let mut taken = HashSet::new();
    // What the natural keys refer to is known by now.
    let mut by_key = Vec::with_capacity(step.by_key.len());
    for &row in &step.insert.rows {
        let rows = RowsOf::New(of);
        by_key.push((flush.changes().natural_key(rows, row, natural, flush.assigned())?, row));
    }
    by_key.sort_unstable();
    for (_, row) in by_key {
        let (mut sql, mut params) = (Sql::new(), Params::new());
        sql.push("SELECT ").returned_columns(table, &all).push(" FROM ");
        sql.qualified(table.qualified_name()).push(" WHERE ");
        for (part, &column) in natural.iter().enumerate() {
            sql.push(if part == 0 { "" } else { " AND " });
            sql.name(table.columns()[column].name()).push(" = ");
            bind(flush, of, row, column, &mut sql, &mut params)?;
        }
        let is_upsert = step.is_upsert();
        sql.push(if is_upsert { " FOR NO KEY UPDATE" } else { " FOR KEY SHARE" });
        let name_table = |error: Error| error.with_table(table.name());
        let mut rows = flush.query(sql.as_str(), &params).map_err(name_table)?;
        let is_found = !rows.is_empty();
        if is_found {
            flush.note_found(of, row);
        }
        if !is_found || is_upsert {
            rows = store(flush, step, row, is_found.then_some(&rows))?.unwrap_or(rows);
        }
        let types = all.iter().map(|&column| (column, table.columns()[column].ty()));
        rows.expect_types(&types.collect::<Vec<_>>()).map_err(name_table)?;
        if rows.len() != 1 {
            return Err(explain(step, false));
        }
        let key = table.key().iter().map(|&column| rows.raw(0, column).map(<[u8]>::to_vec));
        let key: Vec<_> = key.collect();
        let is_loaded = loaded.contains(&key);
        if is_loaded || !taken.insert(key) {
            return Err(explain(step, is_loaded));
        }
        for &column in &all {
            flush.assign(of, row, column, rows.raw(0, column));
        }
        flush.note_stored(of, &[row]);
    }
    check_others(flush, step)
}

/// Inserts a row, or updates the one that was found. Returns what it has then, if there was anything to
/// write.
fn store(
    flush: &mut Flush<'_, '_>,
    step: &FindOrAddStep,
    row: u32,
    found: Option<&Rows>,
) -> Result<Option<Rows>, Error> {
    let (of, table) = (step.table(), step.insert.description);
    let name = |column: usize| table.columns()[column].name();
    let all: Vec<usize> = (0..table.columns().len()).collect();
    let (mut sql, mut params) = (Sql::new(), Params::new());
    // Whether the row has the values of its natural key that were sent, and how many columns say so.
    let (mut is_as_sent, mut checks) = (Sql::new(), 0);
    let assignments = step.assignments();
    if assignments.is_empty() && found.is_some() {
        return Ok(None);
    }
    if found.is_none() {
        let named: Vec<usize> =
            all.iter().copied().filter(|column| !step.left.contains(column)).collect();
        sql.push("INSERT INTO ").qualified(table.qualified_name()).push(" AS t (");
        sql.columns(table, &named).push(") OVERRIDING SYSTEM VALUE VALUES (");
        for (at, &column) in named.iter().enumerate() {
            sql.push(if at == 0 { "" } else { ", " });
            bind(flush, of, row, column, &mut sql, &mut params)?;
            if step.resolution.natural_key.columns().contains(&column) {
                is_as_sent.push(", t.").name(name(column)).push(" = ");
                bind(flush, of, row, column, &mut is_as_sent, &mut params)?;
                checks += 1;
            }
        }
        sql.push(") ON CONFLICT (").columns(table, step.resolution.natural_key.columns());
        sql.push(") DO UPDATE SET ");
        if assignments.is_empty() {
            let column = name(step.resolution.natural_key.columns()[0]);
            sql.name(column).push(" = t.").name(column);
        }
    } else {
        sql.push("UPDATE ").qualified(table.qualified_name()).push(" AS t SET ");
    }
    for (at, &(column, to)) in assignments.iter().enumerate() {
        sql.push(if at == 0 { "" } else { ", " }).name(name(column)).push(" = ");
        if to != Assignment::Value {
            sql.push("t.").name(name(column)).push(" + ");
        }
        match to {
            Assignment::Next => drop(sql.push("1")),
            // Citus takes no cast to an enum there.
            Assignment::Value | Assignment::Sum if found.is_none() && flush.is_distributed() => {
                sql.push("EXCLUDED.").name(name(column));
            }
            Assignment::Value | Assignment::Sum => {
                bind(flush, of, row, column, &mut sql, &mut params)?;
            }
        }
    }
    if let Some(found) = found {
        for (at, &column) in table.key().iter().enumerate() {
            sql.push(if at == 0 { " WHERE t." } else { " AND t." }).name(name(column));
            let raw = found.raw(0, column).unwrap_or_default().to_vec();
            let number = params.push_encoded(table.columns()[column].ty(), |out| {
                out.extend_from_slice(&raw);
                Ok(true)
            })?;
            sql.push(" = ").param(number).write_cast(table, column);
        }
    }
    let compared = all.len()..all.len() + checks;
    if flush.is_distributed() && casts_any(table, &all) {
        sql.begin_apart().list(&all, |sql, &column| _ = sql.push("t.").name(name(column)));
        sql.push(") SELECT ").returned_columns(table, &all);
        sql.push(is_as_sent.as_str()).push(" FROM w AS t");
    } else {
        sql.push(" RETURNING ");
        sql.list(&all, |sql, &column| {
            sql.read_column(table, column, "t.");
        });
        sql.push(is_as_sent.as_str());
    }
    let rows =
        flush.query(sql.as_str(), &params).map_err(|error| error.with_table(table.name()))?;
    // What a trigger has changed is another row.
    if found.is_none() && !rows.is_empty() {
        for column in compared {
            rows.expect_types(&[(column, SqlType::BOOL)])?;
            if rows.raw(0, column) != Some(&[1][..]) {
                return Err(explain(step, false));
            }
        }
    }
    Ok(Some(rows))
}

/// Appends the value of a cell as a parameter.
fn bind(
    flush: &Flush<'_, '_>,
    of: usize,
    row: u32,
    column: usize,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    match flush.bind(of, row, column, params)? {
        Bound::Param(number) => {
            let table = flush.changes().tables()[of].table();
            sql.param(number).write_cast(table, column);
        }
        Bound::Default => {
            sql.push("DEFAULT");
        }
    }
    Ok(())
}
