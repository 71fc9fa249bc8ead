//! `Trial`: work that is tried piece by piece, and undone as a whole in the end.

use super::{Connection, Progress};
use crate::error::Error;
use crate::sql::{Params, Rows};

/// Work that is tried piece by piece. Each piece is kept or undone alone. In the end, and also after a
/// panic, all of it is undone, and the connection is where it was before.
pub(crate) struct Trial<'a, 'c> {
    connection: &'a mut Connection<'c>,
    /// Our transaction was open before.
    was_open: bool,
    /// What the connection had counted before.
    round_trips: u64,
}

impl<'a, 'c> Trial<'a, 'c> {
    /// Begins a trial: in a transaction of its own, or in a savepoint where one is open.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub(crate) fn begin(connection: &'a mut Connection<'c>) -> Result<Trial<'a, 'c>, Error> {
        let (was_open, round_trips) = (connection.in_transaction(), connection.round_trips());
        connection.begin()?;
        let trial = Trial { connection, was_open, round_trips };
        // Each of the two savepoints is a point of its own to go back to.
        trial.connection.set_savepoint()?;
        trial.connection.begin()?;
        trial.connection.set_savepoint()?;
        Ok(trial)
    }

    /// Returns the connection, to send what is tried.
    pub(crate) fn connection(&mut self) -> &mut Connection<'c> {
        self.connection
    }

    /// Returns the number of round trips since the trial began.
    pub(crate) fn round_trips(&self) -> u64 {
        self.connection.round_trips() - self.round_trips
    }

    /// Keeps what was tried since the last piece.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub(crate) fn keep(&mut self) -> Result<(), Error> {
        self.end_piece(|name| format!("RELEASE SAVEPOINT {name}; SAVEPOINT {name}"))
    }

    /// Undoes what was tried since the last piece.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub(crate) fn undo(&mut self) -> Result<(), Error> {
        self.end_piece(|name| format!("ROLLBACK TO SAVEPOINT {name}"))
    }

    /// Sends a statement.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub(crate) fn send(&mut self, sql: &str) -> Result<Rows, Error> {
        self.connection.query(sql, &Params::new())
    }

    fn end_piece(&mut self, sql: impl FnOnce(&str) -> String) -> Result<(), Error> {
        let Progress::Open(savepoints) = &self.connection.progress else { return Ok(()) };
        let Some(name) = savepoints.innermost() else { return Ok(()) };
        self.connection.simple(&sql(&name)).map(drop)
    }
}

impl Drop for Trial<'_, '_> {
    fn drop(&mut self) {
        if !self.was_open {
            return self.connection.rollback();
        }
        // What goes back to the outer savepoint takes the inner one along.
        if let Progress::Open(savepoints) = &mut self.connection.progress {
            savepoints.undo();
        }
        self.connection.rollback_last();
    }
}
