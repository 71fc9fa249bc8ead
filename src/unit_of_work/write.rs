//! Writing what is new, up to where the entities would get to know.

use std::collections::HashSet;

use postgres::error::SqlState;

use super::CommitPlan;
use crate::arena::Arenas;
use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{ChangeSet, ChangedRows, EntityAt, Extent, NewRows};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::flush::{Flush, OnProgress};
use crate::flush_plan::{PlannedTable, counted, plural};
use crate::handle::Stamp;
use crate::model::{Assigned, Table};
use crate::one_statement::Outcome;
use crate::state::Transaction;
use crate::strategy::{Attempt, Dispatch, Reason, Sizes, Strategy, Way};
use crate::write_back::WriteBack;

/// What was written and is yet to be given back to the entities.
pub(super) struct Written {
    pub(super) tables: Vec<WrittenTable>,
    pub(super) changed: Vec<WrittenChanges>,
    /// How it was written, unless there was nothing to write.
    pub(super) by: Option<WrittenBy>,
    /// Why not everything can be given back, after a commit that cannot be undone.
    pub(super) unread: Option<Error>,
}

/// How something was written.
pub(super) struct WrittenBy {
    pub(super) name: String,
    pub(super) way: Way,
    pub(super) reason: Reason,
}

pub(super) struct WrittenTable {
    /// The position of the model's arena.
    pub(super) arena: usize,
    pub(super) table: &'static str,
    /// The slots of the entities, in ascending order.
    pub(super) slots: Vec<u32>,
    /// The slots of those whose rows were there already.
    pub(super) found: Vec<u32>,
    pub(super) write_back: WriteBack,
}

/// The updated and deleted entities of one model.
pub(super) struct WrittenChanges {
    pub(super) arena: usize,
    /// The entities that get something back; `write_back` has a row for each.
    pub(super) slots: Vec<u32>,
    pub(super) write_back: WriteBack,
    pub(super) deleted: Vec<u32>,
    /// The number of rows updated.
    pub(super) updated_rows: usize,
}

impl Written {
    fn by(attempt: Option<&Attempt<'_>>) -> Written {
        let by = attempt.map(|attempt| WrittenBy {
            name: attempt.written_by().to_owned(),
            way: attempt.way,
            reason: attempt.reason.clone(),
        });
        Written { tables: Vec::new(), changed: Vec::new(), by, unread: None }
    }

    fn push(
        &mut self,
        changes: &ChangeSet<'_>,
        assigned: &Assignments,
        rows: RowsOf,
        write_back: WriteBack,
    ) {
        match rows {
            RowsOf::New(table) => {
                let rows = &changes.tables()[table];
                let found = assigned.found(table).map(|row| rows.slots()[row as usize]);
                self.tables.push(WrittenTable::new(rows, found.collect(), write_back));
            }
            RowsOf::Changed(changed) => {
                self.changed.push(WrittenChanges::new(&changes.changed()[changed], write_back));
            }
        }
    }
}

impl Written {
    /// Returns the number of rows by table, those of one table together.
    pub(super) fn rows(&self) -> Vec<(&'static str, usize)> {
        let mut rows: Vec<(&'static str, usize)> = Vec::new();
        for written in &self.tables {
            match rows.iter_mut().find(|(table, _)| *table == written.table) {
                Some((_, count)) => *count += written.slots.len() - written.found.len(),
                None => rows.push((written.table, written.slots.len() - written.found.len())),
            }
        }
        rows
    }
}

impl WrittenChanges {
    fn new(rows: &ChangedRows<'_>, write_back: WriteBack) -> WrittenChanges {
        WrittenChanges {
            arena: rows.model(),
            slots: rows.slots().to_vec(),
            write_back,
            deleted: rows.deleted().to_vec(),
            updated_rows: rows.updated().len(),
        }
    }
}

impl WrittenTable {
    fn new(rows: &NewRows<'_>, found: Vec<u32>, write_back: WriteBack) -> WrittenTable {
        WrittenTable {
            arena: rows.model(),
            table: rows.table().name(),
            slots: rows.slots().to_vec(),
            found,
            write_back,
        }
    }
}

/// Says in an error of the server what the models know: their table, where the server names a partition
/// or a table that refers to it, and what the usual cause is of a key that is there already.
fn explain(error: Error, changes: &ChangeSet<'_>) -> Error {
    let new = changes.tables().iter().map(|rows| rows.table());
    let changed = changes.changed().iter().map(|rows| rows.table());
    let tables: Vec<&'static Table> = new.clone().chain(changed).collect();
    let named = error.table().map(str::to_owned);
    let is_ours = tables.iter().any(|table| named.as_deref() == Some(table.name()));
    let whole = tables.iter().find(|table| error.whole_table() == Some(table.name()));
    let error = match (&tables[..], whole) {
        _ if is_ours || named.is_none() => error,
        (_, Some(whole)) => error.of_shard_of(whole.name()),
        ([only, rest @ ..], None) if rest.iter().all(|table| table.is(only)) => {
            error.of_table(only.name())
        }
        _ => error,
    };
    let error = name_only(error, changes, &tables);
    let resolved: Vec<&'static Table> = changes
        .tables()
        .iter()
        .filter(|rows| rows.resolution().is_some())
        .map(|rows| rows.table())
        .collect();
    let error = match (error.sqlstate().map(|code| code.code()), &resolved[..]) {
        (_, []) => error,
        (Some("21000"), _) => {
            of_one(error.with_kind(ErrorKind::Conflict), &resolved).hinting(
                "two new entities are one row for the database, which takes two spellings of their \
                 natural key for equal: keep one of them",
            )
        }
        (Some("42P10" | "55000"), _) => of_one(error, &resolved).hinting(
            "a natural key needs a unique index of exactly its columns, which is neither partial nor \
             deferrable; `Verify` finds out whether there is one",
        ),
        (Some("42501"), _) => error.hinting(
            "to find or add rows takes the privileges SELECT, INSERT and UPDATE on their table, and \
                 policies that show the rows that are there",
        ),
        _ => error,
    };
    let is_assigned = |table: &Table| {
        table.key().iter().any(|&column| {
            let assigned = table.columns()[column].assigned_by();
            matches!(assigned, Some(Assigned::OwnedSequence | Assigned::Sequence(_)))
        })
    };
    let mut of_error = new.filter(|table| error.table() == Some(table.name()));
    let is_key = error.constraint().is_some_and(|name| name.ends_with("_pkey"));
    if error.sqlstate() == Some(&SqlState::UNIQUE_VIOLATION) && is_key && of_error.any(is_assigned)
    {
        // The usual cause: rows were once inserted with keys of their own.
        return error
            .with_hint("if the database assigned the key, its sequence is behind the table");
    }
    error
}

/// Names the table that a refused value is of, if there is one table only, and the entity, if there is
/// one only.
fn name_only(error: Error, changes: &ChangeSet<'_>, tables: &[&'static Table]) -> Error {
    if !error.is_about_rows() {
        return error;
    }
    // What a function has found can be about what it writes itself.
    let is_own = error.sqlstate().is_some_and(|code| !code.code().starts_with('2'));
    let error = match is_own || !error.is_within_function() {
        true => of_one(error, tables),
        false => error,
    };
    let mut entities = changes.all_rows().flat_map(|rows| changes.written_in(rows)).take(2);
    match (error.entity_handle(), entities.next(), entities.next()) {
        (None, Some(only), None) => error.with_entity(changes.handle(only)),
        _ => error,
    }
}

/// Names the table in an error, if it is the only one.
fn of_one(error: Error, tables: &[&'static Table]) -> Error {
    match tables {
        [only, rest @ ..] if rest.iter().all(|table| table.is(only)) => {
            error.with_table(only.name())
        }
        _ => error,
    }
}

/// Writes what a unit of work has to write.
pub(super) struct Writer<'a> {
    pub(super) arenas: &'a Arenas,
    pub(super) stamp: Stamp,
    /// The entities that are not written this time.
    pub(super) left_out: &'a HashSet<EntityAt>,
    pub(super) strategy: &'a Strategy,
    /// What becomes of the transaction.
    pub(super) transaction: Transaction,
    /// The most round trips that the call may take, with those before it that count towards it.
    pub(super) budget: Option<usize>,
    /// The round trips that the connection had taken before those that count.
    pub(super) before: u64,
}

impl<'a> Writer<'a> {
    /// Returns the part of writing that leaves the entities alone.
    pub(super) fn write(
        &self,
        connection: &mut Connection<'_>,
        on_progress: Option<&mut OnProgress<'static>>,
    ) -> Result<Written, Error> {
        let changes = ChangeSet::collect(self.arenas, self.stamp, self.left_out)?;
        if changes.is_empty() {
            // An entity can still name another by its handle, of which the database has the key.
            let none = Assignments::default();
            return give_back(&changes, &[], &none, Written::by(None));
        }
        self.write_changes(&changes, connection, on_progress)
            .map_err(|error| explain(error, &changes))
    }

    fn write_changes(
        &self,
        changes: &ChangeSet<'_>,
        connection: &mut Connection<'_>,
        mut on_progress: Option<&mut OnProgress<'static>>,
    ) -> Result<Written, Error> {
        let before = self.before;
        let sizes = if self.budget.is_some() { Sizes::Needed } else { Sizes::IfAsked };
        let is_in_transaction = !self.is_whole_transaction(connection);
        let mut dispatch = Dispatch::new(self.strategy, changes, sizes, is_in_transaction)?;
        let foreseen = dispatch.foresee()?;
        self.check_budget(&foreseen, connection, before)?;
        let mut attempt = dispatch.first(foreseen, connection)?;
        loop {
            self.check_budget(&attempt, connection, before)?;
            let on_progress = on_progress.as_deref_mut();
            attempt = match self.attempt(changes, &attempt, connection, on_progress) {
                Ok(Some(written)) => return Ok(written),
                Ok(None) => dispatch.after_guard(&attempt, connection)?,
                // What is committed, or may be, is never tried again; nor is anything where there is
                // no connection any more.
                Err(error) if connection.has_committed() || connection.is_lost() => {
                    dispatch.after_loss(&error);
                    return Err(error);
                }
                Err(error) => match dispatch.after_error(&attempt, &error, connection)? {
                    Some(next) => next,
                    None => return Err(error),
                },
            };
        }
    }

    /// Returns `true` if nothing of the transaction comes before or after what is written.
    fn is_whole_transaction(&self, connection: &Connection<'_>) -> bool {
        self.transaction == Transaction::Committed && connection.is_autocommit()
    }

    /// Finds out whether an attempt stays within the budget, together with what was sent since the
    /// connection had taken so many round trips.
    fn check_budget(
        &self,
        attempt: &Attempt<'_>,
        connection: &Connection<'_>,
        before: u64,
    ) -> Result<(), Error> {
        let Some(budget) = self.budget else { return Ok(()) };
        let used = (connection.round_trips() - before) as usize;
        let planned = CommitPlan::new(self.strategy, Some(attempt), connection, self.transaction);
        let trips = used + planned.round_trips();
        if trips <= budget {
            return Ok(());
        }
        let rows = planned.rows() + planned.updated_rows() + planned.deleted_rows();
        let by = attempt.written_by();
        let message = match used {
            0 => format!(
                "writing {} by {by} takes {}, and the budget is {budget}",
                counted(rows),
                plural(trips, "round trip")
            ),
            _ => format!(
                "after {}, writing {} by {by} takes {} more, and the budget is {budget}{}",
                plural(used, "round trip"),
                counted(rows),
                planned.round_trips(),
                match &attempt.reason {
                    Reason::Strategy | Reason::Size => String::new(),
                    reason => format!(": {reason}"),
                }
            ),
        };
        Err(Error::new(ErrorKind::Budget, message))
    }

    /// Writes by one way. Gives nothing where that way has found out by itself that it would not
    /// mean the same; then nothing was written.
    fn attempt(
        &self,
        changes: &ChangeSet<'_>,
        attempt: &Attempt<'_>,
        connection: &mut Connection<'_>,
        on_progress: Option<&mut OnProgress<'static>>,
    ) -> Result<Option<Written>, Error> {
        if self.is_whole_transaction(connection) && attempt.is_alone() {
            let flush = Flush::new(&attempt.plan, changes, connection, on_progress)
                .in_autocommit()
                .with_defaults_checked(attempt.checks_defaults)
                .with_rows_distributed(attempt.is_distributed)
                .with_one_connection(attempt.is_sequential);
            return self.write_and_commit(changes, attempt, flush);
        }
        connection.begin()?;
        let mut undo = UndoOnDrop { connection, armed: true };
        let mut flush = Flush::new(&attempt.plan, changes, undo.connection, on_progress)
            .with_defaults_checked(attempt.checks_defaults)
            .with_rows_distributed(attempt.is_distributed)
            .with_one_connection(attempt.is_sequential);
        if attempt.write(&mut flush)? == Outcome::Refused {
            return Ok(None);
        }
        self.strategy.have_default_keys(flush.with_default_keys());
        let assigned = flush.finish()?;
        undo.connection.check_transaction()?;
        let mut written =
            give_back(changes, attempt.plan.tables(), &assigned, Written::by(Some(attempt)))?;
        // Whatever cannot be taken over has to be found before the commit.
        if let Some(error) = written.unread.take() {
            return Err(error);
        }
        undo.armed = false;
        Ok(Some(written))
    }

    /// The same in one statement that is a transaction of its own.
    fn write_and_commit(
        &self,
        changes: &ChangeSet<'_>,
        attempt: &Attempt<'_>,
        mut flush: Flush<'_, '_>,
    ) -> Result<Option<Written>, Error> {
        let tables = attempt.plan.tables();
        // What is committed cannot be undone, so an error can only be reported.
        let committed = |error: Error, is_committed: bool| match is_committed {
            true => error.with_kind(ErrorKind::ReadBack),
            false => error,
        };
        match attempt.write(&mut flush) {
            Ok(Outcome::Refused) => {
                flush.nothing_was_written();
                return Ok(None);
            }
            Ok(Outcome::Written) => {}
            Err(error) => return Err(committed(error, flush.is_committed())),
        }
        self.strategy.have_default_keys(flush.with_default_keys());
        let is_committed = flush.is_committed();
        flush
            .finish()
            .and_then(|assigned| give_back(changes, tables, &assigned, Written::by(Some(attempt))))
            .map(Some)
            .map_err(|error| committed(error, is_committed))
    }
}

/// Adds what the entities get back. Where they could not take all of it, they get the keys, and
/// `unread` says why.
fn give_back(
    changes: &ChangeSet<'_>,
    planned: &[PlannedTable],
    assigned: &Assignments,
    mut written: Written,
) -> Result<Written, Error> {
    for rows in changes.all_rows() {
        let left = match rows {
            RowsOf::New(table) => planned.get(table).map(PlannedTable::left_by_all),
            RowsOf::Changed(_) => None,
        };
        let left = left.unwrap_or_default();
        let write_back = changes.write_back(rows, &left, assigned, Extent::Everything)?;
        let write_back = match changes.can_take(rows, &write_back) {
            Ok(()) => write_back,
            Err(error) => {
                written.unread.get_or_insert(error);
                changes.write_back(rows, &left, assigned, Extent::Keys)?
            }
        };
        written.push(changes, assigned, rows, write_back);
    }
    Ok(written)
}

/// Undoes what was written since the last `begin`, also when a strategy or a model panics.
struct UndoOnDrop<'a, 'c> {
    connection: &'a mut Connection<'c>,
    armed: bool,
}

impl Drop for UndoOnDrop<'_, '_> {
    fn drop(&mut self) {
        if self.armed {
            self.connection.rollback_last();
        }
    }
}
