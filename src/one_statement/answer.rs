//! What the one statement has returned, brought to its rows.

use super::{Outcome, Statement};
use crate::error::{BoxError, Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::answer::Answer;
use crate::flush::array_source::KeyArray;
use crate::flush::change::Change;
use crate::sql::Rows;

/// Hands over the keys and the columns with server defaults, and returns what has become of the
/// statement.
///
/// The statement has compared, in the database, the keys that were stored with those that were sent,
/// and the numbers of rows that were changed with those that were sought.
pub(super) fn take(
    statement: &Statement<'_>,
    flush: &mut Flush<'_, '_>,
    rows: &Rows,
) -> Result<Outcome, Error> {
    // There is no row when the guard has found something. Then nothing was written.
    if rows.is_empty() {
        return Ok(Outcome::Refused);
    }
    // The first column is that of the checks.
    let mut next = 1;
    for array in statement.taken_keys() {
        take_keys(flush, array, rows, next)?;
        next += 1;
    }
    for at in 0..statement.found.len() {
        let step = statement.find_or_add(at);
        step.take(flush, rows, next)?;
        next += step.result_columns();
    }
    for (at, group) in statement.groups.iter().enumerate() {
        let insert = statement.insert(at, flush);
        if insert.read_back().is_empty() {
            flush.note_stored(group.table(), &group.rows);
            continue;
        }
        let returned = insert.returned();
        flush.take_returned(group.table(), &group.rows, &returned, Answer::Arrays(rows, next))?;
        next += returned.len();
    }
    for step in &statement.updates {
        let change = Change::Update(step);
        let read_back = change.read_back();
        if !read_back.is_empty() {
            change.take(flush, Answer::Arrays(rows, next))?;
            next += 1 + read_back.len();
        }
    }
    Ok(Outcome::Written)
}

/// Hands over keys as they lie in an array.
fn take_keys(
    flush: &mut Flush<'_, '_>,
    array: &KeyArray,
    rows: &Rows,
    result: usize,
) -> Result<(), Error> {
    let table = flush.plan().tables()[array.table].table();
    let column = &table.columns()[array.column];
    rows.expect_types(&[(result, column.ty().array())])?;
    let raw = rows.raw(0, result).unwrap_or_default();
    let assigned = flush.assign_all(array.table, array.column, array.rows.iter().copied(), raw);
    assigned.map(drop).map_err(|error: BoxError| {
        Error::new(ErrorKind::Decode, error.to_string())
            .with_table(table.name())
            .with_column(column.name())
    })
}
