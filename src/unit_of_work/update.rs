//! Changing an entity while others are read.

use super::UnitOfWork;
use crate::error::Error;
use crate::handle::Handle;
use crate::model::Model;

impl UnitOfWork<'_> {
    /// Changes an entity by a function that can read all other entities, and returns what the function
    /// returns.
    ///
    /// The function gets a copy, which replaces the entity when the function has returned. If it
    /// panics, everything is as it was.
    ///
    /// # Errors
    ///
    /// Those of [`get_mut`](UnitOfWork::get_mut); the function is not called then.
    ///
    /// ```
    /// # use onetrip::{Handle, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "orders")]
    /// # struct Order { #[model(key)] id: Option<i32>, total: i64 }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "products")]
    /// # struct Product { #[model(key)] id: Option<i32>, price: i64 }
    /// fn add(
    ///     uow: &mut UnitOfWork<'_>,
    ///     order: Handle<Order>,
    ///     product: Handle<Product>,
    /// ) -> Result<(), onetrip::Error> {
    ///     uow.update(order, |order, uow| order.total += uow[product].price)
    /// }
    /// # let _ = add;
    /// ```
    pub fn update<T: Model, R>(
        &mut self,
        handle: Handle<T>,
        change: impl FnOnce(&mut T, &Self) -> R,
    ) -> Result<R, Error> {
        self.check_can_change(handle)?;
        let mut entity = self.get(handle)?.clone();
        let result = change(&mut entity, self);
        *self.get_mut(handle)? = entity;
        Ok(result)
    }

    /// Returns an error if the entity cannot be changed.
    pub(super) fn check_can_change<T: Model>(&self, handle: Handle<T>) -> Result<(), Error> {
        self.check_stamp(handle)?;
        match self.arena::<T>() {
            Some(arena) if arena.is_marked_for_deletion(handle.slot()) => {
                Err(super::to_be_deleted::<T>())
            }
            _ => Ok(()),
        }
    }
}
