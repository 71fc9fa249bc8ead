//! `Handle`: how a user names an entity that a unit of work owns.

use std::any::TypeId;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::marker::PhantomData;

/// A reference to an entity of a [`UnitOfWork`](crate::UnitOfWork), as `add` and `find` return it.
///
/// A handle is small, `Copy` and has no lifetime. A handle belongs to the unit of work that made it.
/// Another unit of work refuses the handle, and so does the same unit of work after
/// [`clear`](crate::UnitOfWork::clear). Handles are never reused for another entity.
pub struct Handle<T> {
    /// The unit of work that the entity is of.
    stamp: Stamp,
    /// The entity's position in its arena.
    slot: u32,
    /// The entity's type.
    model: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// Returns the handle of the entity in this slot.
    pub(crate) fn new(stamp: Stamp, slot: u32) -> Handle<T> {
        Handle { stamp, slot, model: PhantomData }
    }

    /// Returns the stamp of the unit of work that the entity is of.
    pub(crate) fn stamp(self) -> Stamp {
        self.stamp
    }

    /// Returns the entity's position in its arena.
    pub(crate) fn slot(self) -> u32 {
        self.slot
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Handle<T>) -> bool {
        self.stamp == other.stamp && self.slot == other.slot
    }
}

impl<T> Eq for Handle<T> {}

impl<T> PartialOrd for Handle<T> {
    fn partial_cmp(&self, other: &Handle<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Handles of one unit of work are in the order in which it took their entities in. The order of handles
/// of different ones means nothing.
impl<T> Ord for Handle<T> {
    fn cmp(&self, other: &Handle<T>) -> Ordering {
        (self.stamp, self.slot).cmp(&(other.stamp, other.slot))
    }
}

impl<T> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stamp.hash(state);
        self.slot.hash(state);
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name_of::<T>(self.slot))
    }
}

/// Returns what a handle of the entity in this slot prints as.
pub(crate) fn name_of<T>(slot: u32) -> String {
    let name = std::any::type_name::<T>();
    let name = name.rsplit("::").next().unwrap_or(name);
    format!("Handle<{name}>({slot})")
}

/// The mark of one unit of work, so that no other one accepts its handles.
///
/// Two halves rather than one `u64`: a handle then needs no padding, and a foreign key stays small.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp([u32; 2]);

impl Stamp {
    /// Returns a stamp that no other unit of work has, short of a collision among 2^64.
    ///
    /// The randomness is that of `std`'s hash maps: a global counter would be the alternative, and
    /// this crate keeps no global state.
    pub(crate) fn new() -> Stamp {
        let random = RandomState::new().build_hasher().finish();
        Stamp([random as u32, (random >> 32) as u32])
    }
}

/// A handle whose model is known at run time only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnyHandle {
    /// The entity's type.
    pub(crate) model: TypeId,
    /// The unit of work that the entity is of.
    pub(crate) stamp: Stamp,
    /// The entity's position in its arena.
    pub(crate) slot: u32,
}

impl fmt::Debug for AnyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.slot)
    }
}

impl AnyHandle {
    /// Returns the handle with its type as a value.
    pub(crate) fn new<T: 'static>(handle: Handle<T>) -> AnyHandle {
        AnyHandle { model: TypeId::of::<T>(), stamp: handle.stamp, slot: handle.slot }
    }

    /// Returns the typed handle, if the entity is a `T`.
    pub(crate) fn typed<T: 'static>(self) -> Option<Handle<T>> {
        (self.model == TypeId::of::<T>()).then(|| Handle::new(self.stamp, self.slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_differ() {
        let stamps: std::collections::HashSet<_> = (0..1_000).map(|_| Stamp::new()).collect();
        assert_eq!(stamps.len(), 1_000);
    }

    #[test]
    fn a_handle_is_twelve_bytes() {
        assert_eq!(size_of::<Handle<String>>(), 12);
    }
}
