//! `OneTrip`: everything in one statement.

use super::statement::{self, Part};
use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};

/// The whole commit as one statement, in one network round trip: keys are assigned by the server
/// inside the statement, foreign keys are resolved there, and the transaction ends with it.
///
/// PostgreSQL checks foreign keys that are not deferred when the statement ends, after all its
/// inserts have run. So rows that refer to themselves, and circles of `NOT NULL` foreign keys,
/// are written like any others.
///
/// The statement has a part for each table, and an array for each column: its text does not depend
/// on the number of rows. Two things can split the rows of a table over several inserts of the
/// same statement: rows with keys of their own among rows without, and server defaults that some
/// rows take and others do not.
///
/// In a transaction (after [`flush`](crate::UnitOfWork::flush), or inside one of the caller's) it
/// is one statement of that transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneTrip;

impl InsertStrategy for OneTrip {
    fn name(&self) -> &str {
        "one_trip"
    }

    fn cycles(&self) -> Cycles {
        Cycles::Any
    }

    fn is_one_statement(&self, _plan: &FlushPlan) -> bool {
        true
    }

    fn writes_changes(&self) -> bool {
        true
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn needs_bytes(&self, _: usize) -> bool {
        false
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        statement::plan(plan, Part::Everything).into_iter().collect()
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        statement::write(flush, Part::Everything)?;
        flush.changed();
        Ok(())
    }
}
