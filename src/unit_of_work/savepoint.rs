//! Savepoints: work that is undone alone.

use super::UnitOfWork;
use super::sent::Sent;
use crate::error::Error;

/// What to go back to when the work of a savepoint is undone.
pub(super) struct Savepoint {
    /// For each arena, how many things flushes had done. Models that appeared later have nothing.
    flushed: Vec<usize>,
    /// The transaction was open, so that it has a savepoint.
    is_in_transaction: bool,
    /// The transaction had run statements of the caller's own.
    has_own: bool,
}

impl<'c> UnitOfWork<'c> {
    /// Runs some work that is undone alone if it fails: after an error, and after a panic, the
    /// database and the entities are as they were when the work began. The transaction stays open.
    ///
    /// Changes before the work are flushed first, and changes of the work are flushed at its end, so
    /// that an error of the server belongs to the work that caused it. Savepoints can be nested. An
    /// error of `work` is returned.
    ///
    /// Entities that the work has loaded stay. Entities that it has added are gone if the work fails.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of [`flush`](UnitOfWork::flush).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn import(uow: &mut UnitOfWork<'_>, names: &[&str]) -> Result<(), onetrip::Error> {
    ///     for &name in names {
    ///         let added = uow.savepoint(|uow| -> Result<(), onetrip::Error> {
    ///             uow.add(User { id: None, name: name.to_owned() });
    ///             Ok(())
    ///         });
    ///         if let Err(error) = added {
    ///             eprintln!("left out: {error}");
    ///         }
    ///     }
    ///     uow.commit()?;
    ///     Ok(())
    /// }
    /// # let _ = import;
    /// ```
    pub fn savepoint<R, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut UnitOfWork<'c>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.flush_alone()?;
        let is_in_transaction = self.connection.in_transaction();
        if is_in_transaction {
            self.connection.begin()?;
        }
        let flushed = self.arenas.values().map(|arena| arena.flushed()).collect();
        let depth = self.savepoints.len();
        self.savepoints.push(Savepoint { flushed, is_in_transaction, has_own: self.has_own });
        let inside = Inside { uow: self, depth };
        let result = work(&mut *inside.uow)?;
        inside.keep()?;
        Ok(result)
    }

    /// Undoes everything since a savepoint.
    fn undo_to(&mut self, savepoint: &Savepoint) {
        if savepoint.is_in_transaction {
            self.connection.rollback_last();
        } else {
            self.connection.rollback();
            self.sent = Sent::default();
        }
        for (index, arena) in self.arenas.values_mut().enumerate() {
            arena.rolled_back(savepoint.flushed.get(index).copied().unwrap_or(0));
        }
        self.natural_keys.clear();
        self.has_own = savepoint.has_own;
        if self.savepoints.is_empty() {
            self.is_undone = false;
        }
        self.transaction_ended(savepoint.is_in_transaction);
    }
}

/// Undoes the work of a savepoint unless it is kept.
struct Inside<'a, 'c> {
    /// The unit of work that does the work.
    uow: &'a mut UnitOfWork<'c>,
    /// The number of savepoints around this one.
    depth: usize,
}

impl Inside<'_, '_> {
    /// Flushes the work, and releases its savepoint.
    fn keep(self) -> Result<(), Error> {
        // There is none any more where the work has rolled everything back.
        if let Some(is_in_transaction) =
            self.uow.savepoints.get(self.depth).map(|savepoint| savepoint.is_in_transaction)
        {
            self.uow.flush_alone()?;
            // An error of the server that the work has kept to itself is one of the savepoint.
            if is_in_transaction {
                self.uow.connection.release()?;
            } else {
                self.uow.connection.check_transaction()?;
            }
            self.uow.savepoints.truncate(self.depth);
        }
        Ok(())
    }
}

impl Drop for Inside<'_, '_> {
    fn drop(&mut self) {
        if self.uow.savepoints.len() > self.depth {
            let savepoint = self.uow.savepoints.swap_remove(self.depth);
            self.uow.savepoints.truncate(self.depth);
            self.uow.undo_to(&savepoint);
        }
    }
}
