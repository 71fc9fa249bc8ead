//! `Journal`: how to undo what happened to the entities of one model since the last commit.

use std::collections::{BTreeSet, HashMap};

use crate::model::{Cell, EntityRef, Source};

/// The undo journal of one model.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    /// What flushes have done, in the order of the flushes.
    flushed: Vec<Flushed<T>>,
    /// The stored entities that the caller may have changed, as the database has them.
    originals: HashMap<u32, T>,
    /// The entities that the next flush deletes.
    marked_for_deletion: BTreeSet<u32>,
    /// The entities that a commit of unknown outcome has updated, as it wrote them, and `None` for those
    /// that it deleted.
    outcome_unknown: HashMap<u32, Option<T>>,
}

impl<T: Clone> Journal<T> {
    pub(crate) fn new() -> Journal<T> {
        Journal {
            flushed: Vec::new(),
            originals: HashMap::new(),
            marked_for_deletion: BTreeSet::new(),
            outcome_unknown: HashMap::new(),
        }
    }

    /// Notes what a flush has done to an entity.
    pub(crate) fn push_flushed(&mut self, flushed: Flushed<T>) {
        self.flushed.push(flushed);
    }

    /// Returns the number of things that flushes have done.
    pub(crate) fn flushed_len(&self) -> usize {
        self.flushed.len()
    }

    /// Takes out what flushes have done from the position `from` on.
    pub(crate) fn take_flushed(&mut self, from: usize) -> Vec<Flushed<T>> {
        self.flushed.split_off(from.min(self.flushed.len()))
    }

    /// Keeps the original of an entity that is about to be changed, unless there is one.
    pub(crate) fn keep_original(&mut self, slot: u32, value: &T) {
        self.originals.entry(slot).or_insert_with(|| value.clone());
    }

    /// Sets what the database has of an entity.
    pub(crate) fn set_original(&mut self, slot: u32, original: T) {
        self.originals.insert(slot, original);
    }

    /// Returns the entities that have an original, in ascending order.
    pub(crate) fn changed(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = self.originals.keys().copied().collect();
        slots.sort_unstable();
        slots
    }

    /// Returns the original of an entity, if the entity may have been changed.
    pub(crate) fn original(&self, slot: u32) -> Option<&T> {
        self.originals.get(&slot)
    }

    /// Returns the original of an entity to be changed, if there is one.
    pub(crate) fn original_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.originals.get_mut(&slot)
    }

    /// Takes out the original of an entity.
    pub(crate) fn take_original(&mut self, slot: u32) -> Option<T> {
        self.originals.remove(&slot)
    }

    /// Takes out all originals.
    pub(crate) fn take_originals(&mut self) -> HashMap<u32, T> {
        std::mem::take(&mut self.originals)
    }

    /// Marks the entity for deletion by the next flush.
    pub(crate) fn mark_for_deletion(&mut self, slot: u32) {
        self.marked_for_deletion.insert(slot);
    }

    /// Returns the entities that are marked for deletion, in ascending order.
    pub(crate) fn marked_for_deletion(&self) -> impl Iterator<Item = u32> {
        self.marked_for_deletion.iter().copied()
    }

    /// Takes the mark for deletion from the entity.
    pub(crate) fn unmark(&mut self, slot: u32) {
        self.marked_for_deletion.remove(&slot);
    }

    /// Notes that a commit of unknown outcome has updated or deleted the entity.
    pub(crate) fn set_outcome_unknown(&mut self, slot: u32, written: Option<T>) {
        self.outcome_unknown.insert(slot, written);
    }

    /// Returns `true` if a commit of unknown outcome has updated or deleted the entity.
    pub(crate) fn is_outcome_unknown(&self, slot: u32) -> bool {
        self.outcome_unknown.contains_key(&slot)
    }

    /// Takes out the entity as a commit of unknown outcome has written it, if one has updated it.
    pub(crate) fn take_outcome_unknown(&mut self, slot: u32) -> Option<T> {
        self.outcome_unknown.remove(&slot).flatten()
    }

    /// Takes out the entities that a commit of unknown outcome has changed.
    pub(crate) fn take_all_outcome_unknown(&mut self) -> HashMap<u32, Option<T>> {
        std::mem::take(&mut self.outcome_unknown)
    }
}

/// An entity that a flush has written, and how to undo it.
#[derive(Debug)]
pub(crate) struct Flushed<T> {
    pub(crate) slot: u32,
    pub(crate) undo: Undo<T>,
    /// The columns that the flush wrote back to.
    pub(crate) before: ColumnsBefore,
}

/// How to undo what a flush has done to an entity.
#[derive(Debug)]
pub(crate) enum Undo<T> {
    /// The flush inserted the entity.
    Insert,
    /// The flush updated the entity. This is the entity as the database had it before.
    Update(T),
    /// The flush deleted the entity.
    Delete,
    /// No flush, but a read in the open transaction has replaced what was known of the row, perhaps by what
    /// will be undone. This is what was known.
    Read(T),
}

/// The columns of an entity that a flush wrote back to, as they were before.
#[derive(Debug, Default)]
pub(crate) struct ColumnsBefore(Vec<ColumnBefore>);

#[derive(Debug)]
struct ColumnBefore {
    column: usize,
    before: Before,
    /// The bytes that the flush wrote back, which tell whether the caller has changed the column.
    after: Vec<u8>,
}

/// What a column held before a flush wrote to it.
#[derive(Debug)]
enum Before {
    Default,
    Null,
    Value(Vec<u8>),
    Pending(Vec<EntityRef>),
}

impl ColumnsBefore {
    /// Notes what the column's fields said before the flush, and the bytes of their values.
    pub(crate) fn note(&mut self, column: usize, sources: &[Source], bytes: &[u8]) {
        let pending: Vec<_> = sources
            .iter()
            .filter_map(|source| match source {
                Source::Pending { entity, .. } => Some(*entity),
                _ => None,
            })
            .collect();
        let value = sources.iter().find_map(|source| match *source {
            Source::Value { start, end } => Some(bytes[start..end].to_vec()),
            _ => None,
        });
        let before = if !pending.is_empty() {
            Before::Pending(pending)
        } else if let Some(value) = value {
            Before::Value(value)
        } else if sources.contains(&Source::Default) {
            Before::Default
        } else {
            Before::Null
        };
        self.0.push(ColumnBefore { column, before, after: Vec::new() });
    }

    /// Notes what the columns hold after the flush; `encode` gives a column's bytes.
    pub(crate) fn note_after(&mut self, encode: impl Fn(usize) -> Vec<u8>) {
        for column in &mut self.0 {
            column.after = encode(column.column);
        }
    }

    /// Drops the columns that the caller has changed since the flush.
    pub(crate) fn retain_unchanged(&mut self, encode: impl Fn(usize) -> Vec<u8>) {
        self.0.retain(|column| column.after == encode(column.column));
    }

    /// Returns a row with the entity's columns before the flush.
    pub(crate) fn cells(&self) -> Vec<Cell<'_>> {
        let len = self.0.iter().map(|column| column.column + 1).max().unwrap_or(0);
        let mut cells = vec![Cell::Absent; len];
        for ColumnBefore { column, before, .. } in &self.0 {
            cells[*column] = match before {
                Before::Default => Cell::Default,
                Before::Null => Cell::Null,
                Before::Value(bytes) => Cell::Value(bytes),
                Before::Pending(entities) => Cell::Pending(entities),
            };
        }
        cells
    }
}
