//! Writing what is new, up to where the entities would get to know.

use crate::change_set::{Arenas, ChangeSet, Extent, NewRows};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::FlushPlan;
use crate::handle::Stamp;
use crate::insert_strategy::{Flush, InsertStrategy};
use crate::write_back::WriteBack;

/// What was written and is yet to be given back to the entities.
pub(super) struct Written {
    pub(super) tables: Vec<WrittenTable>,
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

/// The part of writing that leaves the entities alone.
pub(super) fn write(
    arenas: &Arenas,
    stamp: Stamp,
    strategy: &dyn InsertStrategy,
    connection: &mut Connection<'_>,
    ends: bool,
) -> Result<Written, Error> {
    let changes = ChangeSet::collect(arenas, stamp)?;
    let mut written = Written { tables: Vec::new(), unread: None };
    if changes.is_empty() {
        return Ok(written);
    }
    let plan = FlushPlan::new(&changes, strategy.cycles())?;
    if ends && connection.is_autocommit() && strategy.is_one_statement(&plan) {
        match write_and_commit(&changes, &plan, strategy, connection) {
            // Nothing was written. It may just look as if the transaction were somebody else's;
            // `begin` knows for certain.
            Err(error) if error.kind() == ErrorKind::Transaction => {}
            result => return result,
        }
    }
    if let Err(error) = connection.begin() {
        // A savepoint is refused where the transaction was aborted before, as by a query.
        connection.rollback();
        return Err(error);
    }
    let mut undo = UndoOnDrop { connection, armed: true };
    let mut flush = Flush::new(&plan, &changes, undo.connection, false);
    strategy.insert(&mut flush)?;
    let assigned = flush.finish()?;
    undo.connection.check_transaction()?;
    for (index, rows) in changes.tables().iter().enumerate() {
        let write_back = changes.write_back(index, &assigned, Extent::Everything)?;
        // Whatever cannot be taken over has to be found before the commit.
        rows.check(&write_back)?;
        written.tables.push(WrittenTable::new(rows, write_back));
    }
    undo.armed = false;
    Ok(written)
}

/// The same in one statement that is a transaction of its own.
fn write_and_commit(
    changes: &ChangeSet<'_>,
    plan: &FlushPlan,
    strategy: &dyn InsertStrategy,
    connection: &mut Connection<'_>,
) -> Result<Written, Error> {
    let mut flush = Flush::new(plan, changes, connection, true);
    if let Err(error) = strategy.insert(&mut flush) {
        // The guard's doubt about the transaction means that nothing was written.
        let is_written = flush.is_committed() && error.kind() != ErrorKind::Transaction;
        return Err(if is_written { error.with_kind(ErrorKind::ReadBack) } else { error });
    }
    give_back(changes, flush).map_err(|error| error.with_kind(ErrorKind::ReadBack))
}

/// What a committed statement gives back. It cannot be undone, so an error can only be reported.
fn give_back(changes: &ChangeSet<'_>, flush: Flush<'_, '_>) -> Result<Written, Error> {
    let mut written = Written { tables: Vec::new(), unread: None };
    let assigned = flush.finish()?;
    for (index, rows) in changes.tables().iter().enumerate() {
        let write_back = changes.write_back(index, &assigned, Extent::Everything)?;
        let write_back = match rows.check(&write_back) {
            Ok(()) => write_back,
            Err(error) => {
                written.unread.get_or_insert(error);
                changes.write_back(index, &assigned, Extent::Keys)?
            }
        };
        written.tables.push(WrittenTable::new(rows, write_back));
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
