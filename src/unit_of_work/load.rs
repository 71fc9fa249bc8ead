//! Loading entities by key and by reference, through the identity map.

use std::collections::HashMap;

use super::UnitOfWork;
use crate::arena::{AnyArena, Found};
use crate::connection::OwnTexts;
use crate::error::{Error, ErrorKind};
use crate::handle::Handle;
use crate::model::{Cell, Key, Model, Row, Table};
use crate::sql::{Rows, select_by_key, select_by_keys};

impl UnitOfWork<'_> {
    /// Looks an entity up by its key, and returns its handle. The entities of this unit of work
    /// come first. Otherwise the database is asked in one round trip, in the open transaction if
    /// there is one. The same key gives the same handle. An entity that is marked for deletion is
    /// not found, and a changed key counts once it is written.
    ///
    /// # Errors
    ///
    /// When the query fails, and when the row does not fit the model.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn name_of(client: &mut postgres::Client, id: i32) -> Result<Option<String>, onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     Ok(uow.find::<User>(id)?.map(|user| uow[user].name.clone()))
    /// }
    /// # let _ = name_of;
    /// ```
    pub fn find<T: Model>(&mut self, key: impl Into<T::Key>) -> Result<Option<Handle<T>>, Error> {
        let (key, stamp) = (key.into(), self.stamp);
        match self.arena_mut::<T>().find(&key) {
            Some(Found::Entity(slot)) => return Ok(Some(Handle::new(stamp, slot))),
            Some(Found::MarkedForDeletion(_)) => return Ok(None),
            None => {}
        }
        let table = T::table();
        table.validate()?;
        let (sql, params) = select_by_key::<T>(&key).map_err(in_table(table))?;
        let rows =
            self.connection.read(sql.as_str(), &params, OwnTexts::NONE).map_err(in_table(table))?;
        if rows.len() > 1 {
            return Err(not_unique(table));
        }
        check_types(table, &rows)?;
        let Some(read) = decode_all(&rows).next().transpose()? else { return Ok(None) };
        let arena = self.arena_mut::<T>();
        let slot = arena.insert_read(read);
        Ok((!arena.is_marked_for_deletion(slot)).then(|| Handle::new(stamp, slot)))
    }

    /// Looks many entities up by their keys, and returns their handles in the order of the keys. `None`
    /// stands for a key that the database does not have. The keys that are not in this unit of work
    /// take one query.
    ///
    /// # Errors
    ///
    /// As [`find`](UnitOfWork::find).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn names(client: &mut postgres::Client, ids: &[i32]) -> Result<Vec<String>, onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     let users = uow.find_all::<User>(ids.iter().copied())?;
    ///     Ok(users.into_iter().flatten().map(|user| uow[user].name.clone()).collect())
    /// }
    /// # let _ = names;
    /// ```
    pub fn find_all<T: Model>(
        &mut self,
        keys: impl IntoIterator<Item = impl Into<T::Key>>,
    ) -> Result<Vec<Option<Handle<T>>>, Error> {
        let keys: Vec<T::Key> = keys.into_iter().map(Into::into).collect();
        let arena = self.arena_mut::<T>();
        let known: Vec<Option<Found>> = keys.iter().map(|key| arena.find(key)).collect();
        // Each key is asked for once, however often it was given.
        let mut asked: Vec<T::Key> = Vec::new();
        let mut places: HashMap<&T::Key, Vec<usize>> = HashMap::new();
        for (at, key) in keys.iter().enumerate().filter(|(at, _)| known[*at].is_none()) {
            let places = places.entry(key).or_default();
            if places.is_empty() {
                asked.push(key.clone());
            }
            places.push(at);
        }
        let of_entity = |found: &Option<Found>| match found {
            Some(Found::Entity(slot)) => Some(*slot),
            Some(Found::MarkedForDeletion(_)) | None => None,
        };
        let mut slots: Vec<Option<u32>> = known.iter().map(of_entity).collect();
        for (position, found) in self.read_by_keys::<T, _>(T::table().key(), &asked)? {
            for &at in &places[&asked[position]] {
                if slots[at].replace(found).is_some_and(|other| other != found) {
                    return Err(not_unique(T::table()));
                }
            }
        }
        let stamp = self.stamp;
        Ok(slots.into_iter().map(|slot| slot.map(|slot| Handle::new(stamp, slot))).collect())
    }

    /// Returns the children of many parents, in one query. For each parent, in the order of the
    /// parents, these are the entities whose foreign key refers to it, in the order of their own
    /// keys.
    ///
    /// Only children that the database has are found. Children that were added and not written yet
    /// are not found, nor are those that are marked for deletion. [`added`](UnitOfWork::added)
    /// returns the former.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the child's model has no foreign key to the parent's table, or
    /// several: call [`children_by`](UnitOfWork::children_by) then. [`ErrorKind::Handle`] when a parent
    /// has no key yet. Otherwise as [`find`](UnitOfWork::find).
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Handle, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "addresses")]
    /// # struct Address { #[model(key)] id: Option<i32>, email: String, user_id: ForeignKey<User> }
    /// fn print(uow: &mut UnitOfWork<'_>, users: &[Handle<User>]) -> Result<(), onetrip::Error> {
    ///     let addresses = uow.children::<Address, User>(users)?;
    ///     for (&user, addresses) in users.iter().zip(addresses) {
    ///         let emails: Vec<_> = addresses.into_iter().map(|a| &uow[a].email[..]).collect();
    ///         println!("{}: {}", uow[user].name, emails.join(", "));
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = print;
    /// ```
    pub fn children<C: Model, P: Model>(
        &mut self,
        parents: &[Handle<P>],
    ) -> Result<Vec<Vec<Handle<C>>>, Error> {
        self.children_in(foreign_key::<C, P>(None, "children_by")?, parents)
    }

    /// Returns the same as [`children`](UnitOfWork::children), by the foreign key that has this column.
    /// If several foreign keys have the column, it is the foreign key that begins with the column.
    ///
    /// # Errors
    ///
    /// Those of [`children`](UnitOfWork::children).
    pub fn children_by<C: Model, P: Model>(
        &mut self,
        column: &str,
        parents: &[Handle<P>],
    ) -> Result<Vec<Vec<Handle<C>>>, Error> {
        self.children_in(foreign_key::<C, P>(Some(column), "children_by")?, parents)
    }

    /// Reads an entity anew, so that it has the values of the database. Its unsaved changes are lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`] when its row is not there any more, [`ErrorKind::Handle`] when it was
    /// never written. Otherwise as [`find`](UnitOfWork::find).
    pub fn refresh<T: Model>(&mut self, handle: Handle<T>) -> Result<(), Error> {
        self.get(handle)?;
        self.refresh_slots::<T>(&[handle.slot()])
    }

    /// Reads all entities of a model anew that are rows of the database, in one query.
    ///
    /// # Errors
    ///
    /// As [`refresh`](UnitOfWork::refresh); after an error no entity has changed.
    pub fn refresh_all<T: Model>(&mut self) -> Result<(), Error> {
        let slots: Vec<u32> = self.arena_mut::<T>().stored();
        self.refresh_slots::<T>(&slots)
    }

    /// Reads the entities in these slots anew, in one query.
    fn refresh_slots<T: Model>(&mut self, slots: &[u32]) -> Result<(), Error> {
        let table = T::table();
        let arena = self.arena_mut::<T>();
        let keys: Option<Vec<T::Key>> = slots.iter().map(|&slot| arena.stored_key(slot)).collect();
        let Some(keys) = keys else {
            let message = "the entity is not in the database yet, or it is to be deleted";
            return Err(in_table(table)(Error::new(ErrorKind::Handle, message)));
        };
        let read = self.query_by_keys::<T, _>(table.key(), &keys)?;
        let missing = keys.len() - read.len().min(keys.len());
        if missing > 0 {
            let message = match keys.len() {
                1 => "the row is not in the database any more".to_owned(),
                all => format!("{missing} of {all} rows are not in the database any more"),
            };
            let error = in_table(table)(Error::new(ErrorKind::Stale, message));
            return Err(self.connection.conflict(error));
        }
        if read.len() > keys.len() {
            return Err(not_unique(table));
        }
        let is_open = self.connection.in_transaction();
        let arena = self.arena_mut::<T>();
        for (position, read) in read {
            if is_open {
                arena.note_replaced(slots[position], &read);
            }
            arena.put_back(slots[position], read);
        }
        Ok(())
    }

    /// Loads the children of many parents by the foreign key of these columns.
    fn children_in<C: Model, P: Model>(
        &mut self,
        columns: &'static [usize],
        parents: &[Handle<P>],
    ) -> Result<Vec<Vec<Handle<C>>>, Error> {
        let keys = self.keys_of(parents)?;
        let (mut children, stamp) = (vec![Vec::new(); parents.len()], self.stamp);
        for (position, slot) in self.read_by_keys::<C, _>(columns, &keys)? {
            children[position].push(Handle::new(stamp, slot));
        }
        Ok(children)
    }

    /// Returns the keys under which the database has these entities.
    pub(super) fn keys_of<P: Model>(
        &mut self,
        parents: &[Handle<P>],
    ) -> Result<Vec<P::Key>, Error> {
        let mut keys = Vec::with_capacity(parents.len());
        for &parent in parents {
            let unsaved = self.get(parent)?.key();
            let stored = self.arena_mut::<P>().stored_key(parent.slot());
            keys.push(stored.or(unsaved).ok_or_else(|| {
                let message = "the parent has no key yet: flush or commit it first";
                in_table(P::table())(Error::new(ErrorKind::Handle, message))
            })?);
        }
        Ok(keys)
    }

    /// Reads the rows whose columns hold one of these keys. Returns the position of the key and the
    /// slot for each row.
    pub(super) fn read_by_keys<T: Model, K: Key>(
        &mut self,
        columns: &[usize],
        keys: &[K],
    ) -> Result<Vec<(usize, u32)>, Error> {
        let read = self.query_by_keys::<T, K>(columns, keys)?;
        let arena = self.arena_mut::<T>();
        let insert = |(position, entity)| (position, arena.insert_read(entity));
        let mut found: Vec<(usize, u32)> = read.into_iter().map(insert).collect();
        found.retain(|(_, slot)| !arena.is_marked_for_deletion(*slot));
        Ok(found)
    }

    /// Reads the rows whose columns hold one of these keys, and returns the key's position and the
    /// entity of each.
    fn query_by_keys<T: Model, K: Key>(
        &mut self,
        columns: &[usize],
        keys: &[K],
    ) -> Result<Vec<(usize, T)>, Error> {
        let table = T::table();
        table.validate()?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, params) = select_by_keys(table, columns, keys).map_err(in_table(table))?;
        let rows =
            self.connection.read(sql.as_str(), &params, OwnTexts::NONE).map_err(in_table(table))?;
        check_types(table, &rows)?;
        decode_all(&rows)
            .enumerate()
            .map(|(row, entity)| Ok((position(&rows, row, table, keys.len())?, entity?)))
            .collect()
    }
}

/// Returns the position, among so many keys, of the key by which a row was found. It is the column behind
/// those of the table.
pub(super) fn position(
    rows: &Rows,
    row: usize,
    table: &'static Table,
    keys: usize,
) -> Result<usize, Error> {
    let at = rows.get::<i64>(row, table.columns().len())?.and_then(|at| usize::try_from(at).ok());
    let at = at.and_then(|at| at.checked_sub(1)).filter(|&at| at < keys);
    at.ok_or_else(|| Error::new(ErrorKind::Decode, "the position of a key is missing"))
}

/// Returns an error if the first columns of the result do not have the types of the table.
pub(super) fn check_types(table: &'static Table, rows: &Rows) -> Result<(), Error> {
    let types: Vec<_> = table.columns().iter().map(|column| column.ty()).enumerate().collect();
    rows.expect_types(&types).map_err(in_table(table))
}

/// Reads the rows as entities, one after the other.
pub(super) fn decode_all<'r, T: Model>(
    rows: &'r Rows,
) -> impl Iterator<Item = Result<T, Error>> + use<'r, T> {
    let (table, mut cells) = (T::table(), Vec::new());
    (0..rows.len()).map(move |row| {
        cells.clear();
        cells.extend(rows.cells(row, table.columns().len()));
        decode_cells(table, &cells)
    })
}

/// Reads the cells of a row, which has all columns, as an entity.
pub(super) fn decode_cells<T: Model>(
    table: &'static Table,
    cells: &[Cell<'_>],
) -> Result<T, Error> {
    // Without a key, it could be neither found nor changed.
    let is_null = |column: &&usize| matches!(cells.get(**column), Some(Cell::Null));
    if let Some(&column) = table.key().iter().find(is_null) {
        let message = "the key of a row is NULL in the database";
        return Err(in_table(table)(Error::new(ErrorKind::Decode, message))
            .with_column(table.columns()[column].name()));
    }
    T::decode(&Row::new(table, cells))
}

/// Returns a function that names the table in an error.
pub(super) fn in_table(table: &'static Table) -> impl Fn(Error) -> Error {
    |error| error.with_table(table.name())
}

/// Returns the error for a key that several rows have.
pub(super) fn not_unique(table: &'static Table) -> Error {
    let message = "several rows have this key, which the model says is unique";
    in_table(table)(Error::new(ErrorKind::Model, message))
}

/// Returns the columns of the only foreign key of `C` that refers to `P`, or of the one that has this
/// column. Where several have it, it is the one that begins with it. `by` is the method that takes a name.
///
/// # Errors
///
/// [`ErrorKind::Model`] when there is none, or several.
pub(super) fn foreign_key<C: Model, P: Model>(
    column: Option<&str>,
    by: &str,
) -> Result<&'static [usize], Error> {
    let table = C::table();
    let is_named = |at: &usize, name: &str| {
        table.columns().get(*at).is_some_and(|column| column.name() == name)
    };
    let mut found: Vec<&'static [usize]> = table
        .foreign_keys()
        .filter(|foreign_key| foreign_key.target.is(P::table()))
        .map(|foreign_key| foreign_key.columns)
        .collect();
    if let Some(name) = column {
        found.retain(|columns| columns.iter().any(|at| is_named(at, name)));
        let begins = |columns: &&&[usize]| columns.first().is_some_and(|at| is_named(at, name));
        if found.len() > 1 && found.iter().filter(begins).count() == 1 {
            found.retain(|columns| begins(&columns));
        }
    }
    match (&found[..], column) {
        (&[only], _) => Ok(only),
        ([], None) => Err(no_reference::<C, P>("has no foreign key that refers")),
        ([], Some(column)) => Err(no_reference::<C, P>("has no such foreign key that refers")
            .with_column(column.to_owned())),
        (_, column) => {
            let error = no_reference::<C, P>("has several foreign keys that refer");
            let hint = format!("name a column that only the one you mean has, with `{by}`");
            Err(match column {
                Some(column) => error.with_column(column.to_owned()),
                None => error,
            }
            .with_hint(hint))
        }
    }
}

/// Returns the error for a model without the foreign key that is asked for.
fn no_reference<C: Model, P: Model>(what: &str) -> Error {
    let message = format!("the model {what} to {}", P::table().name());
    in_table(C::table())(Error::new(ErrorKind::Model, message))
}
