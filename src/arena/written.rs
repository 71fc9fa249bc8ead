//! What a flush gives to entities, and takes back from them.

use super::Arena;
use super::compare::{changed_columns, columns_before, encoded, without};
use crate::journal::{ColumnsBefore, Flushed, Undo};
use crate::model::{Cell, Model, Row};

impl<T: Model> Arena<T> {
    /// Gives to a written entity the columns of a row. With an `undo`, the journal gets an entry.
    pub(super) fn written(
        &mut self,
        slot: u32,
        row: Option<(&[Cell<'_>], &[usize])>,
        undo: Option<Undo<T>>,
    ) {
        let mut before = ColumnsBefore::default();
        if let Some((row, columns)) = row {
            if let (Some(_), Some(entity)) = (&undo, self.entities.get(slot)) {
                before = columns_before(entity, row, columns);
            }
            self.write_back(slot, row, columns);
        }
        if let (Some(undo), Some(entity)) = (undo, self.entities.get(slot)) {
            before.note_after(|column| encoded(entity, column));
            self.journal.push_flushed(Flushed { slot, undo, before });
        }
    }

    /// Gives to an entity what the database assigned. What the caller has changed since stays.
    fn write_back(&mut self, slot: u32, row: &[Cell<'_>], columns: &[usize]) {
        let Some(entity) = self.entities.get_mut(slot) else { return };
        let table = T::table();
        match self.journal.original_mut(slot) {
            None => {
                let _ = entity.update(&Row::new(table, row));
            }
            // The entity was changed while the outcome was unknown: what was written is the original,
            // and what was changed stays.
            Some(original) => {
                let changed = changed_columns(entity, original, columns);
                let _ = entity.update(&Row::new(table, &without(row, &changed)));
                let _ = original.update(&Row::new(table, row));
            }
        }
        self.identity.note(slot);
    }

    /// Takes from an entity what a flush gave to it. What the caller has changed since stays.
    pub(super) fn undo_write_back(&mut self, slot: u32, mut before: ColumnsBefore) {
        let Some(entity) = self.entities.get_mut(slot) else { return };
        before.retain_unchanged(|column| encoded(entity, column));
        // Restoring cannot fail: it sets what was there.
        let _ = entity.update(&Row::new(T::table(), &before.cells()));
        self.identity.note(slot);
    }

    /// Returns `true` if the values of a stored entity differ from those that the database has, or cannot
    /// be encoded. The version does not count: the unit of work writes it.
    pub(crate) fn is_changed(&self, slot: u32) -> bool {
        let (Some(entity), Some(original)) = (self.get(slot), self.journal.original(slot)) else {
            return false;
        };
        let columns = T::table().columns().iter().enumerate();
        let written = columns.filter(|(_, column)| !column.is_version()).map(|(at, _)| at);
        !changed_columns(entity, original, &written.collect::<Vec<_>>()).is_empty()
    }
}
