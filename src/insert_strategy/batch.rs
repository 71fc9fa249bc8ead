//! `Batch`: ids first, then one statement a table.

use super::reservation::Reservation;
use super::values::{self, InsertColumns, Left};
use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};
use crate::planned_table::PlannedTable;

/// Reserves all keys in one query, then writes each table by one multi-row `VALUES` insert: at most
/// T + 3 round trips for T tables. A table that needs more than 65,535 parameters or 256 MiB is
/// split, and tables that refer to each other take one insert for each turn.
///
/// The idea is that of the Python module `sqlalchemy_batch_inserts`, which reserves the ids of one
/// table at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch;

impl InsertStrategy for Batch {
    fn name(&self) -> &str {
        "batch"
    }

    fn cycles(&self) -> Cycles {
        Cycles::OneRow
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        Reservation::new(plan).planned_with_inserts(plan, |step| {
            let planned = &plan.tables()[step.table()];
            values::parts(planned, step.rows(), &insert_columns(planned)).len()
        })
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let plan = flush.plan();
        Reservation::new(plan).reserve(flush)?;
        for step in plan.steps() {
            let columns = insert_columns(&plan.tables()[step.table()]);
            values::insert(flush, step.table(), step.rows(), &columns)?;
        }
        Ok(())
    }
}

/// After the reservation every key is known.
fn insert_columns(planned: &PlannedTable) -> InsertColumns {
    let table = planned.table();
    InsertColumns::new(table, |column| {
        let left = planned.left_to_database(column);
        if left == 0 || table.columns()[column].assigned_by().is_some() {
            Left::Never
        } else if left < planned.rows() {
            Left::Sometimes
        } else {
            Left::Always
        }
    })
}
