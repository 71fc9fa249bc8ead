//! `commit_valid`: commits what can be committed, and returns the rest with the reasons.

use super::examination::{Aim, Findings};
use super::{Culprit, UnitOfWork};
use crate::error::Error;
use crate::unit_of_work::CommitReport;

/// The result of [`commit_valid`](UnitOfWork::commit_valid): the report of the commit, and the entities
/// that were left out.
#[derive(Debug)]
pub struct ValidCommit {
    report: CommitReport,
    refused: Vec<Culprit>,
    round_trips: u64,
}

impl ValidCommit {
    /// Returns the report of the commit that has succeeded.
    #[must_use]
    pub fn report(&self) -> &CommitReport {
        &self.report
    }

    /// Returns the entities that were left out, each with its reason. An entity that only refers to a
    /// refused entity has the reason [`OtherParty::Refused`](crate::OtherParty::Refused).
    #[must_use]
    pub fn refused(&self) -> &[Culprit] {
        &self.refused
    }

    /// Returns the number of round trips of the whole call: the first commit, the search, and the
    /// commit without the refused entities.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }
}

/// Has later commits leave nothing out, also after a panic.
struct LeaveOut<'a, 'c>(&'a mut UnitOfWork<'c>);

impl Drop for LeaveOut<'_, '_> {
    fn drop(&mut self) {
        self.0.left_out.clear();
    }
}

/// So often a commit is tried without what was refused. Another transaction can refuse more.
const MAX_COMMITS: usize = 4;

impl UnitOfWork<'_> {
    /// Commits what the database takes, and returns the entities that it refuses, each with its reason:
    /// for imports, in which some lines are wrong. An entity that refers to a refused entity is refused
    /// with it.
    ///
    /// All rows are written in one transaction. If nothing is refused, the call is
    /// [`commit`](UnitOfWork::commit) and takes no further round trip. Otherwise it looks for the
    /// refused rows as [`diagnose`](UnitOfWork::diagnose) does, for any error, and then commits the
    /// other rows. The number of statements grows with the number of refused rows and with the
    /// logarithm of the number of all rows.
    ///
    /// The refused entities stay in the unit of work as they were: new, changed or to be deleted.
    /// Correct them, or let them go with [`expunge`](UnitOfWork::expunge) or
    /// [`take`](UnitOfWork::take): the next commit writes them, too.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](UnitOfWork::commit) that no row has caused, and the error of the commit if
    /// the refused rows cannot be found. Then nothing was written.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn import(uow: &mut UnitOfWork<'_>, names: &[&str]) -> Result<(), onetrip::Error> {
    ///     for &name in names {
    ///         uow.add(User { id: None, name: name.to_owned() });
    ///     }
    ///     let committed = uow.commit_valid()?;
    ///     for refused in committed.refused() {
    ///         eprintln!("left out: {refused}");
    ///         if let Some(user) = refused.entity::<User>() {
    ///             uow.expunge(user)?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = import;
    /// ```
    pub fn commit_valid(&mut self) -> Result<ValidCommit, Error> {
        let before = self.connection.round_trips();
        let leaving = LeaveOut(self);
        let result = leaving.0.commit_and_leave_out();
        drop(leaving);
        let (report, refused) = result?;
        let round_trips = self.connection.round_trips() - before;
        Ok(ValidCommit { report, refused, round_trips })
    }

    fn commit_and_leave_out(&mut self) -> Result<(CommitReport, Vec<Culprit>), Error> {
        let budget = self.budget.map(|budget| budget as u64);
        let mut refused = Vec::new();
        for _ in 0..MAX_COMMITS {
            let error = match self.commit() {
                Ok(report) => return Ok((report, refused)),
                // A commit that has happened, or may have, is not tried again.
                Err(error) if self.unknown.is_some() => return Err(error),
                Err(error) => error,
            };
            let Findings { culprits, left_out, .. } =
                self.examine(&error, budget, Aim::AllRefused)?;
            if left_out.is_empty() {
                return Err(error);
            }
            refused.extend(culprits);
            self.left_out.extend(left_out);
        }
        self.commit().map(|report| (report, refused))
    }
}
