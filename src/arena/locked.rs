//! Rows that were read under a lock, for entities that were there before.

use super::Arena;
use super::compare::{changed_columns, differs, encoded, without};
use crate::error::Error;
use crate::model::{Cell, Model, Row};

impl<T: Model> Arena<T> {
    /// Returns `true` if the caller has changed the entity, and the row has another version by now than
    /// the one that was changed. An entity that is to have the version that the caller has seen is
    /// looked at when it is written.
    pub(crate) fn is_overtaken(&self, slot: u32, read: &T) -> bool {
        let Some(version) = T::table().version() else { return false };
        let (Some(original), Some(entity)) = (self.journal.original(slot), self.get(slot)) else {
            return false;
        };
        !self.expected.contains_key(&slot)
            && encoded(original, version) != encoded(read, version)
            && differs(entity, original).unwrap_or(true)
    }

    /// Gives to an entity the row that was read under a lock. What the caller has changed stays.
    pub(crate) fn take_locked(
        &mut self,
        slot: u32,
        read: T,
        row: &[Cell<'_>],
    ) -> Result<(), Error> {
        let Some(entity) = self.entities.get_mut(slot) else { return Ok(()) };
        match self.journal.original_mut(slot) {
            None => *entity = read,
            Some(original) => {
                let all: Vec<usize> = (0..row.len()).collect();
                let changed = changed_columns(entity, original, &all);
                let mut merged = entity.clone();
                merged.update(&Row::new(T::table(), &without(row, &changed)))?;
                *entity = merged;
                *original = read;
            }
        }
        self.identity.note(slot);
        Ok(())
    }
}
