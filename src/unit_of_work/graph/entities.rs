//! `Entities`: the model of a level, whose type is known where the level is made.

use std::any::{Any, TypeId};
use std::marker::PhantomData;

use crate::arena::Arenas;
use crate::error::Error;
use crate::graph::{LevelRows, NOBODY};
use crate::model::Model;
use crate::unit_of_work::arena_in;
use crate::unit_of_work::load::decode_cells;

/// What is done with the rows of a level.
pub(super) trait Entities: Send {
    /// Returns the type of the entities.
    fn model(&self) -> TypeId;

    /// Reads rows as entities. The result is for [`insert`](Entities::insert).
    fn decode(&self, rows: &LevelRows<'_>) -> Result<Box<dyn Any>, Error>;

    /// Takes in the entities, and returns their slots, with [`NOBODY`] for those that are marked for
    /// deletion.
    fn insert(&self, arenas: &mut Arenas, read: Box<dyn Any>) -> Vec<u32>;
}

/// The entities of one model.
pub(super) struct Of<T>(PhantomData<fn() -> T>);

impl<T: Model> Of<T> {
    pub(super) fn entities() -> Box<dyn Entities> {
        Box::new(Of::<T>(PhantomData))
    }
}

impl<T: Model> Entities for Of<T> {
    fn model(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn decode(&self, rows: &LevelRows<'_>) -> Result<Box<dyn Any>, Error> {
        let mut read: Vec<T> = Vec::with_capacity(rows.len());
        rows.each_cells(|cells| {
            read.push(decode_cells(T::table(), cells)?);
            Ok(())
        })?;
        Ok(Box::new(read))
    }

    fn insert(&self, arenas: &mut Arenas, read: Box<dyn Any>) -> Vec<u32> {
        let read = read.downcast::<Vec<T>>().map(|read| *read).unwrap_or_default();
        let arena = arena_in::<T>(arenas);
        let mut slots = arena.insert_all_read(read);
        for slot in &mut slots {
            if arena.is_marked_for_deletion(*slot) {
                *slot = NOBODY;
            }
        }
        slots
    }
}
