//! A statement that asks the server which new rows are in the way of others, or of rows that are there.

use super::missing::BLAME;
use super::render::Renderer;
use super::{Guarded, Statement};
use crate::error::Error;
use crate::flush::Flush;
use crate::flush_plan::Step;
use crate::model::Table;

/// Returns some of the new rows of a table that the server would not insert for the sake of a unique or an
/// exclusion constraint, each by the position of its table and its own. Nothing is written.
///
/// Every insert into the table has `ON CONFLICT DO NOTHING`, and the statement fails at its end with the numbers of the
/// rows that are missing. None are returned where the steps are not such, or their keys.
///
/// # Errors
///
/// Those of the server, such as for another fault.
pub(crate) fn conflicting(
    flush: &mut Flush<'_, '_>,
    of: &'static Table,
) -> Result<Vec<(usize, u32)>, Error> {
    let steps = flush.plan().steps();
    let is_askable = |step: &Step| match step {
        Step::Insert(_) if step.table().is(of) => {
            let (table, key) = (step.table(), step.table().key());
            key.len() == 1 && table.cast(key[0]).is_none()
        }
        Step::Insert(_) => true,
        Step::Update(step) => !step.is_detour() && step.moved == 0,
        Step::Delete(_) => true,
        Step::FindOrAdd(_) => false,
    };
    let has_inserts = steps.iter().any(|step| step.as_insert().is_some());
    if !has_inserts || !steps.iter().all(is_askable) {
        return Ok(Vec::new());
    }
    let statement = Statement::new(flush, steps, None);
    let renderer = Renderer::new(&statement, flush).blaming(of);
    let (sql, params) = renderer.render(Guarded { suspects: None, harmless: &[] })?;
    match flush.query(sql.as_str(), &params) {
        Err(error) if !params.contain(BLAME) && !error.is_within_function() => {
            match error.server_message().split_once(BLAME) {
                Some((_, text)) => Ok(named(text, &statement)),
                None => Err(error),
            }
        }
        Err(error) => Err(error),
        // It always fails.
        Ok(_) => Ok(Vec::new()),
    }
}

/// Returns the rows that the text of an error names: ` i0 3 17 i1 5`.
fn named(text: &str, statement: &Statement<'_>) -> Vec<(usize, u32)> {
    let (mut rows, mut group) = (Vec::new(), None);
    let is_of_text = |c: char| c.is_ascii_digit() || c == ' ' || c == 'i';
    for word in text.split(|c| !is_of_text(c)).next().unwrap_or_default().split_whitespace() {
        match word.strip_prefix('i') {
            Some(number) => {
                group = number.parse::<usize>().ok().and_then(|at| statement.groups.get(at))
            }
            None => {
                let row = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                let row = group
                    .zip(row)
                    .and_then(|(group, at)| Some((group.table(), *group.rows.get(at)?)));
                rows.extend(row);
            }
        }
    }
    rows
}
