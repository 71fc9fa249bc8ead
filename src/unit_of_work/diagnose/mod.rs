//! Which row was it? Finds the entities that a commit was refused for.

mod coupled;
mod culprit;
mod diagnosis;
mod examination;
mod examine;
mod nulls;
mod party;
mod search;
mod signature;
mod ties;
mod valid;

pub use culprit::{Culprit, Operation, OtherEntity, OtherParty};
pub use diagnosis::Diagnosis;
use examination::{Aim, Examination, Findings};
use signature::Blame;
pub use valid::ValidCommit;

use super::UnitOfWork;
use crate::change_set::ChangeSet;
use crate::error::{Error, ErrorKind};

impl UnitOfWork<'_> {
    /// Returns the entities for which a commit or a flush was refused, after the call has failed with
    /// this error and before anything is changed. A diagnosis names the right entity, or none.
    ///
    /// The cheapest ways are tried first: the text of the error itself, and NULLs. Then the rows are
    /// sent again, in halves, within a transaction that is rolled back, or between savepoints if a
    /// transaction is open. Nothing is left in the database, except that sequences have moved on, and
    /// the unit of work is as it was. Meanwhile locks are held and triggers run, as in the commit.
    ///
    /// A row is named only if the server refuses it alone, with the same SQLSTATE and the same
    /// constraint. For errors that no row has caused, such as a missing table, nothing is sent and no
    /// row is named.
    ///
    /// The budget of [`with_round_trip_budget`](UnitOfWork::with_round_trip_budget) limits the
    /// diagnosis. [`diagnose_within`](UnitOfWork::diagnose_within) has a budget of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownOutcome`] when nobody knows whether the commit has happened; when the
    /// connection is lost; and the errors that a commit returns before it sends anything.
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn save(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     if let Err(error) = uow.commit() {
    ///         eprintln!("{}", uow.diagnose(&error)?);
    ///         return Err(error);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = save;
    /// ```
    pub fn diagnose(&mut self, error: &Error) -> Result<Diagnosis, Error> {
        let budget = self.budget.map(|budget| budget as u64);
        self.diagnose_with(error, budget)
    }

    /// Returns the same as [`diagnose`](UnitOfWork::diagnose), in at most `round_trips` round trips.
    /// The diagnosis has the culprits that were found by then, and is not
    /// [complete](Diagnosis::is_complete) if there may be others.
    ///
    /// # Errors
    ///
    /// Those of [`diagnose`](UnitOfWork::diagnose).
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn log(uow: &mut UnitOfWork<'_>, error: &onetrip::Error) -> Result<(), onetrip::Error> {
    ///     for culprit in uow.diagnose_within(error, 60)? {
    ///         eprintln!("{culprit}");
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = log;
    /// ```
    pub fn diagnose_within(
        &mut self,
        error: &Error,
        round_trips: usize,
    ) -> Result<Diagnosis, Error> {
        self.diagnose_with(error, Some(round_trips as u64))
    }

    fn diagnose_with(&mut self, error: &Error, budget: Option<u64>) -> Result<Diagnosis, Error> {
        self.check_resolved()?;
        if error.kind() == ErrorKind::UnknownOutcome {
            let message =
                "nobody knows whether the commit has happened, so its rows cannot be sent again";
            return Err(Error::new(ErrorKind::UnknownOutcome, message)
                .with_hint("find out whether it happened, then call `resolve_unknown`"));
        }
        let before = self.connection.round_trips();
        let findings = self.examine(error, budget, Aim::Error)?;
        let Findings { culprits, open, .. } = findings;
        let round_trips = self.connection.round_trips() - before;
        Ok(Diagnosis { culprits, open, round_trips })
    }

    /// Looks for the culprits of an error. The connection and the entities are as before.
    fn examine(
        &mut self,
        error: &Error,
        round_trips: Option<u64>,
        aim: Aim,
    ) -> Result<Findings, Error> {
        if Blame::of(error) == Blame::NoRow {
            return Ok(Findings::none("the error is about no row"));
        }
        let was_open = self.connection.in_transaction();
        let Self { arenas, stamp, strategy, connection, left_out, .. } = self;
        let changes = ChangeSet::collect(arenas, *stamp, left_out)?;
        let examination = Examination { changes: &changes, strategy, error, round_trips, aim };
        let result = match error.kind() {
            ErrorKind::Encode => Ok(examination.unsendable()),
            ErrorKind::Stale => Ok(examination.stale()),
            _ => examination.run(connection),
        };
        if result.is_err() {
            self.transaction_ended(was_open);
        }
        result
    }
}
