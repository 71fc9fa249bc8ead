//! `Attempt`: one way to write a flush.

use std::sync::Arc;

use super::ONE_TRIP;
use super::way::{Reason, Way};
use crate::error::Error;
use crate::flush::Flush;
use crate::flush_plan::{Constraints, FlushPlan, PlannedStatement};
use crate::insert_strategy::InsertStrategy;
use crate::one_statement::{self, Guarded, Locking, Outcome};
use crate::step_by_step::{Changes, StepByStep};

/// A way to write a flush, and its plan.
pub(crate) struct Attempt<'a> {
    /// The steps, in order.
    pub(crate) plan: FlushPlan,
    /// The way in which the steps are sent.
    pub(crate) way: Way,
    /// Why they are sent that way.
    pub(crate) reason: Reason,
    /// Inserts the new rows, step by step.
    pub(super) inserts: &'a dyn InsertStrategy,
    /// One statement asks the database whether it means what its steps mean. These triggers are
    /// known to do no harm.
    pub(super) harmless: Option<Vec<u32>>,
    /// Rows are locked ahead.
    pub(super) locks: bool,
    /// The statements are to be of the form that Citus takes.
    pub(crate) is_distributed: bool,
    /// Citus is to write over one connection to each server.
    pub(crate) is_sequential: bool,
    /// The way in which rows are changed and deleted, step by step.
    pub(super) changes: Changes,
    /// The tables of which changes return nothing.
    pub(super) without_returning: Vec<&'static str>,
    /// What the catalog says of the tables, if it was asked.
    pub(super) constraints: Option<Arc<Constraints>>,
    /// The statement is not to be a transaction of its own.
    pub(super) needs_transaction: bool,
    /// The catalog has to be asked beforehand.
    pub(super) asks: bool,
    /// Statements that take keys look at the DEFAULTs of the columns.
    pub(crate) checks_defaults: bool,
}

impl Attempt<'_> {
    /// Returns the name of what writes the rows.
    pub(crate) fn written_by(&self) -> &str {
        match self.way {
            Way::OneStatement => ONE_TRIP,
            Way::StepByStep => self.inserts.name(),
        }
    }

    /// Returns `true` if the attempt is one statement that can be a transaction of its own.
    pub(crate) fn is_alone(&self) -> bool {
        self.way == Way::OneStatement && !self.needs_transaction
    }

    /// Returns the statements that the attempt would send.
    pub(crate) fn statements(&self) -> Vec<PlannedStatement> {
        match self.way {
            Way::OneStatement => {
                vec![one_statement::plan(&self.plan, 0..self.plan.steps().len())]
            }
            Way::StepByStep => self.step_by_step().plan(&self.plan),
        }
    }

    /// Returns the question that is asked beforehand, if any is.
    pub(crate) fn question(&self) -> Option<PlannedStatement> {
        self.asks.then(|| PlannedStatement::new("look at the tables' constraints"))
    }

    /// Returns what sends the steps one after the other.
    fn step_by_step(&self) -> StepByStep<'_> {
        StepByStep {
            inserts: self.inserts,
            changes: self.changes,
            locks: self.locks,
            is_sequential: self.is_sequential,
            constraints: self.constraints.as_deref(),
            without_returning: &self.without_returning,
        }
    }

    /// Sends the steps.
    ///
    /// # Errors
    ///
    /// Those of the server, and of values that cannot be sent.
    pub(crate) fn write(&self, flush: &mut Flush<'_, '_>) -> Result<Outcome, Error> {
        match self.way {
            Way::OneStatement => {
                let suspects = self.plan.suspects().filter(|_| self.harmless.is_some());
                let harmless = self.harmless.as_deref().unwrap_or_default();
                let all = 0..self.plan.steps().len();
                one_statement::write(
                    flush,
                    all,
                    Guarded { suspects, harmless },
                    Locking::ahead_if(self.locks),
                )
            }
            Way::StepByStep => {
                self.step_by_step().write(flush)?;
                Ok(Outcome::Written)
            }
        }
    }
}
