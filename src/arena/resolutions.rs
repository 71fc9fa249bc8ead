//! `Resolutions`: which entities of an arena have rows that may be there already, or were.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::resolution::Resolution;

/// The entities of one model whose rows may be there already, and those whose rows were.
#[derive(Debug, Default)]
pub(crate) struct Resolutions {
    /// How entities find their rows, by slot. One that is flushed is kept until it is committed, for
    /// it may be new again.
    open: HashMap<u32, Arc<Resolution>>,
    /// The slots of entities whose rows were there.
    found: HashSet<u32>,
}

impl Resolutions {
    /// Has the row of an entity looked for before the entity is inserted.
    pub(crate) fn set(&mut self, slot: u32, resolution: Arc<Resolution>) {
        self.open.insert(slot, resolution);
    }

    /// Returns how the entity finds its row, if the row may be there already.
    pub(crate) fn get(&self, slot: u32) -> Option<&Arc<Resolution>> {
        self.open.get(&slot)
    }

    /// Returns `true` if no row may be there already.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Forgets how all entities but these find their rows: they have them.
    pub(crate) fn keep(&mut self, pending: &[u32]) {
        self.open.retain(|slot, _| pending.binary_search(slot).is_ok());
    }

    /// Notes that the rows of these entities were there.
    pub(crate) fn note_found(&mut self, slots: &[u32]) {
        self.found.extend(slots);
    }

    /// Notes that the entity is new again.
    pub(crate) fn unnote(&mut self, slot: u32) {
        self.found.remove(&slot);
    }

    /// Returns `true` if the row of the entity was there.
    pub(crate) fn was_found(&self, slot: u32) -> bool {
        self.found.contains(&slot)
    }
}
