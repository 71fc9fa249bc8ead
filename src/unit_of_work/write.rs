//! Writing what is new, up to where the entities would get to know.

use std::sync::Arc;

use postgres::error::SqlState;

use super::CommitPlan;
use crate::assignments::Assignments;
use crate::change_set::{Arenas, ChangeSet, ChangedRows, Extent, NewRows};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::FlushPlan;
use crate::handle::Stamp;
use crate::insert_strategy::{
    Auto, Flush, InsertStrategy, OnProgress, OneTrip, Part, is_everything, write_changes,
};
use crate::planned_table::PlannedTable;
use crate::write_back::WriteBack;

/// What was written and is yet to be given back to the entities.
pub(super) struct Written {
    pub(super) tables: Vec<WrittenTable>,
    pub(super) changed: Vec<WrittenChanges>,
    /// The strategy that wrote it, unless there was nothing to write.
    pub(super) by: Option<String>,
    /// Why not everything can be given back, after a commit that cannot be undone.
    pub(super) unread: Option<Error>,
}

pub(super) struct WrittenTable {
    /// The position of the model's arena.
    pub(super) arena: usize,
    pub(super) table: &'static str,
    pub(super) rows: usize,
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
    fn by(strategy: Option<&dyn InsertStrategy>) -> Written {
        let by = strategy.map(|strategy| strategy.name().to_owned());
        Written { tables: Vec::new(), changed: Vec::new(), by, unread: None }
    }

    fn push(&mut self, changes: &ChangeSet<'_>, table: usize, write_back: WriteBack) {
        match changes.tables().get(table) {
            Some(rows) => self.tables.push(WrittenTable::new(rows, write_back)),
            None => {
                let rows = &changes.changed()[table - changes.tables().len()];
                self.changed.push(WrittenChanges::new(rows, write_back));
            }
        }
    }
}

impl WrittenChanges {
    fn new(rows: &ChangedRows<'_>, write_back: WriteBack) -> WrittenChanges {
        let deleted = rows.deletes().iter().flat_map(|group| group.slots.iter().copied());
        WrittenChanges {
            arena: rows.model(),
            slots: rows.slots().to_vec(),
            write_back,
            deleted: deleted.collect(),
            updated_rows: rows.updates().iter().map(|group| group.rows.len()).sum(),
        }
    }
}

impl WrittenTable {
    fn new(rows: &NewRows<'_>, write_back: WriteBack) -> WrittenTable {
        WrittenTable {
            arena: rows.model(),
            table: rows.table().name(),
            rows: rows.len(),
            write_back,
        }
    }
}

/// Writes the new rows of a unit of work.
pub(super) struct Writer<'a> {
    pub(super) arenas: &'a Arenas,
    pub(super) stamp: Stamp,
    pub(super) strategy: &'a dyn InsertStrategy,
    /// The call ends the transaction.
    pub(super) ends: bool,
    /// The most round trips that the call may take.
    pub(super) budget: Option<usize>,
}

/// A strategy that can write the rows, and the plan by which it would.
type Candidate<'a> = (&'a dyn InsertStrategy, FlushPlan);

/// Strategies, whose plans are made when it is their turn.
pub(super) struct Candidates<'a, 'c> {
    changes: &'c ChangeSet<'c>,
    tables: Arc<[PlannedTable]>,
    strategies: std::vec::IntoIter<&'a dyn InsertStrategy>,
    /// Why the first of those failed that cannot write the rows.
    circle: Option<Error>,
}

impl<'a> Candidates<'a, '_> {
    /// The next strategy that can write the rows.
    fn next(&mut self) -> Result<Option<Candidate<'a>>, Error> {
        for strategy in self.strategies.by_ref() {
            match FlushPlan::new(self.changes, Arc::clone(&self.tables), strategy.cycles()) {
                Ok(plan) => return Ok(Some((strategy, plan))),
                Err(error) if error.kind() == ErrorKind::Cycle => {
                    self.circle.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The best one.
    ///
    /// # Errors
    ///
    /// When there is none: the circle that the first cannot write.
    pub(super) fn first(&mut self) -> Result<Candidate<'a>, Error> {
        let none = || Error::new(ErrorKind::Model, "no strategy can write these rows");
        match self.next()? {
            Some(candidate) => Ok(candidate),
            None => Err(self.circle.take().unwrap_or_else(none)),
        }
    }
}

impl<'a> Writer<'a> {
    /// The part of writing that leaves the entities alone.
    pub(super) fn write(
        &self,
        connection: &mut Connection<'_>,
        mut on_progress: Option<&mut OnProgress<'static>>,
    ) -> Result<Written, Error> {
        let changes = ChangeSet::collect(self.arenas, self.stamp)?;
        if changes.is_empty() {
            // An entity can still name another by its handle, of which the database has the key.
            let none = Assignments::default();
            return give_back(&changes, &[], &none, Written::by(None));
        }
        let rows = changes.tables().iter().map(NewRows::len).sum();
        let needs_bytes = self.budget.is_some() || self.strategy.needs_bytes(rows);
        let mut candidates = self.candidates(&changes, needs_bytes)?;
        let (mut strategy, mut plan) = candidates.first()?;
        loop {
            self.check_budget(strategy, &plan, connection)?;
            let on_progress = on_progress.as_deref_mut();
            match self.attempt(&changes, &plan, strategy, connection, on_progress) {
                Err(error)
                    if self.strategy.tries_next(&plan, &error)
                        || self.is_of_order(&error, strategy, &changes) =>
                {
                    let Some(next) = candidates.next()? else { return Err(error) };
                    (strategy, plan) = next;
                }
                result => return result,
            }
        }
    }

    /// The strategies that can write these rows, the best first. Plans need bytes where they are to
    /// be looked at.
    pub(super) fn candidates<'c>(
        &self,
        changes: &'c ChangeSet<'c>,
        needs_bytes: bool,
    ) -> Result<Candidates<'a, 'c>, Error> {
        let tables = (0..changes.tables().len())
            .map(|table| PlannedTable::survey(changes, table, needs_bytes))
            .collect::<Result<Arc<[_]>, Error>>()?;
        let mut strategies = match tables.is_empty() {
            false => self.strategy.alternatives(&tables),
            // Strategies differ in how they insert. Changes alone are one statement.
            true => vec![&OneTrip as &dyn InsertStrategy],
        };
        if strategies.is_empty() {
            strategies.push(self.strategy);
        }
        if self.gives_way(changes) {
            // Which circles are refused does not depend on it.
            FlushPlan::new(changes, Arc::clone(&tables), self.strategy.cycles())?;
            strategies.retain(|strategy| !strategy.writes_changes());
            // An order may do after all. It is tried first where one statement would be too large, and
            // else where the server refuses that.
            let first = if Auto::fits_one_statement(&tables) { 0 } else { strategies.len() };
            strategies.insert(first, &OneTrip);
        }
        Ok(Candidates { changes, tables, strategies: strategies.into_iter(), circle: None })
    }

    /// Whether one statement may be written in the strategy's place, for want of an order.
    fn gives_way(&self, changes: &ChangeSet<'_>) -> bool {
        changes.needs_one_statement() && self.strategy.gives_way()
    }

    /// Whether a constraint may be violated for nothing but the order of a strategy's statements.
    fn is_of_order(
        &self,
        error: &Error,
        strategy: &dyn InsertStrategy,
        changes: &ChangeSet<'_>,
    ) -> bool {
        let codes = [SqlState::FOREIGN_KEY_VIOLATION, SqlState::UNIQUE_VIOLATION];
        self.gives_way(changes)
            && !strategy.writes_changes()
            && error.sqlstate().is_some_and(|code| codes.contains(code))
    }

    fn check_budget(
        &self,
        strategy: &dyn InsertStrategy,
        plan: &FlushPlan,
        connection: &Connection<'_>,
    ) -> Result<(), Error> {
        let Some(budget) = self.budget else { return Ok(()) };
        let planned = CommitPlan::new(self.strategy, Some((strategy, plan)), connection, self.ends);
        if planned.round_trips() <= budget {
            return Ok(());
        }
        let rows = plan.rows() + plan.updated_rows() + plan.deleted_rows();
        let trips = planned.round_trips();
        let message = format!(
            "writing {rows} rows by {} takes {trips} round trips, and the budget is {budget}",
            strategy.name()
        );
        Err(Error::new(ErrorKind::Budget, message))
    }

    fn attempt(
        &self,
        changes: &ChangeSet<'_>,
        plan: &FlushPlan,
        strategy: &dyn InsertStrategy,
        connection: &mut Connection<'_>,
        mut on_progress: Option<&mut OnProgress<'static>>,
    ) -> Result<Written, Error> {
        if self.ends && connection.is_autocommit() && is_everything(strategy, plan) {
            let on_progress = on_progress.as_deref_mut();
            let flush = Flush::new(plan, changes, connection, on_progress, true);
            match write_and_commit(changes, strategy, flush) {
                // Nothing was written. It may just look as if the transaction were somebody
                // else's; `begin` knows for certain.
                Err(error) if error.kind() == ErrorKind::Transaction => {}
                result => return result,
            }
        }
        connection.begin()?;
        let mut undo = UndoOnDrop { connection, armed: true };
        let mut flush = Flush::new(plan, changes, undo.connection, on_progress, false);
        if strategy.writes_changes() {
            strategy.insert(&mut flush)?;
        } else {
            write_changes(&mut flush, Part::Before)?;
            strategy.insert(&mut flush)?;
            write_changes(&mut flush, Part::After)?;
            flush.changed();
        }
        let assigned = flush.finish()?;
        undo.connection.check_transaction()?;
        let mut written =
            give_back(changes, plan.tables(), &assigned, Written::by(Some(strategy)))?;
        // Whatever cannot be taken over has to be found before the commit.
        if let Some(error) = written.unread.take() {
            return Err(error);
        }
        undo.armed = false;
        Ok(written)
    }
}

/// The same in one statement that is a transaction of its own.
fn write_and_commit(
    changes: &ChangeSet<'_>,
    strategy: &dyn InsertStrategy,
    mut flush: Flush<'_, '_>,
) -> Result<Written, Error> {
    if let Err(error) = strategy.insert(&mut flush) {
        // The guard's doubt about the transaction means that nothing was written.
        let is_written = flush.is_committed() && error.kind() != ErrorKind::Transaction;
        return Err(if is_written { error.with_kind(ErrorKind::ReadBack) } else { error });
    }
    let (is_committed, tables) = (flush.is_committed(), flush.plan().tables());
    flush
        .finish()
        .and_then(|assigned| give_back(changes, tables, &assigned, Written::by(Some(strategy))))
        // What is committed cannot be undone, so an error can only be reported.
        .map_err(|error| if is_committed { error.with_kind(ErrorKind::ReadBack) } else { error })
}

/// Adds what the entities get back. Where they could not take all of it, they get the keys, and
/// `unread` says why.
fn give_back(
    changes: &ChangeSet<'_>,
    planned: &[PlannedTable],
    assigned: &Assignments,
    mut written: Written,
) -> Result<Written, Error> {
    for table in 0..changes.updated_table(changes.changed().len()) {
        let left = planned.get(table).map(PlannedTable::left_by_all).unwrap_or_default();
        let write_back = changes.write_back(table, &left, assigned, Extent::Everything)?;
        let write_back = match changes.check(table, &write_back) {
            Ok(()) => write_back,
            Err(error) => {
                written.unread.get_or_insert(error);
                changes.write_back(table, &left, assigned, Extent::Keys)?
            }
        };
        written.push(changes, table, write_back);
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
