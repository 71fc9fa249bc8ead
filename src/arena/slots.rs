//! `Slots`: entities by their numbers, which are never used again.

/// The entities of a model, numbered in the order in which they came.
///
/// They lie in blocks. A full block without entities is freed, so entities that a long unit of work
/// has let go cost no more memory than a pointer for each block.
pub(super) struct Slots<T> {
    /// All blocks but the last have had [`BLOCK`] entities.
    blocks: Vec<Block<T>>,
    /// The number of slots ever given out.
    len: usize,
}

struct Block<T> {
    /// The entities, and `None` for each that was taken. This is empty once the block is freed.
    entities: Vec<Option<T>>,
    /// The number of entities that were not taken.
    present: usize,
}

/// The number of slots in a block.
const BLOCK: usize = 1_024;

impl<T> Slots<T> {
    pub(super) fn new() -> Slots<T> {
        Slots { blocks: Vec::new(), len: 0 }
    }

    /// Returns the number of slots ever given out.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entity in a slot of its own.
    pub(super) fn push(&mut self, entity: T) {
        if self.len % BLOCK == 0 {
            // The first block grows as entities come. A later block will be full, as those before are.
            let room = if self.len == 0 { 0 } else { BLOCK };
            self.blocks.push(Block { entities: Vec::with_capacity(room), present: 0 });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.entities.push(Some(entity));
            block.present += 1;
            self.len += 1;
        }
    }

    /// Returns the entity in a slot, or `None` if it was taken.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.blocks.get(slot / BLOCK)?.entities.get(slot % BLOCK)?.as_ref()
    }

    /// Returns the entity in a slot to be changed, or `None` if it was taken.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let slot = slot as usize;
        self.blocks.get_mut(slot / BLOCK)?.entities.get_mut(slot % BLOCK)?.as_mut()
    }

    /// Takes the entity out of its slot for good, and returns it.
    pub(super) fn take(&mut self, slot: u32) -> Option<T> {
        let slot = slot as usize;
        let block = self.blocks.get_mut(slot / BLOCK)?;
        let entity = block.entities.get_mut(slot % BLOCK)?.take()?;
        block.present -= 1;
        if block.present == 0 && block.entities.len() == BLOCK {
            block.entities = Vec::new();
        }
        Some(entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_given_back_and_numbers_are_not() {
        let mut slots = Slots::new();
        let count = 3 * BLOCK as u32 + 5;
        (0..count).for_each(|n| slots.push(n));
        assert_eq!((slots.len(), slots.get(count - 1)), (count as usize, Some(&(count - 1))));
        assert_eq!(slots.get(count), None);
        assert_eq!(slots.take(count), None);
        for n in 0..2 * BLOCK as u32 {
            assert_eq!(slots.take(n), Some(n));
            assert_eq!(slots.take(n), None);
            assert_eq!(slots.get(n), None);
        }
        assert!(slots.blocks[..2].iter().all(|block| block.entities.capacity() == 0));
        assert_eq!(slots.get(2 * BLOCK as u32), Some(&(2 * BLOCK as u32)));
        slots.push(7);
        assert_eq!((slots.len(), slots.get(count)), (count as usize + 1, Some(&7)));
        *slots.get_mut(count).unwrap() = 8;
        assert_eq!(slots.take(count), Some(8));
        // The last one is not full yet.
        (2 * BLOCK as u32..count).for_each(|n| assert_eq!(slots.take(n), Some(n)));
        slots.push(9);
        assert_eq!(slots.get(count + 1), Some(&9));
    }
}
