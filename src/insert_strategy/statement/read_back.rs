//! What the one statement returned, brought to its rows; and its errors.

use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::{AGAINST, Statement, change};
use crate::change_set::ChangedRows;
use crate::connection::opened_by_hand;
use crate::error::{BoxError, Error, ErrorKind};
use crate::insert_strategy::Flush;
use crate::model::{SqlType, Table};
use crate::sql::Rows;

/// Hands over the keys and the columns with server defaults.
///
/// Positions are safe here: the statement has compared, in the database, the keys that were stored
/// with those that were sent, in this very order.
pub(super) fn assign(
    statement: &Statement,
    flush: &mut Flush<'_, '_>,
    rows: &Rows,
) -> Result<(), Error> {
    // There is no row when the transaction is not the statement's own. Then nothing was written,
    // and that transaction is as it was.
    if rows.is_empty() {
        return Err(opened_by_hand());
    }
    let mut result = 0;
    let mut next = || {
        result += 1;
        result - 1
    };
    for array in &statement.keys {
        let table = flush.plan().tables()[array.table].table();
        take(flush, (array.table, table, array.column), &array.rows, rows, next())?;
    }
    for group in &statement.groups {
        let table = flush.plan().tables()[group.table].table();
        for column in Statement::read_back(table, group) {
            take(flush, (group.table, table, column), &group.rows, rows, next())?;
        }
        flush.stored(group.table, &group.rows);
    }
    for &update in &statement.updates {
        let changes = flush.changes();
        let table = changes.changed()[update.0].table();
        let of_rows = &Statement::update_group(changes, update).rows;
        let read_back = change::read_back(table);
        if read_back.is_empty() {
            continue;
        }
        // Here it is the number that says which row is meant.
        let numbers =
            row_numbers(rows, next(), of_rows).map_err(|error| error.with_table(table.name()))?;
        for column in read_back {
            let updated = changes.updated_table(update.0);
            take(flush, (updated, table, column), &numbers, rows, next())?;
        }
    }
    Ok(())
}

/// The rows that numbers stand for.
fn row_numbers(rows: &Rows, result: usize, of_rows: &[u32]) -> Result<Vec<u32>, Error> {
    let wrong = || Error::new(ErrorKind::Decode, "the numbers of the updated rows are wrong");
    let numbers: Vec<i32> = rows.get(0, result)?.ok_or_else(wrong)?;
    let row = |number: i32| of_rows.get(usize::try_from(number).ok()?.checked_sub(1)?).copied();
    numbers.into_iter().map(|number| row(number).ok_or_else(wrong)).collect()
}

/// Hands over the values of a column of some rows, which came as one array.
fn take(
    flush: &mut Flush<'_, '_>,
    (position, table, column): (usize, &'static Table, usize),
    of_rows: &[u32],
    rows: &Rows,
    result: usize,
) -> Result<(), Error> {
    let ty = table.columns()[column].ty();
    // What is an array itself comes in its binary form.
    let sent_as = if ty.is_array() { SqlType::BYTEA } else { ty };
    rows.expect_types(&[(result, sent_as.array())])?;
    let raw = rows.raw(0, result).unwrap_or_default();
    let mut assign = || {
        if ty.is_array() {
            let mut values = array_from_sql(raw)?.values();
            while let Some(value) = values.next()? {
                if value.is_some_and(|value| !is_array_of(value, ty.element())) {
                    return Err("it is an array of another type in the database".into());
                }
            }
        }
        flush.assign_all(position, column, of_rows.iter().copied(), raw)
    };
    assign().map(drop).map_err(|error: BoxError| {
        Error::new(ErrorKind::Decode, error.to_string())
            .with_table(table.name())
            .with_column(table.columns()[column].name())
    })
}

/// Whether the elements of an array in its binary form read as this type.
fn is_array_of(raw: &[u8], element: SqlType) -> bool {
    array_from_sql(raw).is_ok_and(|array| element.reads(array.element_type()))
}

/// Says in this crate's words what the statement's own checks say in the server's.
pub(super) fn explain(error: Error, statement: &Statement, flush: &Flush<'_, '_>) -> Error {
    let code = error.sqlstate().map(|code| code.code());
    if let ([only], None, Some("2200H")) = (&statement.keys[..], error.table(), code) {
        // The server does not say whose sequence has run out.
        let table = flush.plan().tables()[only.table].table();
        return error.with_table(table.name()).with_column(table.columns()[only.column].name());
    }
    if code != Some("22P02") {
        return error;
    }
    let text = error.to_string();
    let failed = text.split_once(AGAINST).and_then(|(_, rest)| Failed::parse(rest));
    let (Some(failed), changes) = (failed, flush.changes()) else { return error };
    let known = match failed.kind {
        'd' => statement.deletes.get(failed.part).map(|&delete| {
            let slots = Statement::delete_slots(changes, delete).to_vec();
            failed.stale(flush, &changes.changed()[delete.0], &slots, "delete")
        }),
        'u' => statement.updates.get(failed.part).map(|&update| {
            let rows = &changes.changed()[update.0];
            let slots = rows.slots_of(Statement::update_group(changes, update));
            failed.stale(flush, rows, &slots, "update")
        }),
        _ => flush.plan().tables().get(failed.part).map(|planned| {
            let message = "the rows that were stored are not those that were sent, or have other \
                           keys: a trigger, a rule or a policy has interfered";
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

    fn stale(
        &self,
        flush: &Flush<'_, '_>,
        rows: &ChangedRows<'_>,
        slots: &[u32],
        verb: &str,
    ) -> Error {
        let table = rows.table();
        if self.missing < 0 {
            let message = "several rows have the key of one entity, which the model says is unique";
            return Error::new(ErrorKind::Model, message).with_table(table.name());
        }
        let slot = |number: &usize| slots.get(number.checked_sub(1)?).copied();
        let stale: Vec<u32> = self.numbers.iter().filter_map(slot).collect();
        let what = match table.version() {
            Some(_) => "not in the database any more, or were changed by somebody else since",
            None => "not in the database any more",
        };
        let all = slots.len();
        let mut message = match (all, self.missing) {
            (1, _) => format!("the row to {verb} is {}", what.replace("were", "was")),
            (_, missing) => format!("of {all} rows to {verb}, {missing} are {what}"),
        };
        let keys: Option<Vec<String>> =
            stale.iter().take(SHOWN).map(|&slot| flush.changes().show_key(rows, slot)).collect();
        if let Some(keys) = keys {
            let more = if self.missing as usize > keys.len() { ", …" } else { "" };
            message = format!("{message}: {}{more}", keys.join(", "));
        }
        let stale = stale.into_iter().map(|slot| flush.changes().name(rows, slot)).collect();
        Error::new(ErrorKind::Stale, message).with_table(table.name()).with_stale(stale).with_hint(
            "load them anew and decide again; a trigger or a policy that keeps a row from being \
                 written looks the same",
        )
    }
}

/// The most keys that a message spells out.
const SHOWN: usize = 8;
