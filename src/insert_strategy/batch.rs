//! `Batch`: ids first, then one statement a table.

use super::InsertStrategy;
use super::reservation::Reservation;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::values;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};

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

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        Reservation::new(inserts).planned_with_inserts(inserts, |step| {
            let planned = &inserts.tables()[step.table()];
            values::parts(planned, step.rows(), &values::insert_columns(planned)).len()
        })
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let inserts = flush.inserts();
        Reservation::new(&inserts).reserve(flush)?;
        for step in inserts.steps() {
            let columns = values::insert_columns(&inserts.tables()[step.table()]);
            values::insert(flush, step.table(), step.rows(), &columns)?;
        }
        Ok(())
    }
}
