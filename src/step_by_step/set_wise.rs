//! Updates and deletes as one statement for each step.

use super::{StepByStep, row_by_row};
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::answer::Answer;
use crate::flush::arrays::ArraySource;
use crate::flush::change::Change;
use crate::flush_plan::counted;
use crate::sql::{Params, Rows, Sql};

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
    let returns = !steps.without_returning.contains(&change.table().name());
    if !returns {
        let rows = query(steps, flush, change, true)?;
        change.check(flush, Answer::Rows(&rows))?;
    }
    let (mut sql, mut params) = (Sql::new(), Params::new());
    let source = ArraySource { changes: flush.changes(), assigned: flush.assigned(), keys: &[] };
    match change.render(flush, &source, ("", returns), &mut sql, &mut params) {
        // Values that cannot be sent along with those of other rows go alone.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return row_by_row::write(flush, change);
        }
        result => result?,
    }
    let name_table = |error: Error| error.with_table(change.table().name());
    if returns {
        let rows = flush.query(sql.as_str(), &params).map_err(name_table)?;
        return change.take(flush, Answer::Rows(&rows));
    }
    let written = flush.execute(sql.as_str(), &params).map_err(name_table)?;
    check_written(change, written)?;
    if !change.read_back().is_empty() {
        let rows = query(steps, flush, change, false)?;
        change.take(flush, Answer::Rows(&rows))?;
    }
    Ok(())
}

/// A rule can do something else instead, and does not say which rows it has found.
fn check_written(change: Change<'_>, written: u64) -> Result<(), Error> {
    let sought = change.len() as u64;
    if written == sought {
        return Ok(());
    }
    let verb = change.verb();
    let sought = counted(change.len());
    let message = format!("of {sought} to {verb}, the server says that it has found {written}");
    Err(Error::new(ErrorKind::RowMismatch, message)
        .with_table(change.table().name())
        .with_hint("a rule or a trigger may do something else instead"))
}

/// Asks which rows are there, where the statement that changes them will not say.
fn query(
    steps: &StepByStep<'_>,
    flush: &mut Flush<'_, '_>,
    change: Change<'_>,
    is_before: bool,
) -> Result<Rows, Error> {
    let (mut sql, mut params) = (Sql::new(), Params::new());
    change.render_query(flush, is_before, &mut sql, &mut params)?;
    if is_before && steps.locks {
        sql.push(" FOR UPDATE OF t");
    }
    flush.query(sql.as_str(), &params).map_err(|error| error.with_table(change.table().name()))
}
