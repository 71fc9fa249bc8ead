//! `OneTrip`: everything in one statement.

mod read_back;
mod statement;

use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};
use statement::Statement;

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

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        let tables: Vec<_> = plan
            .tables()
            .iter()
            .map(|planned| format!("{} rows into {}", planned.rows(), planned.table().name()))
            .collect();
        vec![PlannedStatement::new(format!("insert {}", tables.join(", ")))]
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let statement = Statement::new(flush.plan());
        let (sql, params) = statement.render(flush)?;
        let rows = flush
            .query(sql.as_str(), &params)
            .map_err(|error| read_back::explain(error, &statement, flush.plan()))?;
        read_back::assign(&statement, flush, &rows)
    }
}
