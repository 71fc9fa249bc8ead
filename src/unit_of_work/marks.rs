//! What an entity is marked for: deletion, and the version that it is expected to have.

use super::{UnitOfWork, no_entity};
use crate::arena::AnyArena;
use crate::error::{Error, ErrorKind};
use crate::handle::Handle;
use crate::model::{Model, SqlType};
use crate::state::State;

impl UnitOfWork<'_> {
    /// Takes back [`delete`](UnitOfWork::delete), so that the entity stays. An entity that is not
    /// marked for deletion stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handle`] when the unit of work does not have the entity any more: it belongs to
    /// another unit of work, was only added before it was deleted, or is deleted in the database
    /// already.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn keep_the_first(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     let users = uow.query::<User>("true").order_by("id").load()?;
    ///     for &user in &users {
    ///         uow.delete(user)?;
    ///     }
    ///     if let Some(&first) = users.first() {
    ///         uow.undelete(first)?;
    ///     }
    ///     uow.commit().map(drop)
    /// }
    /// # let _ = keep_the_first;
    /// ```
    pub fn undelete<T: Model>(&mut self, handle: Handle<T>) -> Result<(), Error> {
        self.check_stamp(handle)?;
        let arena = self.arena_mut::<T>();
        match arena.state(handle.slot()) {
            State::Deleted(_) | State::Detached => Err(no_entity::<T>()),
            _ => {
                arena.undelete(handle.slot());
                Ok(())
            }
        }
    }

    /// Sets the version of an entity that the caller has seen, such as a version that a form has
    /// carried to a browser and back. The next commit changes or deletes the row only if it has this
    /// version. Otherwise the error is of kind [`Stale`](ErrorKind::Stale).
    ///
    /// Without this call, the commit expects the version that was loaded. A value that is assigned to
    /// the field itself is ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the model has no version, or one of a type that cannot hold this;
    /// [`ErrorKind::Handle`] as for [`get_mut`](UnitOfWork::get_mut), and for an entity that the
    /// database does not have yet.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "pages")]
    /// # struct Page { #[model(key)] id: Option<i32>, text: String, #[model(version)] version: i32 }
    /// struct Form {
    ///     id: i32,
    ///     text: String,
    ///     version: i32,
    /// }
    ///
    /// fn save(uow: &mut UnitOfWork<'_>, form: Form) -> Result<bool, onetrip::Error> {
    ///     let Some(page) = uow.find::<Page>(form.id)? else { return Ok(false) };
    ///     uow.expect_version(page, form.version)?;
    ///     uow[page].text = form.text;
    ///     uow.commit()?;
    ///     Ok(true)
    /// }
    /// # let _ = save;
    /// ```
    pub fn expect_version<T: Model>(
        &mut self,
        handle: Handle<T>,
        version: impl Into<i64>,
    ) -> Result<(), Error> {
        self.check_certain(handle)?;
        self.get_mut(handle)?;
        let (table, version) = (T::table(), version.into());
        let refuse =
            |kind, message: String| Err(Error::new(kind, message).with_table(table.name()));
        let Some(column) = table.version() else {
            return refuse(ErrorKind::Model, "the model has no version".to_owned());
        };
        let arena = self.arena_mut::<T>();
        if !arena.state(handle.slot()).is_stored() {
            let message = "the entity is new, so nobody has seen a version of it";
            return refuse(ErrorKind::Handle, message.to_owned());
        }
        let fits = match table.columns()[column].ty() {
            SqlType::INT2 => i16::try_from(version).is_ok(),
            SqlType::INT4 => i32::try_from(version).is_ok(),
            _ => true,
        };
        if !fits {
            return refuse(ErrorKind::Model, format!("its version cannot be {version}"));
        }
        arena.expect_version(handle.slot(), version);
        Ok(())
    }

    /// Returns the entities of a model that were added and not written yet, in the order of `add`.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn has_added(uow: &UnitOfWork<'_>, name: &str) -> bool {
    ///     uow.added::<User>().any(|user| uow[user].name == name)
    /// }
    /// # let _ = has_added;
    /// ```
    pub fn added<T: Model>(&self) -> impl Iterator<Item = Handle<T>> + use<'_, T> {
        let slots = self.arena::<T>().map(|arena| arena.pending()).unwrap_or_default();
        slots.iter().map(|&slot| Handle::new(self.stamp, slot))
    }
}
