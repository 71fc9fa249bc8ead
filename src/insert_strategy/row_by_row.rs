//! `RowByRow`: one statement a row.

use super::values::{self, InsertColumns, Left};
use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};

/// One `INSERT … RETURNING` a row, as most object-relational mappers do: N + 2 round trips for N
/// rows.
///
/// It is here for comparison, and because what it does is plain enough to check the other
/// strategies against.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowByRow;

impl InsertStrategy for RowByRow {
    fn name(&self) -> &str {
        "row_by_row"
    }

    fn cycles(&self) -> Cycles {
        Cycles::None
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn needs_bytes(&self, _: usize) -> bool {
        false
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        let insert = |step: &crate::Step| {
            let table = plan.tables()[step.table()].table().name();
            PlannedStatement::new(format!("insert a row into {table}")).times(step.rows().len())
        };
        plan.steps().iter().map(insert).collect()
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let plan = flush.plan();
        for step in plan.steps() {
            let planned = &plan.tables()[step.table()];
            for &row in step.rows() {
                let mut left = vec![Left::Never; planned.table().columns().len()];
                for optional in planned.optional_columns() {
                    if flush.is_default(step.table(), row, optional.column) {
                        left[optional.column] = Left::Always;
                    }
                }
                let columns = InsertColumns::new(planned.table(), |column| left[column]);
                values::insert(flush, step.table(), &[row], &columns)?;
            }
        }
        Ok(())
    }
}
