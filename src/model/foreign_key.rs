//! `ForeignKey`: a reference to an entity, with or without a key yet.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::Model;
use crate::handle::Handle;

/// A reference to a row of `T`'s table: by its key, or to an entity that may have no key yet.
///
/// A nullable reference is an `Option<ForeignKey<T>>`. `commit` turns `Pending` into `Key`.
///
/// ```
/// # use onetrip::{ForeignKey, Model};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32> }
/// let author: ForeignKey<User> = ForeignKey::Key(7);
/// assert_eq!(author.key(), Some(&7));
/// ```
pub enum ForeignKey<T: Model> {
    /// The key of a row that exists, or of one that is added under that key.
    Key(T::Key),
    /// An entity of the same unit of work.
    Pending(Handle<T>),
}

impl<T: Model> ForeignKey<T> {
    /// Returns the key, unless the reference is to an entity that has not been flushed yet.
    #[must_use]
    pub fn key(&self) -> Option<&T::Key> {
        match self {
            ForeignKey::Key(key) => Some(key),
            ForeignKey::Pending(_) => None,
        }
    }
}

impl<T: Model> From<Handle<T>> for ForeignKey<T> {
    fn from(handle: Handle<T>) -> ForeignKey<T> {
        ForeignKey::Pending(handle)
    }
}

impl<T: Model> From<Handle<T>> for Option<ForeignKey<T>> {
    fn from(handle: Handle<T>) -> Option<ForeignKey<T>> {
        Some(ForeignKey::Pending(handle))
    }
}

// Written by hand: a derive would ask for `T: Clone` and so on, where only the key matters.

impl<T: Model> Clone for ForeignKey<T> {
    fn clone(&self) -> ForeignKey<T> {
        match self {
            ForeignKey::Key(key) => ForeignKey::Key(key.clone()),
            ForeignKey::Pending(handle) => ForeignKey::Pending(*handle),
        }
    }
}

impl<T: Model> PartialEq for ForeignKey<T> {
    fn eq(&self, other: &ForeignKey<T>) -> bool {
        match (self, other) {
            (ForeignKey::Key(a), ForeignKey::Key(b)) => a == b,
            (ForeignKey::Pending(a), ForeignKey::Pending(b)) => a == b,
            _ => false,
        }
    }
}

impl<T: Model> Eq for ForeignKey<T> {}

impl<T: Model> Hash for ForeignKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            ForeignKey::Key(key) => (0_u8, key).hash(state),
            ForeignKey::Pending(handle) => (1_u8, handle).hash(state),
        }
    }
}

impl<T: Model> fmt::Debug for ForeignKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForeignKey::Key(key) => f.debug_tuple("Key").field(key).finish(),
            ForeignKey::Pending(handle) => f.debug_tuple("Pending").field(handle).finish(),
        }
    }
}
