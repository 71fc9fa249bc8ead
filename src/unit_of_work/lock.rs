//! Reading under a lock: `for_update` and its kin, and what it does to entities that are there already.

use std::any::TypeId;
use std::collections::HashMap;

use super::load::{check_types, decode_all, in_table, not_unique};
use super::natural::NaturalKeys;
use super::{Query, UnitOfWork};
use crate::arena::{AnyArena, Arena};
use crate::error::{Error, ErrorKind};
use crate::handle::{AnyHandle, Handle, Stamp};
use crate::model::{Cell, Model};
use crate::sql::{Params, Rows, Sql, in_order_of_locks, lock_by_keys, select_by_key};

/// The lock that a query takes on its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lock {
    /// What others cannot do to the rows.
    strength: &'static str,
    /// What becomes of rows that others have locked.
    others: &'static str,
}

impl Lock {
    /// Nobody else can change or lock the rows.
    pub(super) const UPDATE: Lock = Lock { strength: " FOR UPDATE", others: "" };

    /// Appends the lock to a query.
    pub(super) fn push_to(self, sql: &mut Sql) {
        sql.push(self.strength).push(self.others);
    }
}

impl<T: Model> Query<'_, '_, T> {
    /// Locks the rows until the transaction ends, so that nobody else can change, delete or lock them.
    /// The query waits for other transactions that have locked the rows. It opens the transaction, if
    /// none is open.
    ///
    /// A read under a lock returns the row as it is now. So an entity that the unit of work has already
    /// gets the values of the row, except in the columns that you have changed. If the entity has
    /// changes, and its version is not the version of the row any more, the query fails with
    /// [`ErrorKind::Stale`]: lock first, and change then.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "jobs")]
    /// # struct Job { #[model(key)] id: Option<i32>, is_done: bool }
    /// fn work(client: &mut postgres::Client) -> Result<bool, onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     let job = uow
    ///         .query::<Job>("NOT is_done")
    ///         .order_by("id")
    ///         .for_update()
    ///         .skip_locked()
    ///         .first()?;
    ///     if let Some(job) = job {
    ///         uow[job].is_done = true;
    ///     }
    ///     uow.commit()?;
    ///     Ok(job.is_some())
    /// }
    /// # let _ = work;
    /// ```
    pub fn for_update(mut self) -> Self {
        self.lock =
            Some(Lock { strength: Lock::UPDATE.strength, ..self.lock.unwrap_or(Lock::UPDATE) });
        self
    }

    /// Locks the rows until the transaction ends, so that nobody else can change or delete them. Others can
    /// lock them in this way, too. Otherwise it does what [`for_update`](Query::for_update) does.
    pub fn for_share(mut self) -> Self {
        self.lock = Some(Lock { strength: " FOR SHARE", ..self.lock.unwrap_or(Lock::UPDATE) });
        self
    }

    /// Leaves out the rows that others have locked, and locks the rest, by
    /// [`for_update`](Query::for_update) unless said otherwise.
    pub fn skip_locked(mut self) -> Self {
        self.lock = Some(Lock { others: " SKIP LOCKED", ..self.lock.unwrap_or(Lock::UPDATE) });
        self
    }

    /// Fails at once with SQLSTATE 55P03 if others have locked a row, and otherwise locks the rows, by
    /// [`for_update`](Query::for_update) unless said otherwise.
    pub fn no_wait(mut self) -> Self {
        self.lock = Some(Lock { others: " NOWAIT", ..self.lock.unwrap_or(Lock::UPDATE) });
        self
    }
}

impl UnitOfWork<'_> {
    /// Looks a row up by its key, locks it until the transaction ends, and returns the handle of its
    /// entity. `None` stands for a row that the database does not have, and for an entity that is to be
    /// deleted. The database is always asked, so that the entity has the current values of the row; see
    /// [`for_update`](Query::for_update).
    ///
    /// # Errors
    ///
    /// As [`find`](UnitOfWork::find), and [`ErrorKind::Stale`] as for [`for_update`](Query::for_update).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "accounts")]
    /// # struct Account { #[model(key)] id: i32, balance: i64 }
    /// fn pay_in(uow: &mut UnitOfWork<'_>, id: i32, amount: i64) -> Result<bool, onetrip::Error> {
    ///     let Some(account) = uow.find_for_update::<Account>(id)? else { return Ok(false) };
    ///     uow[account].balance += amount;
    ///     uow.commit()?;
    ///     Ok(true)
    /// }
    /// # let _ = pay_in;
    /// ```
    pub fn find_for_update<T: Model>(
        &mut self,
        key: impl Into<T::Key>,
    ) -> Result<Option<Handle<T>>, Error> {
        let table = T::table();
        table.validate()?;
        let (mut sql, params) = select_by_key::<T>(&key.into()).map_err(in_table(table))?;
        Lock::UPDATE.push_to(&mut sql);
        let rows = self.read_locked(&sql, &params).map_err(in_table(table))?;
        if rows.len() > 1 {
            return Err(not_unique(table));
        }
        Ok(self.take_in_locked::<T>(&rows)?.pop().flatten())
    }

    /// Looks many rows up by their keys, locks them, and returns the handles of their entities in the
    /// order of the keys. The rows are locked in the order in which a commit locks them, so that two
    /// transactions that lock or change the same rows wait for each other and do not deadlock.
    /// Otherwise it does what [`find_for_update`](UnitOfWork::find_for_update) does.
    ///
    /// # Errors
    ///
    /// As [`find_for_update`](UnitOfWork::find_for_update).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "accounts")]
    /// # struct Account { #[model(key)] id: i32, balance: i64 }
    /// fn sum(uow: &mut UnitOfWork<'_>, ids: [i32; 2]) -> Result<i64, onetrip::Error> {
    ///     let accounts = uow.find_all_for_update::<Account>(ids)?;
    ///     Ok(accounts.into_iter().flatten().map(|account| uow[account].balance).sum())
    /// }
    /// # let _ = sum;
    /// ```
    pub fn find_all_for_update<T: Model>(
        &mut self,
        keys: impl IntoIterator<Item = impl Into<T::Key>>,
    ) -> Result<Vec<Option<Handle<T>>>, Error> {
        let table = T::table();
        table.validate()?;
        let keys: Vec<T::Key> = keys.into_iter().map(Into::into).collect();
        let (mut asked, mut positions) = (Vec::new(), HashMap::new());
        for key in in_order_of_locks(table, keys.clone()).map_err(in_table(table))? {
            positions.entry(key.clone()).or_insert_with(|| {
                asked.push(key);
                asked.len() - 1
            });
        }
        let mut found: Vec<Option<Handle<T>>> = vec![None; asked.len()];
        if !asked.is_empty() {
            let (sql, params) = lock_by_keys(table, &asked, |sql| Lock::UPDATE.push_to(sql))
                .map_err(in_table(table))?;
            let rows = self.read_locked(&sql, &params).map_err(in_table(table))?;
            for (row, handle) in self.take_in_locked::<T>(&rows)?.into_iter().enumerate() {
                let at = super::load::position(&rows, row, table, asked.len())?;
                if found[at].is_some() && found[at] != handle {
                    return Err(not_unique(table));
                }
                found[at] = handle;
            }
        }
        Ok(keys.iter().map(|key| found[positions[key]]).collect())
    }

    /// Runs a query that locks, in the transaction.
    pub(super) fn read_locked(&mut self, sql: &Sql, params: &Params) -> Result<Rows, Error> {
        self.in_transaction(|connection| connection.query(sql.as_str(), params))
    }

    /// Calls `each` with the entities of a query that locks, without taking in those that are not there;
    /// see [`Query::for_each`].
    pub(super) fn for_each_locked<T: Model, E: From<Error>>(
        &mut self,
        sql: &Sql,
        params: &Params,
        mut each: impl FnMut(&T) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = self.read_locked(sql, params).map_err(in_table(T::table()))?;
        check_types(T::table(), &rows)?;
        for (row, read) in decode_all::<T>(&rows).enumerate() {
            let read = read?;
            let key = read.key();
            let known = key.and_then(|key| self.arena::<T>()?.find_stored(&key));
            let Some(slot) = known else {
                each(&read)?;
                continue;
            };
            let (stamp, arena) = (self.stamp, self.arena_mut::<T>());
            if arena.is_overtaken(slot, &read) {
                let error = overtaken_error::<T>(stamp, &[slot]);
                return Err(self.connection.conflict(error).into());
            }
            if arena.is_marked_for_deletion(slot) {
                continue;
            }
            let UnitOfWork { arenas, natural_keys, .. } = self;
            let arena = super::arena_in::<T>(arenas);
            take_in(arena, natural_keys, slot, read, &rows, row)?;
            arena.get(slot).map_or(Ok(()), &mut each)?;
        }
        Ok(())
    }

    /// Takes in the rows of a query that has locked them. Returns the handle of each, and none for an
    /// entity that is marked for deletion. After an error no entity has changed, if the
    /// model's `update` takes what its `decode` takes.
    pub(super) fn take_in_locked<T: Model>(
        &mut self,
        rows: &Rows,
    ) -> Result<Vec<Option<Handle<T>>>, Error> {
        check_types(T::table(), rows)?;
        let read: Vec<T> = decode_all(rows).collect::<Result<_, _>>()?;
        let stamp = self.stamp;
        let arena = self.arena_mut::<T>();
        let known: Vec<Option<u32>> = match arena.len() {
            0 => vec![None; read.len()],
            _ => read.iter().map(|entity| arena.find_stored(&entity.key()?)).collect(),
        };
        let overtaken = known
            .iter()
            .zip(&read)
            .filter_map(|(&slot, read)| slot.filter(|&slot| arena.is_overtaken(slot, read)));
        let overtaken: Vec<u32> = overtaken.collect();
        if !overtaken.is_empty() {
            let error = overtaken_error::<T>(stamp, &overtaken);
            return Err(self.connection.conflict(error));
        }
        let UnitOfWork { arenas, natural_keys, .. } = self;
        let arena = super::arena_in::<T>(arenas);
        let mut handles = Vec::with_capacity(read.len());
        for (row, (entity, known)) in read.into_iter().zip(known).enumerate() {
            let slot = match known {
                None => arena.insert_read(entity),
                Some(slot) => {
                    take_in(arena, natural_keys, slot, entity, rows, row)?;
                    slot
                }
            };
            let is_there = !arena.is_marked_for_deletion(slot);
            handles.push(is_there.then(|| Handle::new(stamp, slot)));
        }
        Ok(handles)
    }
}

/// Gives the row to an entity that was there before.
fn take_in<T: Model>(
    arena: &mut Arena<T>,
    natural_keys: &mut NaturalKeys,
    slot: u32,
    read: T,
    rows: &Rows,
    row: usize,
) -> Result<(), Error> {
    if arena.is_marked_for_deletion(slot) {
        return Ok(());
    }
    let cells: Vec<Cell<'_>> = rows.cells(row, T::table().columns().len()).collect();
    natural_keys.touch(TypeId::of::<T>(), slot);
    arena.take_locked(slot, read, &cells)
}

/// Returns the error for a lock on the rows of a graph.
pub(super) fn not_for_graphs() -> Error {
    let message = "a graph cannot be loaded under a lock";
    Error::new(ErrorKind::Unsupported, message).with_hint(
        "lock the roots by a query of their own, and load what belongs to them by `graph`",
    )
}

/// Returns the error for entities that were changed before their rows were locked, and that somebody else
/// has changed since they were read.
fn overtaken_error<T: Model>(stamp: Stamp, slots: &[u32]) -> Error {
    let message = match slots.len() {
        1 => "the entity has changes, and somebody else has changed its row since it was read"
            .to_owned(),
        count => format!(
            "{count} entities have changes, and somebody else has changed their rows since they were \
             read"
        ),
    };
    let stale = slots.iter().take(100).map(|&slot| AnyHandle::new(Handle::<T>::new(stamp, slot)));
    Error::new(ErrorKind::Stale, message)
        .with_table(T::table().name())
        .with_stale(stale.collect())
        .with_hint("lock a row first, and change its entity then")
}
