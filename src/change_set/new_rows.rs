//! `NewRows`: the new rows of one table.

use std::borrow::Cow;
use std::sync::Arc;

use crate::arena::AnyArena;
use crate::model::Table;
use crate::resolution::Resolution;

/// The new rows of one table.
pub(crate) struct NewRows<'a> {
    pub(super) arena: &'a dyn AnyArena,
    /// The arena's position, which stands for its model.
    pub(super) model: usize,
    pub(super) slots: Cow<'a, [u32]>,
    /// How the entities find their rows, where these may be there already.
    pub(super) resolution: Option<&'a Arc<Resolution>>,
    /// The bytes of their natural keys, by row, where they are looked for.
    pub(super) natural_keys: Vec<Vec<u8>>,
}

impl<'a> NewRows<'a> {
    pub(super) fn new(
        arena: &'a dyn AnyArena,
        model: usize,
        slots: Cow<'a, [u32]>,
        resolution: Option<&'a Arc<Resolution>>,
    ) -> NewRows<'a> {
        NewRows { arena, model, slots, resolution, natural_keys: Vec::new() }
    }

    /// Returns the bytes of the natural key by which the row is looked for, as far as keys are known
    /// before anything is written. Their order is that in which all commits lock the rows.
    pub(crate) fn natural_key(&self, row: u32) -> &[u8] {
        &self.natural_keys[row as usize]
    }

    pub(crate) fn table(&self) -> &'static Table {
        self.arena.table()
    }

    /// Returns the position of the model in the unit of work.
    pub(crate) fn model(&self) -> usize {
        self.model
    }

    /// Returns the number of rows. Rows are named by their position, in the order of `add`.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the entities, by row.
    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// Returns how the entities find their rows, where these may be there already.
    pub(crate) fn resolution(&self) -> Option<&'a Arc<Resolution>> {
        self.resolution
    }

    /// Returns the row of an entity. Slots ascend, mostly without gaps, so the first guess mostly
    /// hits.
    pub(super) fn row_of(&self, slot: u32) -> Option<u32> {
        let guess = slot.checked_sub(*self.slots.first()?)? as usize;
        if self.slots.get(guess) == Some(&slot) {
            return Some(guess as u32);
        }
        self.slots.binary_search(&slot).ok().map(|row| row as u32)
    }
}
