//! `Slots`: entities by their numbers, which are never used again.

/// The entities of a model, numbered in the order in which they came.
///
/// They lie in blocks. A block whose entities are all gone is given back: what a long unit of work has
/// let go costs it no more memory than a pointer for each block.
pub(super) struct Slots<T> {
    blocks: Vec<Block<T>>,
    len: usize,
}

struct Block<T> {
    /// Empty once it is full and all are gone.
    entities: Vec<Option<T>>,
    present: usize,
}

/// The entities of a block.
const BLOCK: usize = 1_024;

impl<T> Slots<T> {
    pub(super) fn new() -> Slots<T> {
        Slots { blocks: Vec::new(), len: 0 }
    }

    /// Returns the number of slots ever given out.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, entity: T) {
        if self.len % BLOCK == 0 {
            // The first grows with what comes; one that follows a full one will be full as well.
            let room = if self.len == 0 { 0 } else { BLOCK };
            self.blocks.push(Block { entities: Vec::with_capacity(room), present: 0 });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.entities.push(Some(entity));
            block.present += 1;
            self.len += 1;
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.blocks.get(slot / BLOCK)?.entities.get(slot % BLOCK)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let slot = slot as usize;
        self.blocks.get_mut(slot / BLOCK)?.entities.get_mut(slot % BLOCK)?.as_mut()
    }

    /// Takes an entity out for good.
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
