//! `ForeignKey`: a reference to an entity, with or without a key yet.

mod conversions;
#[cfg(feature = "with-serde-1")]
mod serde_1;

use std::cmp::Ordering;
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
///
/// // Keys and handles become references by `from` and `into`.
/// let reviewer: Option<ForeignKey<User>> = Some(7.into());
/// assert_eq!(reviewer, Some(author));
/// ```
///
/// A reference is `Copy` if its key is, and ordered if its key is: keys come first, in their order.
/// Then come handles, in the order in which a unit of work took their entities in, and then references
/// that are not set.
#[derive(Default)]
pub enum ForeignKey<T: Model> {
    /// The key of a row that exists, or of an entity that is added with this key.
    Key(T::Key),
    /// An entity of the same unit of work.
    Pending(Handle<T>),
    /// No reference yet, as `Default` returns it. Set the reference before the entity is written: a
    /// commit or flush that finds an unset reference returns an error of kind
    /// [`Encode`](crate::ErrorKind::Encode), before it sends anything.
    /// [`Error::entity`](crate::Error::entity) returns the entity.
    ///
    /// This is no NULL. A reference to nothing is the `None` of an `Option<ForeignKey<T>>`.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// #[derive(Model, Clone, Default)]
    /// #[model(table = "addresses")]
    /// struct Address {
    ///     #[model(key)]
    ///     id: Option<i32>,
    ///     email: String,
    ///     user_id: ForeignKey<User>,
    /// }
    ///
    /// fn sign_up(uow: &mut UnitOfWork<'_>, email: &str, name: &str) -> Result<(), onetrip::Error> {
    ///     let address = uow.add(Address { email: email.into(), ..Address::default() });
    ///     let user = uow.add(User { id: None, name: name.into() });
    ///     uow[address].user_id = user.into();
    ///     uow.commit().map(drop)
    /// }
    /// # let _ = sign_up;
    /// ```
    #[default]
    Unset,
}

impl<T: Model> ForeignKey<T> {
    /// Returns the key, if the reference holds a key. A reference to an entity that has not been
    /// flushed yet holds no key, and neither does a reference that is not set.
    #[must_use]
    pub fn key(&self) -> Option<&T::Key> {
        match self {
            ForeignKey::Key(key) => Some(key),
            ForeignKey::Pending(_) | ForeignKey::Unset => None,
        }
    }
}

// Written by hand: a derive would ask for `T: Clone` and so on, where only the key matters.

impl<T: Model> Clone for ForeignKey<T> {
    fn clone(&self) -> ForeignKey<T> {
        match self {
            ForeignKey::Key(key) => ForeignKey::Key(key.clone()),
            ForeignKey::Pending(handle) => ForeignKey::Pending(*handle),
            ForeignKey::Unset => ForeignKey::Unset,
        }
    }
}

impl<T: Model> Copy for ForeignKey<T> where T::Key: Copy {}

impl<T: Model> PartialEq for ForeignKey<T> {
    fn eq(&self, other: &ForeignKey<T>) -> bool {
        match (self, other) {
            (ForeignKey::Key(a), ForeignKey::Key(b)) => a == b,
            (ForeignKey::Pending(a), ForeignKey::Pending(b)) => a == b,
            (ForeignKey::Unset, ForeignKey::Unset) => true,
            _ => false,
        }
    }
}

impl<T: Model> Eq for ForeignKey<T> {}

impl<T: Model> PartialOrd for ForeignKey<T>
where
    T::Key: Ord,
{
    fn partial_cmp(&self, other: &ForeignKey<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keys come first, in their order; then handles, in the order in which a unit of work took their
/// entities in; then what is not set. A commit makes keys of handles, so a collection that is sorted by
/// references has to be sorted again after it.
///
/// ```
/// # use onetrip::{ForeignKey, Model};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32> }
/// let mut users: Vec<ForeignKey<User>> = vec![ForeignKey::Unset, 7.into(), 3.into()];
/// users.sort();
/// assert_eq!(users, [ForeignKey::Key(3), ForeignKey::Key(7), ForeignKey::Unset]);
/// ```
impl<T: Model> Ord for ForeignKey<T>
where
    T::Key: Ord,
{
    fn cmp(&self, other: &ForeignKey<T>) -> Ordering {
        match (self, other) {
            (ForeignKey::Key(a), ForeignKey::Key(b)) => a.cmp(b),
            (ForeignKey::Pending(a), ForeignKey::Pending(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl<T: Model> ForeignKey<T> {
    fn rank(&self) -> u8 {
        match self {
            ForeignKey::Key(_) => 0,
            ForeignKey::Pending(_) => 1,
            ForeignKey::Unset => 2,
        }
    }
}

impl<T: Model> Hash for ForeignKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            ForeignKey::Key(key) => key.hash(state),
            ForeignKey::Pending(handle) => handle.hash(state),
            ForeignKey::Unset => {}
        }
    }
}

impl<T: Model> fmt::Debug for ForeignKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForeignKey::Key(key) => f.debug_tuple("Key").field(key).finish(),
            ForeignKey::Pending(handle) => f.debug_tuple("Pending").field(handle).finish(),
            ForeignKey::Unset => f.write_str("Unset"),
        }
    }
}
