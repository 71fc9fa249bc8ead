//! From an entity to the one that it refers to: `parents` of many children, and `target` of a reference.

use std::any::TypeId;
use std::ops::Index;

use bytes::BytesMut;

use super::UnitOfWork;
use super::load::{foreign_key, in_table};
use crate::arena::Found;
use crate::error::{Error, ErrorKind};
use crate::handle::Handle;
use crate::model::{Cell, Encoder, ForeignKey, Model, Row, Source};

impl UnitOfWork<'_> {
    /// Returns the parents of many children, in at most one query. For each child, in the order of the
    /// children, this is the entity that its foreign key refers to. The result is `None` if the foreign
    /// key is NULL, if the database does not have the row, or if the entity is marked for deletion.
    ///
    /// Parents that the unit of work has already are not read again. If a child refers to an entity by
    /// its handle, this entity is the parent, written or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the child's model has no foreign key to the parent's table, or
    /// several: call [`parents_by`](UnitOfWork::parents_by) then. [`ErrorKind::Handle`] when a child,
    /// or the entity that it refers to by its handle, is not in the unit of work. Otherwise as
    /// [`find`](UnitOfWork::find).
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "addresses")]
    /// # struct Address { #[model(key)] id: Option<i32>, email: String, user_id: ForeignKey<User> }
    /// fn print(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     let addresses = uow.query::<Address>("email LIKE '%@example.org'").load()?;
    ///     uow.parents::<Address, User>(&addresses)?;
    ///     for address in addresses {
    ///         println!("{}: {}", uow[address].email, uow[&uow[address].user_id].name);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = print;
    /// ```
    pub fn parents<C: Model, P: Model>(
        &mut self,
        children: &[Handle<C>],
    ) -> Result<Vec<Option<Handle<P>>>, Error> {
        self.parents_in(foreign_key::<C, P>(None, "parents_by")?, children)
    }

    /// Returns the same as [`parents`](UnitOfWork::parents), by the foreign key that has this column.
    /// If several foreign keys have the column, it is the foreign key that begins with the column.
    ///
    /// # Errors
    ///
    /// Those of [`parents`](UnitOfWork::parents).
    pub fn parents_by<C: Model, P: Model>(
        &mut self,
        column: &str,
        children: &[Handle<C>],
    ) -> Result<Vec<Option<Handle<P>>>, Error> {
        self.parents_in(foreign_key::<C, P>(Some(column), "parents_by")?, children)
    }

    /// Returns the entity to which a reference leads, if the unit of work has the entity. Nothing is
    /// sent. An entity that is marked for deletion is returned, because it can still be read.
    ///
    /// An index returns the entity itself: `uow[&uow[address].user_id].name`.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Handle, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "addresses")]
    /// # struct Address { #[model(key)] id: Option<i32>, user_id: Option<ForeignKey<User>> }
    /// fn name<'u>(uow: &'u UnitOfWork<'_>, address: Handle<Address>) -> Option<&'u str> {
    ///     let user = uow.target(uow[address].user_id.as_ref()?)?;
    ///     Some(&uow[user].name)
    /// }
    /// # let _ = name;
    /// ```
    #[must_use]
    pub fn target<T: Model>(&self, reference: &ForeignKey<T>) -> Option<Handle<T>> {
        let handle = match reference {
            ForeignKey::Unset => return None,
            ForeignKey::Pending(handle) => *handle,
            ForeignKey::Key(key) => match self.arena::<T>()?.find(key)? {
                Found::Entity(slot) | Found::MarkedForDeletion(slot) => {
                    Handle::new(self.stamp, slot)
                }
            },
        };
        self.get(handle).is_ok().then_some(handle)
    }

    /// Loads the parents of many children by the foreign key of these columns.
    fn parents_in<C: Model, P: Model>(
        &mut self,
        columns: &'static [usize],
        children: &[Handle<C>],
    ) -> Result<Vec<Option<Handle<P>>>, Error> {
        let mut parents: Vec<Option<Handle<P>>> = vec![None; children.len()];
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        for (at, &child) in children.iter().enumerate() {
            match reference::<C, P>(self.get(child)?, columns)? {
                None | Some(ForeignKey::Unset) => {}
                Some(ForeignKey::Key(key)) => {
                    keys.push(key);
                    places.push(at);
                }
                Some(ForeignKey::Pending(handle)) => {
                    self.get(handle)?;
                    let is_marked =
                        self.arena::<P>().is_some_and(|a| a.is_marked_for_deletion(handle.slot()));
                    parents[at] = (!is_marked).then_some(handle);
                }
            }
        }
        for (at, found) in places.into_iter().zip(self.find_all::<P>(keys)?) {
            parents[at] = found;
        }
        Ok(parents)
    }
}

/// Returns what the columns of an entity refer to; none where one of them is NULL.
fn reference<C: Model, P: Model>(
    child: &C,
    columns: &[usize],
) -> Result<Option<ForeignKey<P>>, Error> {
    let table = C::table();
    let mut values: Vec<Option<BytesMut>> = vec![None; table.columns().len()];
    for &column in columns {
        let mut bytes = BytesMut::new();
        let mut out = Encoder::new(&mut bytes);
        child.encode(column, &mut out);
        let sources = out.sources(table, column)?;
        let mut value = None;
        for source in sources {
            match source {
                Source::Pending { entity, .. } => {
                    // A column can be that of other references, too.
                    if entity.handle.model == TypeId::of::<P>() {
                        return Ok(entity.handle.typed::<P>().map(ForeignKey::Pending));
                    }
                }
                Source::Value { start, end } => value = Some(BytesMut::from(&bytes[start..end])),
                Source::Default | Source::Null | Source::Unset => {}
            }
        }
        match value {
            Some(value) => values[column] = Some(value),
            None => return Ok(None),
        }
    }
    let cells: Vec<Cell<'_>> =
        values.iter().map(|value| value.as_deref().map_or(Cell::Absent, Cell::Value)).collect();
    Row::new(table, &cells).get(columns).map(Some).map_err(in_table(table))
}

/// # Panics
///
/// Where [`UnitOfWork::target`] returns `None`.
impl<T: Model> Index<&ForeignKey<T>> for UnitOfWork<'_> {
    type Output = T;

    fn index(&self, reference: &ForeignKey<T>) -> &T {
        match self.target(reference) {
            Some(handle) => &self[handle],
            None => panic!("{}", not_loaded::<T>()),
        }
    }
}

/// Returns the error for a reference to an entity that the unit of work does not have.
fn not_loaded<T: Model>() -> Error {
    let message = "the unit of work does not have the entity that this refers to";
    in_table(T::table())(Error::new(ErrorKind::Handle, message))
        .with_hint("load it with `parents` or `find`, or ask for it with `target`")
}
