//! `Auto`: one statement while it fits, bulk beyond.

use std::sync::{Mutex, PoisonError};

use super::{Copy, InsertStrategy, OneTrip, PlannedStatement};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::{Cycles, FlushPlan};
use crate::insert_strategy::Flush;
use crate::planned_table::PlannedTable;

/// Picks by size: [`OneTrip`] for commits of up to 20,000 rows and 8 MiB, and
/// [`Copy`](struct@Copy) for larger ones.
///
/// Where one statement cannot write a table, as the server says for most that have rules, the rows
/// take the other way, and later commits of the same unit of work take it at once. Rows that refer
/// to each other in a circle take one statement, whatever their size.
#[derive(Debug, Default)]
pub struct Auto {
    /// Sets of tables that could not be written by one statement.
    refused: Mutex<Vec<Vec<&'static str>>>,
}

/// The largest commit that is written by one statement. The server stores a row of it a little more
/// slowly than one of a `COPY`, and from here on that outweighs the further round trips of a `COPY`
/// over a link of some milliseconds. "What was tried", in the book's chapter on strategies, has the
/// figures.
const MAX_ROWS: usize = 20_000;

/// The most bytes of values in one statement, which client and server hold in memory several times.
const MAX_BYTES: usize = 8 << 20;

/// Slices of arrays of text are cut out by counting from the first element on, so that many rows
/// take time that grows with their square.
const ARRAY_ROWS: usize = 1_000;

impl Auto {
    /// A strategy that has not met any tables yet.
    #[must_use]
    pub fn new() -> Auto {
        Auto::default()
    }

    /// Whether one statement is the best way to write these rows, by their number and size.
    pub(crate) fn fits_one_statement(tables: &[PlannedTable]) -> bool {
        let rows: usize = tables.iter().map(PlannedTable::rows).sum();
        let bytes: usize = tables.iter().map(PlannedTable::bytes).sum();
        let has_arrays = |planned: &&PlannedTable| {
            planned.table().columns().iter().any(|column| column.ty().is_array())
        };
        let array_rows: usize = tables.iter().filter(has_arrays).map(PlannedTable::rows).sum();
        rows <= MAX_ROWS && bytes <= MAX_BYTES && array_rows <= ARRAY_ROWS
    }

    fn was_refused(&self, tables: &[PlannedTable]) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.iter().any(|set| {
            set.iter().all(|name| tables.iter().any(|planned| planned.table().name() == *name))
        })
    }
}

impl InsertStrategy for Auto {
    fn name(&self) -> &str {
        "auto"
    }

    fn cycles(&self) -> Cycles {
        Cycles::Any
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn needs_bytes(&self, rows: usize) -> bool {
        rows <= MAX_ROWS
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        OneTrip.plan(plan)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        OneTrip.insert(flush)
    }

    fn alternatives(&self, tables: &[PlannedTable]) -> Vec<&dyn InsertStrategy> {
        let is_one_statement = Auto::fits_one_statement(tables) && !self.was_refused(tables);
        if is_one_statement { vec![&OneTrip, &Copy] } else { vec![&Copy, &OneTrip] }
    }

    fn tries_next(&self, plan: &FlushPlan, error: &Error) -> bool {
        let is_refused = error.kind() == ErrorKind::Unsupported
            || error.sqlstate().is_some_and(|code| CANNOT_BE_ONE_STATEMENT.contains(&code.code()));
        if is_refused && !plan.tables().is_empty() {
            let tables = plan.tables().iter().map(|planned| planned.table().name()).collect();
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).push(tables);
        }
        // A trigger that looks for a row of another table does not see those of its own statement.
        is_refused || error.sqlstate().is_some_and(|code| code.code() == RAISED_BY_A_TRIGGER)
    }
}

/// Features that the server lacks within `WITH`, and limits on the size of one statement.
const CANNOT_BE_ONE_STATEMENT: &[&str] = &["0A000", "54000", "54001", "54011", "54023"];

const RAISED_BY_A_TRIGGER: &str = "P0001";
