//! The checks by which one statement fails where it has not done what it was to do, and what they
//! say.

use super::{Statement, is_text};
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::arrays::{ArrayRows, BY_BYTES};
use crate::flush::change::Change;
use crate::flush::keys::{explain_keys, other_default};
use crate::flush::stale::Stale;
use crate::model::Table;
use crate::sql::{Params, Sql};

/// What the text of the error of a failed check begins with. The part's name follows, and what else
/// the check has to say.
pub(super) const AGAINST: &str = "onetrip check";

/// The most entities that an error names.
const MAX_NAMED: usize = 100;

/// Appends the check that as many rows were found as were sought, with the numbers of those that
/// were not.
pub(super) fn render_changed(name: &str, kind: char, at: usize, count: usize, checks: &mut Sql) {
    checks.push(&format!(
        " WHEN (SELECT count(*) FROM {name}) <> ${count} THEN '{AGAINST} {kind}{at} ' \
         || (${count} - (SELECT count(*) FROM {name})) || ' ' \
         || array_to_string(ARRAY(SELECT s FROM generate_series(1, ${count}) AS s \
         EXCEPT SELECT n FROM {name} ORDER BY 1 LIMIT {MAX_NAMED}), ' ')"
    ));
}

/// Appends the check that an expression has given a key for each row.
pub(super) fn render_given(index: usize, checks: &mut Sql) {
    checks.push(" WHEN array_position(k").number(index).push(", NULL) IS NOT NULL");
    checks.push(" THEN '").push(AGAINST).push(" n").number(index).push("'");
}

/// Appends the check that no key that was taken is one that rows give up.
pub(super) fn render_fresh(index: usize, given_up: usize, checks: &mut Sql) {
    checks.push(" WHEN k").number(index).push(" && ").param(given_up);
    checks.push(" THEN '").push(AGAINST).push(" k").number(index).push("'");
}

/// Appends the check that the keys that were stored are those that were sent, in whatever order they
/// came back.
pub(super) fn render_inserted(
    (name, position): (&str, usize),
    (table, written): (&Table, &[usize]),
    rows: &ArrayRows,
    checks: &mut Sql,
) {
    let key = table.key();
    let place = |column: usize| written.iter().position(|&other| other == column).unwrap_or(0);
    let sent: Vec<usize> = key.iter().map(|&column| place(column)).collect();
    let is_text: Vec<bool> = key.iter().map(|&column| is_text(table, column)).collect();
    for part in 0..key.len() {
        checks.push(if part == 0 { " WHEN " } else { " OR " });
        checks.push("ARRAY(SELECT r").number(part).push(" FROM ").push(name).push(" ORDER BY ");
        checks.list(is_text.iter().enumerate(), |sql, (part, &is_text)| {
            sql.push("r").number(part).push(if is_text { BY_BYTES } else { "" });
        });
        checks.push(") <> ");
        match rows.keys(sent[part]) {
            // They are in order already.
            Some(keys) if key.len() == 1 && !is_text[part] => {
                checks.push("k").number(keys);
            }
            _ => rows.render_sorted(sent[part], &sent, &is_text, checks),
        }
    }
    checks.push(" THEN '").push(AGAINST).push(" i").number(position).push("'");
}

/// Says in this crate's words what the statement's own checks say in the server's.
pub(super) fn explain(
    error: Error,
    params: &Params,
    statement: &Statement<'_>,
    flush: &Flush<'_, '_>,
) -> Error {
    let code = error.sqlstate().map(|code| code.code()).map(str::to_owned);
    let code = code.as_deref();
    if let (None, Some("2200H" | "42P01")) = (error.table(), code) {
        // The server does not say whose sequence has run out, or is missing.
        return explain_keys(error, &statement.key_columns(flush));
    }
    if code == Some("42883") && !error.is_within_function() && !statement.keys.is_empty() {
        // Arrays of keys that were stored and of keys that were sent cannot be compared.
        return error.with_hint("a key may have another type in the database than the model says");
    }
    // Another value can have such a text, and so can one that a function reads.
    if code != Some("22P02") || error.is_within_function() || params.contain(AGAINST) {
        return error;
    }
    if let Some(explained) = other_default(&error, &statement.key_columns(flush)) {
        return explained.with_source(error);
    }
    let text = error.to_string();
    let failed = text.split_once(AGAINST).and_then(|(_, rest)| Failed::parse(rest));
    let Some(failed) = failed else { return error };
    let stale = |change: Change<'_>| {
        let positions = failed.numbers.iter().filter_map(|number| number.checked_sub(1));
        Stale::new(flush, &change, failed.missing, positions.collect()).error(flush)
    };
    let known = match failed.kind {
        'd' => statement.deletes.get(failed.part).map(|&step| stale(Change::Delete(step))),
        'u' => statement.updates.get(failed.part).map(|&step| stale(Change::Update(step))),
        'n' => statement.keys.get(failed.part).map(|array| {
            let table = flush.plan().tables()[array.table].table();
            Error::new(ErrorKind::Model, "the expression for its keys has given NULL")
                .with_table(table.name())
                .with_column(table.columns()[array.column].name())
        }),
        'k' => statement.keys.get(failed.part).map(|array| {
            let message = "the database has assigned a key that a row of the same commit gives up";
            let table = flush.plan().tables()[array.table].table();
            Error::new(ErrorKind::Unsupported, message).with_table(table.name())
        }),
        _ => flush.plan().tables().get(failed.part).map(|planned| {
            let message = "the rows that were stored are not those that were sent, or have other \
                           keys: a trigger, a rule or a policy has interfered, or the key's type stores it \
                           differently";
            Error::new(ErrorKind::RowMismatch, message).with_table(planned.table().name())
        }),
    };
    match known {
        Some(known) => known.with_source(error),
        None => error,
    }
}

/// What a failed check says of itself: `u0 2 17 312`, for instance, that of the rows of the first
/// update two were not found, the 17th and the 312th.
struct Failed {
    kind: char,
    part: usize,
    missing: i64,
    numbers: Vec<usize>,
}

impl Failed {
    fn parse(text: &str) -> Option<Failed> {
        // What ends the text depends on the language of the server's messages.
        let is_of_text = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
        let text = text.split(|c| !is_of_text(c)).next()?;
        let mut words = text.split_whitespace();
        let (kind, part) = words.next()?.split_at_checked(1)?;
        Some(Failed {
            kind: kind.chars().next()?,
            part: part.parse().ok()?,
            missing: words.next().and_then(|word| word.parse().ok()).unwrap_or(0),
            numbers: words.filter_map(|word| word.parse().ok()).collect(),
        })
    }
}
