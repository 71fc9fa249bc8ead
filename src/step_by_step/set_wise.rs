//! Updates and deletes as one statement for each step.

use super::{StepByStep, row_by_row};
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::answer::Answer;
use crate::flush::change::Change;
use crate::flush::change_statement::{Asked, Returning};
use crate::flush::statement_text::StatementText;
use crate::flush_plan::counted;
use crate::sql::Rows;

/// Sends a step.
///
/// # Errors
///
/// Those of the server; [`ErrorKind::Stale`] when rows are not there; [`ErrorKind::RowMismatch`] when
/// another number of rows was written.
pub(super) fn write(
    steps: &StepByStep<'_>,
    flush: &mut Flush<'_, '_>,
    change: Change<'_>,
) -> Result<(), Error> {
    let is_returning = !steps.without_returning.contains(&change.table().name());
    if !is_returning {
        let rows = query(steps, flush, change, Asked::BeforeTheChange)?;
        change.found_rows(flush, Answer::Rows(&rows))?;
    }
    let returning = if is_returning { Returning::FoundRows } else { Returning::Nothing };
    let mut text = StatementText::new(flush);
    match change.render(&mut text, returning) {
        // Values that cannot be sent along with those of other rows go alone.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return row_by_row::write(flush, change);
        }
        result => result?,
    }
    let (sql, params) = text.finish();
    let name_table = |error: Error| error.with_table(change.table().name());
    if is_returning {
        let rows = flush.query(sql.as_str(), &params).map_err(name_table)?;
        return change.take(flush, Answer::Rows(&rows));
    }
    let found = flush.execute(sql.as_str(), &params).map_err(name_table)?;
    check_row_count(change, found)?;
    if !change.read_back().is_empty() {
        let rows = query(steps, flush, change, Asked::AfterTheChange)?;
        change.take(flush, Answer::Rows(&rows))?;
    }
    Ok(())
}

/// Makes sure that a change has found all rows, by their number. A rule can do something else instead,
/// and does not say which rows it has found.
fn check_row_count(change: Change<'_>, found: u64) -> Result<(), Error> {
    let sought = change.len() as u64;
    if found == sought {
        return Ok(());
    }
    let verb = change.verb();
    let sought = counted(change.len());
    let message = format!("of {sought} to {verb}, the server says that it has found {found}");
    Err(Error::new(ErrorKind::RowMismatch, message)
        .with_table(change.table().name())
        .with_hint("a rule or a trigger may do something else instead"))
}

/// Asks which rows are there, where the statement that changes them does not say. Before the change it
/// locks them, if rows are locked ahead; [`Change::render_query`] shows the rest.
///
/// ```text
/// SELECT … FOR UPDATE OF t
/// ```
fn query(
    steps: &StepByStep<'_>,
    flush: &mut Flush<'_, '_>,
    change: Change<'_>,
    asked: Asked,
) -> Result<Rows, Error> {
    let mut text = StatementText::new(flush);
    change.render_query(&mut text, asked)?;
    if asked == Asked::BeforeTheChange && steps.locks {
        text.sql.push(" FOR UPDATE OF t");
    }
    let (sql, params) = text.finish();
    flush.query(sql.as_str(), &params).map_err(|error| error.with_table(change.table().name()))
}
