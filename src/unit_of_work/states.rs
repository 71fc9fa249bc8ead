//! `EntityState`, and the entities of a model.

use super::UnitOfWork;
use crate::arena::AnyArena;
use crate::handle::Handle;
use crate::model::Model;
use crate::state::State;

/// The state of an entity, as [`UnitOfWork::state`] returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntityState {
    /// The entity was added and is not written yet.
    Pending,
    /// The entity is a row of the database, or of the open transaction, and has not been changed since.
    Persistent,
    /// The entity is a row, and its values have been changed: the next commit or flush writes them.
    Changed,
    /// The next commit or flush deletes the row of the entity.
    MarkedForDeletion,
    /// A flush has deleted the row of the entity, in a transaction that is still open. A rollback
    /// brings the entity back.
    Deleted,
    /// The entity is part of a commit of [unknown outcome](crate::ErrorKind::UnknownOutcome).
    OutcomeUnknown,
    /// The entity is not in this unit of work: it was deleted, rolled back or taken, or never was here.
    Detached,
}

impl UnitOfWork<'_> {
    /// Returns the state of an entity. Every handle has a state: a handle of another unit of work is
    /// [`Detached`](EntityState::Detached).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// use onetrip::EntityState;
    ///
    /// fn rename(uow: &mut UnitOfWork<'_>, id: i32, name: &str) -> Result<bool, onetrip::Error> {
    ///     let Some(user) = uow.find::<User>(id)? else { return Ok(false) };
    ///     uow[user].name = name.to_owned();
    ///     Ok(uow.state(user) == EntityState::Changed) // not if it had that name already
    /// }
    /// # let _ = rename;
    /// ```
    #[must_use]
    pub fn state<T: Model>(&self, handle: Handle<T>) -> EntityState {
        let (slot, arena) = (handle.slot(), self.arena::<T>());
        let Some(arena) = arena.filter(|_| handle.stamp() == self.stamp) else {
            return EntityState::Detached;
        };
        match arena.state(slot) {
            State::Detached => EntityState::Detached,
            _ if arena.is_outcome_unknown(slot) => EntityState::OutcomeUnknown,
            State::Pending => EntityState::Pending,
            State::OutcomeUnknown => EntityState::OutcomeUnknown,
            State::Flushed | State::Persistent if arena.is_changed(slot) => EntityState::Changed,
            State::Flushed | State::Persistent => EntityState::Persistent,
            State::MarkedForDeletion(_) => EntityState::MarkedForDeletion,
            State::Deleted(_) => EntityState::Deleted,
        }
    }

    /// Returns the entities of a model that can be read, in the order in which the unit of work took
    /// them in. Entities that are marked for deletion are among them.
    ///
    /// ```
    /// # use onetrip::{Handle, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// use onetrip::EntityState;
    ///
    /// fn to_be_deleted(uow: &UnitOfWork<'_>) -> Vec<Handle<User>> {
    ///     let is_marked = |&user: &_| uow.state(user) == EntityState::MarkedForDeletion;
    ///     uow.entities::<User>().filter(is_marked).collect()
    /// }
    /// # let _ = to_be_deleted;
    /// ```
    pub fn entities<T: Model>(&self) -> impl Iterator<Item = Handle<T>> + use<'_, T> {
        let arena = self.arena::<T>();
        let slots = 0..arena.map_or(0, |arena| arena.slots() as u32);
        let is_here = move |slot: &u32| arena.is_some_and(|arena| !arena.state(*slot).is_absent());
        slots.filter(is_here).map(|slot| Handle::new(self.stamp, slot))
    }

    /// Returns the entities of a model whose rows the next commit or flush updates because their values
    /// have been changed, in the order in which the unit of work took them in.
    ///
    /// References that follow a changed key in a commit do not count.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn save_button_is_enabled(uow: &UnitOfWork<'_>) -> bool {
    ///     uow.added::<User>().next().is_some() || uow.changed::<User>().next().is_some()
    /// }
    /// # let _ = save_button_is_enabled;
    /// ```
    pub fn changed<T: Model>(&self) -> impl Iterator<Item = Handle<T>> + use<'_, T> {
        let arena = self.arena::<T>();
        let slots = arena.map(|arena| arena.changed()).unwrap_or_default();
        let is_changed = move |slot: &u32| arena.is_some_and(|arena| arena.is_changed(*slot));
        slots.into_iter().filter(is_changed).map(|slot| Handle::new(self.stamp, slot))
    }
}
