//! `UnitOfWork`: the facade.

mod commit;
mod commit_plan;
mod commit_report;
mod count;
mod diagnose;
mod graph;
mod load;
mod lock;
mod marks;
mod natural;
mod own_sql;
mod parents;
mod query;
mod savepoint;
mod sent;
mod sequences;
mod states;
mod update;
mod write;

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::ops::{Index, IndexMut};

pub use commit_plan::CommitPlan;
pub use commit_report::CommitReport;
pub use diagnose::{Culprit, Diagnosis, Operation, OtherEntity, OtherParty, ValidCommit};
pub use graph::{Graph, GraphQuery, Handles, Relations, ToMany, ToOne};
use natural::NaturalKeys;
pub use own_sql::SqlStatement;
pub use query::Query;
use savepoint::Savepoint;
use sent::Sent;
pub use states::EntityState;

use crate::arena::{AnyArena, Arena, Arenas};
use crate::change_set::EntityAt;
use crate::connection::{Connection, IntoConnection, StatementCache};
use crate::error::{Error, ErrorKind};
use crate::flush::{OnProgress, Progress};
use crate::handle::{Handle, Stamp};
use crate::model::Model;
use crate::state::State;
use crate::strategy::Strategy;
use write::Written;

/// Collects entities and writes them together.
///
/// Entities are added by value, and a [`Handle`] names each of them afterwards. They can refer to each
/// other before any of them has a key; [`commit`](UnitOfWork::commit) writes them in the right order,
/// in one transaction, and sets the keys.
///
/// A unit of work that is dropped without a commit has written nothing.
///
/// ```
/// use onetrip::{ForeignKey, Model, UnitOfWork};
///
/// #[derive(Model, Clone)]
/// #[model(table = "users")]
/// struct User {
///     #[model(key)]
///     id: Option<i32>,
///     name: String,
/// }
///
/// #[derive(Model, Clone)]
/// #[model(table = "addresses")]
/// struct Address {
///     #[model(key)]
///     id: Option<i32>,
///     email: String,
///     user_id: ForeignKey<User>,
/// }
///
/// fn register(client: &mut postgres::Client) -> Result<i32, onetrip::Error> {
///     let mut uow = UnitOfWork::new(client);
///     let ada = uow.add(User { id: None, name: "Ada".into() });
///     uow.add(Address { id: None, email: "ada@example.org".into(), user_id: ada.into() });
///     uow.commit()?;
///     Ok(uow[ada].id.expect("set by the commit"))
/// }
/// # let _ = register;
/// ```
pub struct UnitOfWork<'c> {
    /// What tells its handles from those of other units of work.
    stamp: Stamp,
    /// The entities, by model.
    arenas: Arenas,
    natural_keys: NaturalKeys,
    connection: Connection<'c>,
    /// How commits and flushes are written.
    strategy: Strategy,
    /// The most round trips that a call may take.
    budget: Option<usize>,
    /// What the caller wants to be called while rows are sent.
    on_progress: Option<Box<OnProgress<'static>>>,
    /// A commit of unknown outcome. While there is one, nothing is written.
    unknown: Option<Unknown>,
    /// Something was committed, or may have been.
    is_in_database: bool,
    /// The savepoints that are open, the outermost first.
    savepoints: Vec<Savepoint>,
    /// The open transaction has run statements of the caller's own.
    has_own: bool,
    /// A transaction was undone without the caller's asking, with what only the caller can do again.
    /// While it is so, nothing is written.
    is_undone: bool,
    /// What was sent by the caller's own statements and by reads under a lock since the last report.
    sent: Sent,
    /// The entities that the commit that is under way leaves out.
    left_out: HashSet<EntityAt>,
}

/// What is known of a commit of unknown outcome.
enum Unknown {
    /// What it would give back to the entities, if it happened.
    Written(Written),
    /// The keys that it assigned, if it happened, were lost with the link.
    KeysLost,
}

impl<'c> UnitOfWork<'c> {
    /// Returns an empty unit of work on a connection: `&mut postgres::Client`, a pooled client as
    /// `&mut *pooled`, or `&mut postgres::Transaction`.
    ///
    /// With a client, the unit of work opens a transaction of its own when it first writes, and ends
    /// this transaction. Inside a [`Transaction`](postgres::Transaction) it sets a savepoint instead.
    /// Then "committed" means that the work is part of the transaction, and the caller commits the
    /// transaction.
    ///
    /// If the caller rolls the transaction back later, the entities do not learn of it: drop the unit
    /// of work, too.
    ///
    /// Nothing is sent yet.
    pub fn new(connection: impl IntoConnection<'c>) -> UnitOfWork<'c> {
        UnitOfWork {
            stamp: Stamp::new(),
            arenas: Arenas::default(),
            natural_keys: NaturalKeys::default(),
            connection: connection.into_connection(),
            strategy: Strategy::default(),
            budget: None,
            on_progress: None,
            unknown: None,
            is_in_database: false,
            savepoints: Vec::new(),
            has_own: false,
            is_undone: false,
            sent: Sent::default(),
            left_out: HashSet::new(),
        }
    }

    /// Sets how commits are written: [`Auto`](crate::Auto), which is the default,
    /// [`OneTrip`](crate::OneTrip), or any [`InsertStrategy`](crate::InsertStrategy).
    #[must_use]
    pub fn with_strategy(mut self, strategy: impl Into<Strategy>) -> UnitOfWork<'c> {
        self.strategy = strategy.into();
        self
    }

    /// Limits the round trips of every commit and flush. A call whose plan needs more fails with
    /// [`ErrorKind::Budget`] before anything is sent. The budget guards code that must stay cheap,
    /// whatever it comes to write one day.
    ///
    /// The round trips of [`sql`](UnitOfWork::sql) and of reads under a lock since the last report
    /// count towards the next commit or flush, and such a call fails in the same way.
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn unit_of_work(client: &mut postgres::Client) -> UnitOfWork<'_> {
    ///     UnitOfWork::new(client).with_round_trip_budget(1)
    /// }
    /// # let _ = unit_of_work;
    /// ```
    #[must_use]
    pub fn with_round_trip_budget(mut self, round_trips: usize) -> UnitOfWork<'c> {
        self.budget = Some(round_trips);
        self
    }

    /// Uses the prepared statements of this connection; see [`StatementCache`]. The cache belongs to
    /// the connection: it outlives the unit of work, and is not used any more after
    /// [`reconnect`](UnitOfWork::reconnect).
    ///
    /// ```
    /// # use onetrip::{StatementCache, UnitOfWork};
    /// fn unit_of_work<'c>(
    ///     client: &'c mut postgres::Client,
    ///     statements: &StatementCache,
    /// ) -> UnitOfWork<'c> {
    ///     UnitOfWork::new(client).with_statement_cache(statements)
    /// }
    /// # let _ = unit_of_work;
    /// ```
    #[must_use]
    pub fn with_statement_cache(mut self, cache: &StatementCache) -> UnitOfWork<'c> {
        self.connection.set_cache(cache.clone());
        self
    }

    /// Calls `on_progress` while a commit or a flush sends its rows: after every statement, and
    /// after every piece of a `COPY`. Rows that were sent can still be undone by an error.
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn unit_of_work(client: &mut postgres::Client) -> UnitOfWork<'_> {
    ///     UnitOfWork::new(client).with_progress(|progress| {
    ///         eprintln!("{}: {} of {}", progress.table, progress.rows, progress.total);
    ///     })
    /// }
    /// # let _ = unit_of_work;
    /// ```
    #[must_use]
    pub fn with_progress(
        mut self,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> UnitOfWork<'c> {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    /// Adds a new entity, to be inserted by the next [`commit`](UnitOfWork::commit) or
    /// [`flush`](UnitOfWork::flush).
    ///
    /// # Panics
    ///
    /// At more than 2^32 entities of one model.
    pub fn add<T: Model>(&mut self, entity: T) -> Handle<T> {
        let slot = self.arena_mut::<T>().insert(entity, State::Pending);
        Handle::new(self.stamp, slot)
    }

    /// Returns the entity that `handle` names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handle`] when the handle belongs to another unit of work, or the entity was
    /// deleted, rolled back or taken.
    pub fn get<T: Model>(&self, handle: Handle<T>) -> Result<&T, Error> {
        self.check_stamp(handle)?;
        self.arena().and_then(|arena| arena.get(handle.slot())).ok_or_else(no_entity::<T>)
    }

    /// Returns the entity that `handle` names, to be changed. The next
    /// [`commit`](UnitOfWork::commit) or [`flush`](UnitOfWork::flush) writes the columns whose
    /// value has changed by then.
    ///
    /// # Errors
    ///
    /// As [`get`](UnitOfWork::get), and for an entity that is to be deleted.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn rename(client: &mut postgres::Client, id: i32, name: &str) -> Result<(), onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     if let Some(user) = uow.find::<User>(id)? {
    ///         uow.get_mut(user)?.name = name.to_owned();
    ///     }
    ///     uow.commit()?;
    ///     Ok(())
    /// }
    /// # let _ = rename;
    /// ```
    pub fn get_mut<T: Model>(&mut self, handle: Handle<T>) -> Result<&mut T, Error> {
        self.check_can_change(handle)?;
        let slot = handle.slot();
        self.natural_keys.touch(TypeId::of::<T>(), slot);
        self.arena_mut().get_mut(slot).ok_or_else(no_entity::<T>)
    }

    /// Marks an entity for deletion by the next [`commit`](UnitOfWork::commit) or
    /// [`flush`](UnitOfWork::flush). An entity that was only added is forgotten.
    ///
    /// The foreign keys in the database decide about other rows that refer to this row: they are
    /// deleted along with it, or keep it from being deleted. New and changed entities of this unit of
    /// work cannot refer to the entity by its handle any more.
    ///
    /// Until then the entity can still be read, and [`rollback`](UnitOfWork::rollback) keeps it.
    ///
    /// # Errors
    ///
    /// As [`get`](UnitOfWork::get), and while the outcome of a commit that wrote it is unknown.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn remove(client: &mut postgres::Client, id: i32) -> Result<(), onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     if let Some(user) = uow.find::<User>(id)? {
    ///         uow.delete(user)?;
    ///     }
    ///     uow.commit()?;
    ///     Ok(())
    /// }
    /// # let _ = remove;
    /// ```
    pub fn delete<T: Model>(&mut self, handle: Handle<T>) -> Result<(), Error> {
        self.get(handle)?;
        self.check_certain(handle)?;
        self.arena_mut::<T>().delete(handle.slot());
        Ok(())
    }

    /// Returns the number of entities in the unit of work.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arenas.values().map(|arena| arena.len()).sum()
    }

    /// Returns `true` if the unit of work holds no entities.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets an entity go: the unit of work forgets it, and the database keeps its row. An entity
    /// that was only added will not be written.
    ///
    /// Entities that still refer to the forgotten entity by its handle cannot be written any more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handle`] as for [`get`](UnitOfWork::get), and while the outcome of a commit
    /// that wrote it is unknown.
    pub fn expunge<T: Model>(&mut self, handle: Handle<T>) -> Result<(), Error> {
        self.take(handle).map(drop)
    }

    /// Lets an entity go, as [`expunge`](UnitOfWork::expunge) does, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`expunge`](UnitOfWork::expunge).
    pub fn take<T: Model>(&mut self, handle: Handle<T>) -> Result<T, Error> {
        self.check_stamp(handle)?;
        self.check_certain(handle)?;
        match self.arena_mut::<T>().state(handle.slot()) {
            State::Deleted(_) => Err(no_entity::<T>()),
            _ => self.arena_mut::<T>().take(handle.slot()).ok_or_else(no_entity::<T>),
        }
    }

    /// Forgets every entity, after undoing what was not committed. Handles given out so far are
    /// refused from here on.
    pub fn clear(&mut self) {
        self.connection.rollback();
        self.arenas.clear();
        self.natural_keys.clear();
        self.savepoints.clear();
        (self.has_own, self.is_undone) = (false, false);
        self.sent = Sent::default();
        self.stamp = Stamp::new();
        self.unknown = None;
    }

    /// Returns an error while the outcome of a commit is unknown, and where something was undone that only
    /// the caller can do again.
    fn check_resolved(&self) -> Result<(), Error> {
        if self.unknown.is_some() {
            let message = "the outcome of the last commit is unknown, and writing again could \
                           write everything twice";
            return Err(Error::new(ErrorKind::UnknownOutcome, message)
                .with_hint("find out whether it happened, then call `resolve_unknown`"));
        }
        // A lost connection has an error of its own.
        if self.is_undone && !self.connection.is_lost() {
            let message =
                "the transaction was undone, and with it what `sql` or a savepoint has done";
            return Err(Error::new(ErrorKind::Transaction, message)
                .with_hint("call `rollback`, and do all of it again"));
        }
        Ok(())
    }

    /// Returns an error if nobody knows whether the entity is written.
    fn check_certain<T: Model>(&self, handle: Handle<T>) -> Result<(), Error> {
        if self.arena::<T>().is_some_and(|arena| arena.is_outcome_unknown(handle.slot())) {
            let message = "the entity is part of a commit of unknown outcome";
            return Err(Error::new(ErrorKind::Handle, message)
                .with_table(T::table().name())
                .with_hint("call `resolve_unknown` first"));
        }
        Ok(())
    }

    /// Returns an error if the handle belongs to another unit of work.
    fn check_stamp<T: Model>(&self, handle: Handle<T>) -> Result<(), Error> {
        if handle.stamp() != self.stamp {
            let message =
                "the handle belongs to another unit of work, or to this one before `clear`";
            return Err(Error::new(ErrorKind::Handle, message).with_table(T::table().name()));
        }
        Ok(())
    }

    /// Returns the arena of a model, if the unit of work has had entities of it.
    fn arena<T: Model>(&self) -> Option<&Arena<T>> {
        self.arenas.get(&TypeId::of::<T>())?.as_any().downcast_ref()
    }

    /// Returns the arena of a model, and makes one where there is none yet.
    fn arena_mut<T: Model>(&mut self) -> &mut Arena<T> {
        arena_in(&mut self.arenas)
    }
}

/// Returns the arena of a model, and makes one where there is none yet.
fn arena_in<T: Model>(arenas: &mut Arenas) -> &mut Arena<T> {
    let arena = arenas.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Arena::<T>::new()));
    arena.as_any_mut().downcast_mut().expect("an arena is filed under its model's type")
}

/// Returns the error for a change of an entity that is to be deleted.
fn to_be_deleted<T: Model>() -> Error {
    let message = "the entity is to be deleted, and cannot be changed";
    Error::new(ErrorKind::Handle, message).with_table(T::table().name())
}

/// Returns the error for a handle whose entity is deleted or detached.
fn no_entity<T: Model>() -> Error {
    let message = "the entity is not in the unit of work any more: it was deleted, rolled back, or \
                   taken";
    Error::new(ErrorKind::Handle, message).with_table(T::table().name())
}

/// # Panics
///
/// Where [`UnitOfWork::get`] gives an error, with the same message.
impl<T: Model> Index<Handle<T>> for UnitOfWork<'_> {
    type Output = T;

    fn index(&self, handle: Handle<T>) -> &T {
        self.get(handle).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// # Panics
///
/// Where [`UnitOfWork::get_mut`] gives an error, with the same message.
impl<T: Model> IndexMut<Handle<T>> for UnitOfWork<'_> {
    fn index_mut(&mut self, handle: Handle<T>) -> &mut T {
        self.get_mut(handle).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for UnitOfWork<'_> {
    fn drop(&mut self) {
        self.connection.rollback();
    }
}

impl fmt::Debug for UnitOfWork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitOfWork")
            .field("strategy", &self.strategy.name())
            .field("entities", &self.len())
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod plan_properties;
#[cfg(test)]
mod tests;
