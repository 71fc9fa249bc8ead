//! Writing: plan, commit and flush, and what becomes of the entities then.

use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use super::sent::Sent;
use super::write::{Writer, Written, WrittenChanges, WrittenTable};
use super::{CommitPlan, CommitReport, UnitOfWork, Unknown};
use crate::change_set::{ChangeSet, EntityAt};
use crate::connection::{AttemptReads, Connection, IntoConnection};
use crate::error::{Error, ErrorKind};
use crate::state::Transaction;
use crate::strategy::{Dispatch, Sizes, Strategy};

impl<'c> UnitOfWork<'c> {
    /// Returns the plan of a [`commit`](UnitOfWork::commit) that would be called now: its steps,
    /// statements, rows, bytes and round trips. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Those that `commit` returns before it sends anything: references that lead nowhere, circles that
    /// the strategy cannot write, mistakes in a model.
    pub fn plan(&self) -> Result<CommitPlan, Error> {
        self.check_resolved()?;
        let changes = ChangeSet::collect(&self.arenas, self.stamp, &self.left_out)?;
        let mut attempt = None;
        if !changes.is_empty() {
            let is_in_transaction = !self.connection.is_autocommit();
            let dispatch =
                Dispatch::new(&self.strategy, &changes, Sizes::Needed, is_in_transaction)?;
            attempt = Some(dispatch.foresee()?);
        }
        Ok(CommitPlan::new(
            &self.strategy,
            attempt.as_ref(),
            &self.connection,
            Transaction::Committed,
        ))
    }

    /// Writes what is new, changed or deleted, and ends the transaction.
    ///
    /// `Ok` means that the server has committed. Only then do entities get their keys. A commit with
    /// nothing to write sends nothing.
    ///
    /// # Errors
    ///
    /// After any error the database has nothing of this commit, and the unit of work is as it was:
    /// correct the mistake and commit again. There are three exceptions:
    ///
    /// - [`ErrorKind::UnknownOutcome`]: the connection was lost while the server was committing.
    ///   Further commits are refused until [`resolve_unknown`](UnitOfWork::resolve_unknown).
    /// - [`ErrorKind::ReadBack`], only if one statement is the whole commit, as with
    ///   [`OneTrip`](crate::OneTrip), and with [`Auto`](crate::Auto) for commits that are not large:
    ///   everything is committed, but a server default could not be read into its field.
    /// - When the server refuses COMMIT itself, as for a deferred constraint, it has also undone the
    ///   writes of earlier calls of [`flush`](UnitOfWork::flush). These entities are to be written
    ///   again. If [`sql`](UnitOfWork::sql) has run a statement in the transaction, the statement is
    ///   undone, too, and only you can run it again: further commits are refused with
    ///   [`ErrorKind::Transaction`] until [`rollback`](UnitOfWork::rollback).
    ///
    /// Within a [`savepoint`](UnitOfWork::savepoint), [`ErrorKind::Transaction`].
    pub fn commit(&mut self) -> Result<CommitReport, Error> {
        if !self.savepoints.is_empty() {
            let message = "a commit inside a savepoint would end what is outside of it too";
            return Err(Error::new(ErrorKind::Transaction, message)
                .with_hint("commit when the call of `savepoint` has returned"));
        }
        let call = Call::start(&self.connection);
        let mut written = self.write(Transaction::Committed)?;
        if let Err(error) = self.connection.commit() {
            if error.kind() == ErrorKind::UnknownOutcome {
                self.is_in_database = true;
                for table in &written.tables {
                    self.arenas[table.arena].outcome_unknown(&table.slots, &[], &[]);
                }
                for changes in &written.changed {
                    let WrittenChanges { arena, slots, deleted, .. } = changes;
                    self.arenas[*arena].outcome_unknown(&[], slots, deleted);
                }
                self.unknown = Some(Unknown::Written(written));
            } else {
                self.connection.rollback();
                self.sent = Sent::default();
                self.unflushed();
            }
            return Err(error);
        }
        let report = call.report(&self.strategy, &written, &self.connection);
        self.is_in_database |= report.round_trips > 0;
        let report = report.with(self.take_sent());
        let unread = written.unread.take();
        self.committed(written);
        match unread {
            Some(error) => Err(error.with_kind(ErrorKind::ReadBack).while_doing(
                "the commit has happened, but what the database assigned could not be read",
            )),
            None => Ok(report),
        }
    }

    /// Writes what is new, changed or deleted, without ending the transaction.
    ///
    /// Entities get their keys, and the rows can be queried in this transaction. The transaction stays
    /// open until [`commit`](UnitOfWork::commit) or [`rollback`](UnitOfWork::rollback).
    ///
    /// # Errors
    ///
    /// As [`commit`](UnitOfWork::commit). The writes of earlier flushes stay, unless the connection is
    /// lost.
    pub fn flush(&mut self) -> Result<CommitReport, Error> {
        let report = self.flush_alone()?;
        Ok(report.with(self.take_sent()))
    }

    /// Writes what there is to write, as [`flush`](UnitOfWork::flush) does. The report is of this alone.
    pub(super) fn flush_alone(&mut self) -> Result<CommitReport, Error> {
        let call = Call::start(&self.connection);
        let was_open = self.connection.in_transaction();
        let written = self.write(Transaction::Open)?;
        if written.by.is_some() {
            if let Err(error) = self.connection.release() {
                self.connection.rollback_last();
                self.transaction_ended(was_open);
                return Err(error);
            }
        }
        let report = call.report(&self.strategy, &written, &self.connection);
        if self.connection.in_transaction() {
            self.written(&written, Transaction::Open);
        } else {
            self.written(&written, Transaction::Committed);
        }
        Ok(report)
    }

    /// Discards every change since the last commit. Entities that were added are detached, and what
    /// [`flush`](UnitOfWork::flush) wrote is undone. Entities that were changed are as they were,
    /// and entities that were deleted are back. Handles of detached entities are refused.
    pub fn rollback(&mut self) {
        self.connection.rollback();
        self.unknown = None;
        self.savepoints.clear();
        (self.has_own, self.is_undone) = (false, false);
        self.natural_keys.clear();
        self.sent = Sent::default();
        for arena in self.arenas.values_mut() {
            arena.rolled_back(0);
        }
    }

    /// Tells the unit of work how a commit of unknown outcome has ended. The caller has to find this
    /// out, for instance by looking for a row of the commit over a new connection.
    ///
    /// A row that is not there may still appear as long as the old session is listed in
    /// `pg_stat_activity`.
    ///
    /// If it was committed, entities get their keys. Otherwise they are to be written again, as before
    /// the commit. Values that the database assigned in the statement whose answer was lost cannot be
    /// known. This is so with [`OneTrip`](crate::OneTrip), with [`Auto`](crate::Auto) for commits that
    /// are not large, and for commits of changes alone. The entities that the statement wrote then
    /// leave the unit of work. Load them again by another unique value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transaction`] when no outcome is unknown.
    pub fn resolve_unknown(&mut self, was_committed: bool) -> Result<(), Error> {
        match (self.unknown.take(), was_committed) {
            (None, _) => {
                let message = "no commit of this unit of work has an unknown outcome";
                return Err(Error::new(ErrorKind::Transaction, message));
            }
            (Some(_), false) => {
                self.unflushed();
            }
            (Some(Unknown::Written(written)), true) => self.committed(written),
            (Some(Unknown::KeysLost), true) => {
                for arena in self.arenas.values_mut() {
                    arena.answer_lost();
                }
            }
        }
        Ok(())
    }

    /// Continues on another connection, with all entities. A transaction that is open on the old
    /// connection is rolled back, and entities that were flushed in it are to be written again. An
    /// unknown outcome remains to be resolved.
    ///
    /// The unit of work borrows the connection, so declare the client before the unit of work.
    pub fn reconnect(&mut self, connection: impl IntoConnection<'c>) {
        self.connection.rollback();
        self.connection = connection.into_connection();
        self.savepoints.clear();
        self.sent = Sent::default();
        if self.unknown.is_none() {
            self.unflushed();
        }
    }

    /// Writes what is new in a transaction, or in a savepoint where a transaction is open. Undoes it on
    /// errors and panics.
    ///
    /// `then` is what becomes of the transaction. Where the transaction is committed, and the strategy
    /// needs one statement only, that statement is the transaction.
    fn write(&mut self, then: Transaction) -> Result<Written, Error> {
        self.check_resolved()?;
        let was_open = self.connection.in_transaction();
        let Self {
            arenas, stamp, strategy, connection, budget, on_progress, sent, left_out, ..
        } = self;
        let before = connection.round_trips() - sent.round_trips;
        let (stamp, budget, transaction) = (*stamp, *budget, then);
        let writer = Writer { arenas, stamp, left_out, strategy, transaction, budget, before };
        connection.take_committed();
        let write = || writer.write(connection, on_progress.as_deref_mut());
        let result = match panic::catch_unwind(AssertUnwindSafe(write)) {
            Ok(result) => result,
            Err(payload) => {
                // A model or a callback has panicked. Entities of what is committed must not be
                // written again.
                if self.connection.take_committed() {
                    self.forget_all();
                } else {
                    self.transaction_ended(was_open);
                }
                panic::resume_unwind(payload);
            }
        };
        let Err(error) = result else { return result };
        match error.kind() {
            ErrorKind::UnknownOutcome => {
                self.is_in_database = true;
                self.all_outcome_unknown();
                self.unknown = Some(Unknown::KeysLost);
            }
            // The rows are there, under keys that could not be read.
            ErrorKind::ReadBack => self.forget_all(),
            _ => self.transaction_ended(was_open),
        }
        if error.kind() == ErrorKind::Stale {
            return Err(self.connection.conflict(error));
        }
        Err(error)
    }

    /// Returns what own statements and reads under a lock have sent since the last report.
    fn take_sent(&mut self) -> Sent {
        std::mem::take(&mut self.sent)
    }

    /// Marks what was flushed as new again, if the transaction has ended or the connection is lost.
    /// Inside of savepoints this waits until the work of the outermost is undone. Until then nothing more
    /// is written, if the transaction `was_open` before the call that has ended it.
    pub(super) fn transaction_ended(&mut self, was_open: bool) {
        if self.connection.in_transaction() {
            return;
        }
        if self.savepoints.is_empty() {
            self.unflushed();
        } else {
            self.is_undone |= was_open;
        }
    }

    /// Detaches everything that there was to write: it is committed, nobody knows what the database
    /// assigned, and another commit would write it twice.
    fn forget_all(&mut self) {
        self.is_in_database = true;
        self.all_outcome_unknown();
        for arena in self.arenas.values_mut() {
            arena.answer_lost();
        }
    }

    /// Notes that everything that there was to write may have been written.
    fn all_outcome_unknown(&mut self) {
        let changed: Vec<_> = match ChangeSet::collect(&self.arenas, self.stamp, &self.left_out) {
            Ok(changes) => {
                changes.changed().iter().map(|c| (c.model(), c.slots().to_vec())).collect()
            }
            Err(_) => Vec::new(),
        };
        for (model, arena) in self.arenas.values_mut().enumerate() {
            let is_written = |&slot: &u32| !self.left_out.contains(&EntityAt { model, slot });
            let pending: Vec<u32> = arena.pending().iter().copied().filter(is_written).collect();
            let mut deleted = arena.marked_for_deletion();
            deleted.retain(is_written);
            arena.outcome_unknown(&pending, &[], &deleted);
        }
        for (model, slots) in changed {
            self.arenas[model].outcome_unknown(&[], &slots, &[]);
        }
    }

    /// Tells the connection that what follows may be repeated in another unit of work.
    pub(crate) fn begin_attempt(&mut self, name: String, reads: AttemptReads) {
        self.connection.begin_attempt(name, reads);
    }

    /// Commits the work of an attempt, which is over then: where that fails, all of it is undone.
    pub(crate) fn commit_attempt(&mut self) -> Result<CommitReport, Error> {
        self.connection.last_commit();
        self.commit()
    }

    /// Undoes an attempt that has failed. Returns the conflict with another transaction that it failed
    /// for, if another attempt is worth it: it must have left nothing in the database.
    pub(crate) fn end_attempt(mut self) -> Option<Error> {
        self.connection.rollback();
        let conflict = self.connection.end_attempt();
        conflict.filter(|_| !self.is_in_database)
    }

    /// Tells the entities what `transaction` has written of them.
    fn written(&mut self, written: &Written, transaction: Transaction) {
        for WrittenTable { arena, slots, found, write_back, .. } in &written.tables {
            self.arenas[*arena].inserted(slots, write_back, transaction);
            self.arenas[*arena].resolutions_mut().note_found(found);
        }
        self.natural_keys.clear();
        for WrittenChanges { arena, slots, write_back, deleted, .. } in &written.changed {
            self.arenas[*arena].updated(slots, write_back, transaction);
            self.arenas[*arena].deleted(deleted, transaction);
        }
    }

    /// Tells all entities that the transaction is committed, which has `written` last.
    fn committed(&mut self, written: Written) {
        self.written(&written, Transaction::Committed);
        self.has_own = false;
        for arena in self.arenas.values_mut() {
            arena.committed();
        }
    }

    /// Marks what was flushed as new again, and notes that the caller's own statements are undone, which
    /// only the caller can run again.
    fn unflushed(&mut self) {
        for arena in self.arenas.values_mut() {
            arena.unflushed();
        }
        self.is_undone |= std::mem::take(&mut self.has_own);
    }
}

/// The start of a call, which its report measures from.
struct Call {
    started: Instant,
    /// What the connection had sent before the call.
    before: Sent,
}

impl Call {
    fn start(connection: &Connection<'_>) -> Call {
        Call { started: Instant::now(), before: Sent::by(connection) }
    }

    fn report(
        self,
        strategy: &Strategy,
        written: &Written,
        connection: &Connection<'_>,
    ) -> CommitReport {
        let by = written.by.as_ref();
        let sent = Sent::by(connection).since(self.before);
        CommitReport {
            strategy: strategy.name().to_owned(),
            written_by: by.map_or(strategy.name(), |by| &*by.name).to_owned(),
            way: by.map(|by| (by.way, by.reason.clone())),
            rows: written.rows(),
            found_rows: written.tables.iter().map(|table| table.found.len()).sum(),
            updated_rows: written.changed.iter().map(|changes| changes.updated_rows).sum(),
            deleted_rows: written.changed.iter().map(|changes| changes.deleted.len()).sum(),
            statements: sent.statements,
            round_trips: sent.round_trips,
            elapsed: self.started.elapsed(),
        }
    }
}
