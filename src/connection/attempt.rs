//! `Attempt`: what a repetition of the work has to know of what happened on the connection.

use postgres::error::SqlState;

use crate::error::Error;

/// One of several attempts at a piece of work.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The name of the attempt, such as `attempt 2 of 8`.
    name: String,
    /// The conflict with another transaction that the server has ended this one for, without the
    /// driver's error. The server has refused nothing else since.
    conflict: Option<Error>,
}

impl Attempt {
    /// Returns an attempt of this name, without a conflict so far.
    pub(super) fn new(name: String) -> Attempt {
        Attempt { name, conflict: None }
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
