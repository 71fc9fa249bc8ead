//! Reading: what reads belong to, in an attempt that may be repeated and elsewhere.

use super::attempt::{Attempt, AttemptReads};
use super::explain::name_column;
use super::savepoints::Savepoints;
use super::wire::{Wire, check_fits_message};
use super::{Connection, OwnTexts, Progress};
use crate::error::Error;
use crate::sql::{Params, Rows};

impl<'c> Connection<'c> {
    /// Says that what follows is an attempt that may be repeated, until
    /// [`end_attempt`](Connection::end_attempt). Errors that are a reason to do so name it.
    pub(crate) fn begin_attempt(&mut self, name: String, reads: AttemptReads) {
        self.attempt = Some(Attempt::new(name, reads));
    }

    /// Says that only the last commit of the attempt is left to be sent.
    pub(crate) fn last_commit(&mut self) {
        self.attempt.iter_mut().for_each(Attempt::end);
    }

    /// Returns `true` if only the last commit of an attempt is left to be sent.
    pub(super) fn is_ending(&self) -> bool {
        self.attempt.as_ref().is_some_and(Attempt::is_ending)
    }

    /// Returns the conflict with another transaction that the attempt has failed for, if it is one and the
    /// connection can be used again.
    pub(crate) fn end_attempt(&mut self) -> Option<Error> {
        let conflict = self.attempt.take()?.into_conflict();
        conflict.filter(|_| self.progress != Progress::Lost)
    }

    /// Takes note of an error that comes of a conflict with another transaction, of which the server
    /// knows nothing.
    pub(crate) fn conflict(&mut self, error: Error) -> Error {
        match &mut self.attempt {
            Some(attempt) => attempt.failed(error),
            None => error,
        }
    }

    /// Runs one statement that reads what the work depends on. In an attempt that may be repeated,
    /// it belongs to the transaction, which begins with it, unless the attempt's reads are to be by
    /// themselves.
    pub(crate) fn read(
        &mut self,
        sql: &str,
        params: &Params,
        texts: OwnTexts,
    ) -> Result<Rows, Error> {
        self.begin_to_read()?;
        self.reading(texts, |connection| connection.query_with(sql, params, texts))
    }

    /// Runs one statement as [`read`](Connection::read) does, and hands the rows over in pieces, until `take` says that it wants no more.
    pub(crate) fn read_each(
        &mut self,
        sql: &str,
        params: &Params,
        texts: OwnTexts,
        take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.begin_to_read()?;
        self.reading(texts, |connection| connection.query_each(sql, params, take))
    }

    /// Runs one statement with parameters, and hands the rows over in pieces, until `take` says that it
    /// wants no more.
    pub(crate) fn query_each(
        &mut self,
        sql: &str,
        params: &Params,
        take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.check_not_lost()?;
        check_fits_message(sql, params)?;
        let run = |wire: &mut (dyn Wire + 'c)| {
            let mut count = 0;
            wire.query_each(sql, params, &mut |rows| {
                count += rows.len() as u64;
                take(rows)
            })?;
            Ok(count)
        };
        self.send(sql, 1, run, |&count| count).map(drop).map_err(|error| name_column(error, sql))
    }

    /// Returns `true` if our transaction would begin with what is read now.
    pub(crate) fn begins_with_reads(&self) -> bool {
        let reads = self.attempt.as_ref().map(Attempt::reads);
        self.is_autocommit() && reads == Some(AttemptReads::Transaction)
    }

    /// Returns `true` if what is read now would be a transaction of its own.
    pub(crate) fn reads_alone(&self) -> bool {
        self.is_autocommit() && !self.begins_with_reads()
    }

    /// Opens our transaction, in which all statements see one snapshot. It takes
    /// [`SNAPSHOT_ROUND_TRIPS`].
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Connection::begin).
    pub(crate) fn begin_snapshot(&mut self) -> Result<(), Error> {
        self.check_not_lost()?;
        // The isolation level is set before anything is read, so the question comes in a message of its
        // own.
        self.check_fresh("SELECT now() = statement_timestamp()")?;
        self.simple("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        self.progress = Progress::Open(Savepoints::default());
        Ok(())
    }

    /// Begins the transaction with a read, if the work may be repeated and its reads belong to the
    /// transaction.
    ///
    /// A savepoint is set along with it, in the same round trip. As long as the transaction has only
    /// read, the last commit can go back to it, and needs none of its own.
    fn begin_to_read(&mut self) -> Result<(), Error> {
        if !self.begins_with_reads() {
            return Ok(());
        }
        self.check_not_lost()?;
        self.begin_transaction(Some(&Savepoints::name_ahead()))?;
        self.progress = Progress::Open(Savepoints::ahead());
        Ok(())
    }

    /// Sends what reads. Where it does nothing else, a savepoint that was set ahead stays as good as one set
    /// now.
    pub(crate) fn reading<R>(
        &mut self,
        texts: OwnTexts,
        read: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let is_ahead = matches!(&self.progress, Progress::Open(open) if open.is_ahead());
        let result = read(self)?;
        if let Progress::Open(savepoints) = &mut self.progress {
            savepoints.keep_ahead(is_ahead && !texts.call_functions);
        }
        Ok(result)
    }

    /// Returns the number of round trips that one statement in our transaction takes now, which is opened
    /// for it if it is not open.
    pub(crate) fn round_trips_of_one(&self) -> usize {
        match &self.progress {
            Progress::Open(savepoints) => 1 + usize::from(savepoints.to_set().is_some()),
            Progress::Idle | Progress::Lost => 2,
        }
    }

    /// Opens our transaction, if it is not open.
    ///
    /// # Errors
    ///
    /// As [`begin`](Connection::begin).
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        if self.in_transaction() { Ok(()) } else { self.begin() }
    }
}
