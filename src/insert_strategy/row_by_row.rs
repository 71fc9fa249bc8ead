//! `RowByRow`: one statement a row.

use super::InsertStrategy;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::values::{self, InsertColumns, LeavingRows};
use crate::flush_plan::{Cycles, InsertStep, Inserts, PlannedStatement};

/// Writes one `INSERT … RETURNING` for each row, as most object-relational mappers do: N + 2 round
/// trips for N rows.
///
/// This strategy is there for comparison. It is plain enough to check the other strategies against it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowByRow;

impl InsertStrategy for RowByRow {
    fn name(&self) -> &str {
        "row_by_row"
    }

    fn cycles(&self) -> Cycles {
        Cycles::None
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        let insert = |step: &InsertStep| {
            let table = inserts.tables()[step.table()].table().name();
            PlannedStatement::new(format!("insert a row into {table}")).times(step.rows().len())
        };
        inserts.steps().map(insert).collect()
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let inserts = flush.inserts();
        for step in inserts.steps() {
            let planned = &inserts.tables()[step.table()];
            for &row in step.rows() {
                let mut leaving = vec![LeavingRows::None; planned.table().columns().len()];
                for optional in planned.optional_columns() {
                    if flush.is_default(step.table(), row, optional.column) {
                        leaving[optional.column] = LeavingRows::All;
                    }
                }
                let columns = InsertColumns::new(planned.table(), |column| leaving[column]);
                values::insert(flush, step.table(), &[row], &columns)?;
            }
        }
        Ok(())
    }
}
