//! Rows that were read under a lock, for entities that were there before.

use super::Arena;
use super::compare::{changed_columns, columns_before, differs, encoded, without};
use crate::error::Error;
use crate::journal::{Flushed, Undo};
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

    /// Gives to an entity the row that was read under a lock. What the caller has changed stays, and so
    /// do fields that are no columns. A transaction is open, whose end may undo what was read.
    pub(crate) fn take_locked(
        &mut self,
        slot: u32,
        read: T,
        row: &[Cell<'_>],
    ) -> Result<(), Error> {
        let Some(entity) = self.entities.get_mut(slot) else { return Ok(()) };
        let all: Vec<usize> = (0..row.len()).collect();
        let original = self.journal.original_mut(slot);
        let changed = match &original {
            Some(original) => changed_columns(entity, original, &all),
            None => Vec::new(),
        };
        let mut merged = entity.clone();
        merged.update(&Row::new(T::table(), &without(row, &changed)))?;
        let mut before = columns_before(entity, row, &all);
        let entity_before = std::mem::replace(entity, merged);
        before.note_after(|column| encoded(entity, column));
        let known = match original {
            None => entity_before,
            Some(original) => std::mem::replace(original, read),
        };
        self.journal.push_flushed(Flushed { slot, undo: Undo::Read(known), before });
        self.identity.note(slot);
        Ok(())
    }

    /// Notes what is known of an entity that [`put_back`](Arena::put_back) replaces by what was read. A
    /// transaction is open, whose end may undo what was read.
    pub(crate) fn note_replaced(&mut self, slot: u32, read: &T) {
        let Some(entity) = self.entities.get(slot) else { return };
        let known = self.journal.original(slot).unwrap_or(entity).clone();
        let all: Vec<usize> = (0..T::table().columns().len()).collect();
        let mut before = columns_before(&known, &vec![Cell::Null; all.len()], &all);
        before.note_after(|column| encoded(read, column));
        self.journal.push_flushed(Flushed { slot, undo: Undo::Read(known), before });
    }
}
