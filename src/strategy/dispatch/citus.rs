//! What is different with Citus: what is known of it, and which way comes after what it refuses.

use super::Dispatch;
use crate::connection::Connection;
use crate::error::Error;
use crate::model::Table;
use crate::strategy::attempt::Attempt;
use crate::strategy::refusal::Refusal;
use crate::strategy::way::Reason;

impl<'a> Dispatch<'a, '_> {
    /// Returns `true` if rows of the flush are known to lie on several servers.
    pub(super) fn is_distributed(&self) -> bool {
        self.strategy.memory().are_distributed(&self.written)
    }

    /// Returns `true` if the catalog says that the server has Citus.
    pub(super) fn is_citus(&self) -> bool {
        self.constraints.as_ref().is_some_and(|known| known.is_citus)
    }

    /// Returns `true` if Citus is to write over one connection to each server. In a transaction that goes on,
    /// rows may follow that Citus would refuse otherwise.
    pub(super) fn is_sequential(&self) -> bool {
        let is_known = self.strategy.memory().are_sequential(&self.written);
        is_known || (self.is_in_transaction && self.is_distributed())
    }

    /// Remembers for later commits what an error says that leaves no way to go on.
    pub(crate) fn after_loss(&self, error: &Error) {
        if Refusal::all_of(error).contains(&Refusal::Parallel) {
            self.strategy.memory().sequential(&self.written);
        }
    }

    /// Returns `true` if what is done to one row may do something to another row that is changed: rows of several
    /// tables are changed, or rows of a table that refers to itself.
    pub(super) fn changes_depend(&self) -> bool {
        let changed = self.changes.changed();
        let refers_to_itself =
            |table: &Table| table.foreign_keys().any(|foreign_key| foreign_key.target.is(table));
        changed.len() > 1 || changed.iter().any(|rows| refers_to_itself(rows.table()))
    }

    /// Returns what comes after one statement that has not found rows. Citus may have run its parts one after the
    /// other, and the rows went with others that were deleted, or got another key with them.
    pub(super) fn after_stale(
        &mut self,
        attempt: &Attempt<'a>,
        connection: &mut Connection<'_>,
    ) -> Result<Option<Attempt<'a>>, Error> {
        if !self.has_asked && self.ask(connection).is_err() {
            return Ok(None);
        }
        if !self.is_citus() {
            return Ok(None);
        }
        self.strategy.memory().distributed(&self.written);
        let next = self.again(attempt, attempt.reason.clone())?;
        if next.plan.moves_rows() {
            return self.step_by_step(Reason::Action).map(Some);
        }
        // Rows that are not there are not there in the same order either.
        let is_other = !attempt.is_distributed || !next.plan.has_steps_of(&attempt.plan);
        Ok(is_other.then_some(next))
    }
}
