//! `Journal`: how to undo what happened to the entities of one model since the last commit.

use std::collections::HashMap;

use crate::model::{Cell, CellSource, EntityRef, Source};

/// What a column held before a flush wrote to it.
#[derive(Debug)]
enum Before {
    Default,
    Pending(Vec<EntityRef>),
}

/// One entity that a flush has written back to.
#[derive(Debug)]
pub(crate) struct Flushed {
    pub(crate) slot: u32,
    columns: Vec<FlushedColumn>,
}

#[derive(Debug)]
struct FlushedColumn {
    column: usize,
    before: Before,
    /// The bytes that the flush wrote back.
    after: Vec<u8>,
}

impl Flushed {
    pub(crate) fn new(slot: u32) -> Flushed {
        Flushed { slot, columns: Vec::new() }
    }

    /// Notes what the column's fields said before the flush.
    pub(crate) fn note(&mut self, column: usize, sources: &[Source]) {
        let pending: Vec<_> = sources
            .iter()
            .filter_map(|source| match source {
                Source::Pending { entity, .. } => Some(*entity),
                _ => None,
            })
            .collect();
        let before = if !pending.is_empty() {
            Before::Pending(pending)
        } else if sources.contains(&Source::Default) {
            Before::Default
        } else {
            return;
        };
        self.columns.push(FlushedColumn { column, before, after: Vec::new() });
    }

    /// Notes what the columns hold after the flush; `encode` gives a column's bytes.
    pub(crate) fn note_after(&mut self, encode: impl Fn(usize) -> Vec<u8>) {
        for column in &mut self.columns {
            column.after = encode(column.column);
        }
    }

    /// Drops the columns that hold something else by now: the caller has changed them.
    pub(crate) fn retain_unchanged(&mut self, encode: impl Fn(usize) -> Vec<u8>) {
        self.columns.retain(|column| column.after == encode(column.column));
    }
}

/// As a row, it is the entity's columns before the flush.
impl CellSource for Flushed {
    fn cell(&self, column: usize) -> Cell<'_> {
        match self.columns.iter().find(|other| other.column == column) {
            Some(FlushedColumn { before: Before::Default, .. }) => Cell::Default,
            Some(FlushedColumn { before: Before::Pending(entities), .. }) => {
                Cell::Pending(entities)
            }
            None => Cell::Absent,
        }
    }
}

/// The undo journal of one model.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    /// In the order of the flushes.
    flushed: Vec<Flushed>,
    /// Persistent entities as they were before the first mutable access.
    originals: HashMap<u32, T>,
}

impl<T: Clone> Journal<T> {
    pub(crate) fn new() -> Journal<T> {
        Journal { flushed: Vec::new(), originals: HashMap::new() }
    }

    pub(crate) fn push_flushed(&mut self, flushed: Flushed) {
        self.flushed.push(flushed);
    }

    /// Keeps the original of an entity that is about to be changed, unless it has one.
    pub(crate) fn keep_original(&mut self, slot: u32, value: &T) {
        self.originals.entry(slot).or_insert_with(|| value.clone());
    }

    pub(crate) fn originals(&self) -> impl Iterator<Item = (u32, &T)> {
        self.originals.iter().map(|(&slot, original)| (slot, original))
    }

    pub(crate) fn original(&self, slot: u32) -> Option<&T> {
        self.originals.get(&slot)
    }

    pub(crate) fn original_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.originals.get_mut(&slot)
    }

    /// The entity is not persistent after all.
    pub(crate) fn drop_original(&mut self, slot: u32) {
        self.originals.remove(&slot);
    }

    /// Takes out what the flushes have done.
    pub(crate) fn take_flushed(&mut self) -> Vec<Flushed> {
        std::mem::take(&mut self.flushed)
    }

    /// Takes out the originals.
    pub(crate) fn take_originals(&mut self) -> HashMap<u32, T> {
        std::mem::take(&mut self.originals)
    }
}
