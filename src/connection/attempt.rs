//! `Attempt`: what a repetition of the work has to know of what happened on the connection.

use postgres::error::SqlState;

use crate::error::Error;

/// What the reads of an attempt belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptReads {
    /// The transaction that writes begins with them.
    Transaction,
    /// Each is a transaction of its own, unless one is open.
    Themselves,
}

/// One of several attempts at a piece of work.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The name of the attempt, such as `attempt 2 of 8`.
    name: String,
    /// What its reads belong to.
    reads: AttemptReads,
    /// What the attempt has left to send is its last commit.
    is_ending: bool,
    /// The conflict with another transaction that the server has ended this one for, without the
    /// driver's error. The server has refused nothing else since.
    conflict: Option<Error>,
}

impl Attempt {
    /// Returns an attempt of this name, without a conflict so far.
    pub(super) fn new(name: String, reads: AttemptReads) -> Attempt {
        Attempt { name, reads, is_ending: false, conflict: None }
    }

    /// Returns what its reads belong to.
    pub(super) fn reads(&self) -> AttemptReads {
        self.reads
    }

    /// Says that only the last commit is left to be sent. Where it fails, all of the attempt is undone.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Returns `true` if only the last commit is left to be sent.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Takes note of an error, and says in it which attempt it is of if that matters.
    pub(super) fn failed(&mut self, error: Error) -> Error {
        if !error.is_retryable() {
            // That the transaction is aborted is said again and again, and is no news.
            if error.sqlstate() != Some(&SqlState::IN_FAILED_SQL_TRANSACTION) {
                self.conflict = None;
            }
            return error;
        }
        self.conflict = Some(error.without_source());
        error.while_doing(&self.name)
    }

    /// Returns the conflict that the attempt has failed for, if it is one.
    pub(super) fn into_conflict(self) -> Option<Error> {
        self.conflict
    }
}
