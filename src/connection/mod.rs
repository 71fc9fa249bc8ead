//! `Connection`: sends statements, counts round trips, and knows whether a transaction is open.

mod attempt;
mod driver;
mod explain;
mod mark;
mod own_texts;
mod reading;
#[cfg(test)]
pub(crate) mod recording;
mod savepoints;
mod statement_cache;
mod trace;
mod trial;
mod wire;

use std::fmt;

use attempt::Attempt;
pub(crate) use attempt::AttemptReads;
pub use driver::IntoConnection;
use driver::Prepared;
pub(crate) use driver::Session;
use explain::name_column;
pub(crate) use own_texts::OwnTexts;
use savepoints::Savepoints;
pub use statement_cache::StatementCache;
pub(crate) use trial::Trial;
use wire::check_fits_message;
pub(crate) use wire::{COPY_ROUND_TRIPS, CopyError, Wire};

use crate::error::{Error, ErrorKind};
use crate::sql::{CopyData, Params, Rows};
use trace::Sending;

/// A connection that a unit of work borrows.
///
/// Inside a transaction of the caller, "our transaction" is a savepoint.
pub struct Connection<'c> {
    /// The driver's connection.
    wire: Box<dyn Wire + 'c>,
    /// The connection is in a transaction of the caller.
    nested: bool,
    /// The transaction of ours, if one is open.
    progress: Progress,
    /// The number of statements sent, without those that begin and end transactions.
    statements: u64,
    /// The number of round trips.
    round_trips: u64,
    /// The last thing that was sent was refused, so the transaction may be aborted. What is answered well
    /// shows that it is not.
    was_refused: bool,
    /// A savepoint was refused: the transaction was aborted before, and can only go back to an
    /// earlier one.
    is_aborted: bool,
    /// A statement was a transaction of its own, and is committed.
    has_committed: bool,
    /// The work may be repeated.
    attempt: Option<Attempt>,
    /// The statements that are prepared, if the caller wants any to be.
    cache: Option<StatementCache>,
}

impl<'c> Connection<'c> {
    /// Returns a connection that is in no transaction.
    pub(crate) fn new(wire: impl Wire + 'c) -> Connection<'c> {
        Connection {
            wire: Box::new(wire),
            nested: false,
            progress: Progress::Idle,
            statements: 0,
            round_trips: 0,
            was_refused: false,
            is_aborted: false,
            has_committed: false,
            attempt: None,
            cache: None,
        }
    }

    /// Returns a connection that is in a transaction of the caller.
    pub(crate) fn nested(wire: impl Wire + 'c) -> Connection<'c> {
        Connection { nested: true, ..Connection::new(wire) }
    }

    /// Sets the cache by which statements that come up again are prepared.
    pub(crate) fn set_cache(&mut self, cache: StatementCache) {
        self.cache = Some(cache);
    }

    /// Returns the number of statements sent so far, without those that begin and end transactions.
    pub(crate) fn statements(&self) -> u64 {
        self.statements
    }

    /// Returns the number of round trips so far.
    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// Returns `true` if our transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        matches!(self.progress, Progress::Open(_))
    }

    /// Returns what would be sent now for [`begin`](Connection::begin), [`commit`](Connection::commit) and
    /// [`release`](Connection::release).
    pub(crate) fn brackets(&self) -> Brackets {
        let is_settled =
            matches!(&self.progress, Progress::Open(savepoints) if savepoints.is_settled());
        let begin = match &self.progress {
            Progress::Open(savepoints) if self.is_ending() && savepoints.is_ahead() => None,
            Progress::Open(_) => Some("SAVEPOINT"),
            _ if self.nested => Some("SAVEPOINT"),
            _ => Some("BEGIN"),
        };
        Brackets {
            begin,
            commit: if self.nested { "RELEASE SAVEPOINT" } else { "COMMIT" },
            release: is_settled.then_some("RELEASE SAVEPOINT"),
        }
    }

    /// Runs one statement with parameters.
    pub(crate) fn query(&mut self, sql: &str, params: &Params) -> Result<Rows, Error> {
        self.query_with(sql, params, OwnTexts::NONE)
    }

    /// Runs one statement with parameters and with these texts of the caller's.
    fn query_with(&mut self, sql: &str, params: &Params, texts: OwnTexts) -> Result<Rows, Error> {
        self.check_not_lost()?;
        check_fits_message(sql, params)?;
        let prepared = match &self.cache {
            // A statement that is refused can be sent again only where nothing else is lost by it.
            Some(cache) if self.is_autocommit() && !texts.have_literals => {
                cache.look_up(sql, params)
            }
            _ => None,
        };
        let mut query = |prepared: Option<&Prepared>| {
            let run = |wire: &mut (dyn Wire + 'c)| wire.query(sql, params, prepared);
            let result = self.send(sql, 1, run, |rows| rows.len() as u64);
            match prepared {
                // What was prepared has another text.
                Some(_) => result,
                None => result.map_err(|error| name_column(error, sql)),
            }
        };
        match query(prepared.as_ref()) {
            Err(error) if prepared.as_ref().is_some_and(|own| own.mark.explains(&error)) => {
                let result = query(None);
                self.cache.iter().for_each(|cache| cache.forget(sql));
                result
            }
            result => result,
        }
    }

    /// Runs one statement of the caller's, whose errors are about the caller's text.
    pub(crate) fn query_as_is(&mut self, sql: &str, params: &Params) -> Result<Rows, Error> {
        self.check_not_lost()?;
        check_fits_message(sql, params)?;
        self.send(sql, 1, |wire| wire.query(sql, params, None), |rows| rows.len() as u64)
    }

    /// Runs one statement with parameters, and returns the number of rows that it has written.
    pub(crate) fn execute(&mut self, sql: &str, params: &Params) -> Result<u64, Error> {
        self.check_not_lost()?;
        check_fits_message(sql, params)?;
        self.send(sql, 1, |wire| wire.execute(sql, params), |&count| count)
    }

    /// Runs `COPY … FROM STDIN`; see [`Wire::copy_in`].
    ///
    /// # Errors
    ///
    /// Those of the server and of `fill`. After a `COPY` that the server does not even begin, the
    /// connection cannot be used any more.
    pub(crate) fn copy_in(
        &mut self,
        sql: &str,
        fill: &mut dyn FnMut(&mut CopyData) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        self.check_not_lost()?;
        let mut is_refused = false;
        let run = |wire: &mut (dyn Wire + 'c)| {
            wire.copy_in(sql, fill).map_err(|failure| match failure {
                CopyError::Failed(error) => error,
                CopyError::Refused(error) => {
                    // Nobody may take the answers for what they are not: the session ends here,
                    // also for a caller who uses the client again.
                    let _ = wire.simple(END_SESSION);
                    is_refused = true;
                    error.hinting("the driver cannot go on with this connection: open a new one")
                }
            })
        };
        let result = self.send(sql, COPY_ROUND_TRIPS, run, |&rows| rows);
        if is_refused {
            self.progress = Progress::Lost;
        }
        result
    }

    /// Runs one statement, and takes note of it. `rows` counts what it returned or stored.
    fn send<R>(
        &mut self,
        sql: &str,
        round_trips: usize,
        run: impl FnOnce(&mut (dyn Wire + 'c)) -> Result<R, Error>,
        rows: impl FnOnce(&R) -> u64,
    ) -> Result<R, Error> {
        self.set_savepoint()?;
        if let Progress::Open(savepoints) = &mut self.progress {
            savepoints.keep_ahead(false);
        }
        self.statements += 1;
        self.round_trips += round_trips as u64;
        let sending = Sending::start(sql);
        let result = run(&mut *self.wire);
        sending.end(&result, rows);
        self.note(result)
    }

    /// Aborts the transaction, as an error of the server does, so that nothing stays of its last statement.
    pub(crate) fn abort(&mut self) {
        // There is no such savepoint.
        let _ = self.simple(&format!("RELEASE SAVEPOINT {OUTER}_abort"));
    }

    /// Makes sure that the transaction is still good, if a statement of it was refused and the caller
    /// went on.
    pub(crate) fn check_transaction(&mut self) -> Result<(), Error> {
        if self.was_refused && (self.nested || self.in_transaction()) {
            let result = self.simple("SELECT 1");
            self.is_aborted |= result.is_err();
            result?;
        }
        Ok(())
    }

    /// Runs one statement that is a transaction of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownOutcome`] when the link is lost after the statement was sent.
    pub(crate) fn query_and_commit(&mut self, sql: &str, params: &Params) -> Result<Rows, Error> {
        self.check_not_lost()?;
        self.check_link()?;
        let rows = self.query(sql, params).map_err(unknown_outcome)?;
        self.has_committed = true;
        Ok(rows)
    }

    /// Returns `true` if a statement has committed what it wrote since
    /// [`take_committed`](Connection::take_committed) was called.
    pub(crate) fn has_committed(&self) -> bool {
        self.has_committed
    }

    /// Returns what [`has_committed`](Connection::has_committed) returns, and forgets it.
    pub(crate) fn take_committed(&mut self) -> bool {
        std::mem::take(&mut self.has_committed)
    }

    /// Returns `true` if the connection cannot be used any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.progress == Progress::Lost
    }

    /// Returns `true` if a statement can be a transaction of its own now.
    pub(crate) fn is_autocommit(&self) -> bool {
        !self.nested && self.progress == Progress::Idle
    }

    /// Opens our transaction, or a savepoint where the transaction is open already. The savepoint
    /// is set when something is sent.
    ///
    /// # Errors
    ///
    /// Besides those of the server: [`ErrorKind::Transaction`] when the connection is in a
    /// transaction that somebody opened by hand, which our COMMIT would end.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        self.check_not_lost()?;
        let is_ending = self.is_ending();
        match &mut self.progress {
            Progress::Open(savepoints) if is_ending => savepoints.begin_ahead(),
            Progress::Open(savepoints) => savepoints.begin(),
            _ if self.nested => {
                self.simple(&format!("SAVEPOINT {OUTER}"))?;
                self.progress = Progress::Open(Savepoints::default());
            }
            _ => {
                self.begin_transaction(None)?;
                self.progress = Progress::Open(Savepoints::default());
            }
        }
        Ok(())
    }

    /// Begins a transaction, and sets a savepoint in it if one is named.
    fn begin_transaction(&mut self, savepoint: Option<&str>) -> Result<(), Error> {
        // In a transaction that begins with this message, both are the time of its arrival.
        // BEGIN inside a transaction does nothing but warn; it comes after what can fail, so that a
        // message that fails has opened none.
        let mut sql = "SELECT now() = statement_timestamp(); BEGIN".to_owned();
        savepoint.iter().for_each(|name| sql.push_str(&format!("; SAVEPOINT {name}")));
        let result = self.check_fresh(&sql);
        if let (Err(ErrorKind::Transaction), Some(name)) =
            (result.as_ref().map_err(Error::kind), savepoint)
        {
            self.simple(&format!("RELEASE SAVEPOINT {name}"))?;
        }
        result
    }

    /// Sends a message that asks whether it began a transaction, and makes sure that it did.
    fn check_fresh(&mut self, message: &str) -> Result<(), Error> {
        match self.simple(message)?.as_deref() {
            Some("t") => Ok(()),
            _ => Err(opened_by_hand()),
        }
    }

    /// Keeps what was written since the last `begin`. A savepoint is released; the transaction
    /// itself stays open.
    ///
    /// # Errors
    ///
    /// Those of the server, also when a statement was refused before and the caller went on. The savepoint
    /// is as open as before then: undo it by [`rollback_last`](Connection::rollback_last).
    pub(crate) fn release(&mut self) -> Result<(), Error> {
        let Progress::Open(savepoints) = &self.progress else { return self.check_transaction() };
        match savepoints.to_release() {
            Some(name) => self.simple(&format!("RELEASE SAVEPOINT {name}")).map(drop)?,
            None => self.check_transaction()?,
        }
        if let Progress::Open(savepoints) = &mut self.progress {
            savepoints.release();
        }
        Ok(())
    }

    /// Ends our transaction, if it is open, and keeps what was written in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownOutcome`] when the link is lost during the COMMIT of our own
    /// transaction. After any other error, call [`rollback`](Connection::rollback).
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.check_not_lost()?;
        if !self.in_transaction() {
            return Ok(());
        }
        if self.nested {
            self.simple(&format!("RELEASE SAVEPOINT {OUTER}"))?;
            self.progress = Progress::Idle;
            return Ok(());
        }
        self.check_link()?;
        // COMMIT of an aborted transaction answers ROLLBACK, which the driver takes for success.
        // The statement ahead of it fails there, and then COMMIT is never run.
        match self.simple("SELECT 1; COMMIT") {
            Ok(_) => {
                self.progress = Progress::Idle;
                Ok(())
            }
            Err(error) => Err(unknown_outcome(error)),
        }
    }

    /// Ends our transaction with everything in it, if it is open. What cannot be sent any more
    /// needs no sending: the server rolls back what a lost connection leaves.
    pub(crate) fn rollback(&mut self) {
        let Progress::Open(_) = self.progress else { return };
        self.progress = Progress::Idle;
        self.is_aborted = false;
        let sql = if self.nested {
            format!("ROLLBACK TO SAVEPOINT {OUTER}; RELEASE SAVEPOINT {OUTER}")
        } else {
            "ROLLBACK".to_owned()
        };
        if self.simple(&sql).is_err() {
            // Whatever state the connection is in, it is not one to go on from.
            self.progress = Progress::Lost;
        }
    }

    /// Undoes what was written since the last `begin`, which opened a savepoint or the transaction
    /// itself. Where the transaction was aborted before its outermost savepoint could be set, all of
    /// it is undone along with that savepoint.
    pub(crate) fn rollback_last(&mut self) {
        let Progress::Open(savepoints) = &mut self.progress else { return };
        if savepoints.level() == 0 {
            return self.rollback();
        }
        let Some(name) = savepoints.undo() else {
            if savepoints.level() == 0 && self.is_aborted {
                self.rollback();
            }
            return;
        };
        self.is_aborted = false;
        let sql = format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}");
        if self.simple(&sql).is_err() {
            self.progress = Progress::Lost;
        }
    }

    /// Sets the savepoint that is due before something is sent, if any is.
    ///
    /// # Errors
    ///
    /// When the transaction was aborted before, as by a query.
    fn set_savepoint(&mut self) -> Result<(), Error> {
        let Progress::Open(savepoints) = &self.progress else { return Ok(()) };
        let Some(name) = savepoints.to_set() else { return Ok(()) };
        let result = self.simple(&format!("SAVEPOINT {name}"));
        self.is_aborted |= result.is_err();
        result?;
        if let Progress::Open(savepoints) = &mut self.progress {
            savepoints.set();
        }
        Ok(())
    }

    /// Runs statements without parameters, which are one round trip.
    fn simple(&mut self, sql: &str) -> Result<Option<String>, Error> {
        self.round_trips += 1;
        let sending = Sending::start(sql);
        let result = self.wire.simple(sql);
        sending.end(&result, |_| 0);
        self.note(result)
    }

    /// Takes note of an error, for the transaction, the attempt, and the connection.
    fn note<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        self.was_refused = result.is_err();
        result.map_err(|error| {
            if error.kind() == ErrorKind::Connection {
                self.progress = Progress::Lost;
            }
            self.conflict(error)
        })
    }

    /// Makes sure, before a commit is sent, that the link is not known to be lost.
    fn check_link(&mut self) -> Result<(), Error> {
        if self.wire.is_closed() {
            self.progress = Progress::Lost;
            let message = "the connection was lost before the commit was sent";
            return Err(Error::new(ErrorKind::Connection, message));
        }
        Ok(())
    }

    /// Makes sure that the connection was not lost earlier.
    fn check_not_lost(&self) -> Result<(), Error> {
        if self.progress == Progress::Lost {
            let message = "the connection was lost earlier";
            return Err(Error::new(ErrorKind::Connection, message)
                .with_hint("continue on a new one with `UnitOfWork::reconnect`"));
        }
        Ok(())
    }
}

/// The point that a unit of work has reached on its connection.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// No transaction of ours is open.
    Idle,
    /// Ours is open.
    Open(Savepoints),
    /// The connection cannot be used any more.
    Lost,
}

/// What stands around the statements of a strategy, for people.
pub(crate) struct Brackets {
    /// What begins a flush, unless it was sent along with the transaction's beginning.
    pub(crate) begin: Option<&'static str>,
    /// What ends a commit.
    pub(crate) commit: &'static str,
    /// What ends a flush, unless the transaction begins with it.
    pub(crate) release: Option<&'static str>,
}

/// The number of round trips of [`Connection::begin_snapshot`].
pub(crate) const SNAPSHOT_ROUND_TRIPS: usize = 2;

/// Ends the session, whatever its transaction has come to.
const END_SESSION: &str = "ROLLBACK; SELECT pg_terminate_backend(pg_backend_pid())";

/// The name of the savepoint that stands for our transaction inside the caller's.
const OUTER: &str = "onetrip";

/// Returns the error for a transaction that is neither ours nor the driver's.
pub(crate) fn opened_by_hand() -> Error {
    let message = "the connection is in a transaction that was opened by hand, which a commit of the \
                   unit of work would end";
    Error::new(ErrorKind::Transaction, message)
        .with_hint("end it first, or pass the driver's `Transaction` instead of the client")
}

/// Returns the error for a link that is lost while a commit is under way: the outcome of the commit
/// is unknown, unless the link was lost before the server took the commit.
fn unknown_outcome(error: Error) -> Error {
    if error.kind() != ErrorKind::Connection || error.came_first() {
        return error;
    }
    error.with_kind(ErrorKind::UnknownOutcome).while_doing(
        "the connection was lost while committing, and the work may or may not have been committed",
    )
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("nested", &self.nested)
            .field("progress", &self.progress)
            .field("round_trips", &self.round_trips)
            .finish_non_exhaustive()
    }
}
