//! `IdentityMap`: which entity has a key.

use std::collections::HashMap;

use crate::model::Key;

/// Key to slot, for the entities of one model.
///
/// Entities whose key became known are only noted, and enter the map at the next look-up: a unit
/// of work that only writes never pays for hashing its keys.
#[derive(Debug)]
pub(crate) struct IdentityMap<K> {
    slots: HashMap<K, u32>,
    unindexed: Vec<u32>,
}

impl<K: Key> IdentityMap<K> {
    pub(crate) fn new() -> IdentityMap<K> {
        IdentityMap { slots: HashMap::new(), unindexed: Vec::new() }
    }

    /// Notes that the key of this entity may have become known, or may have changed.
    pub(crate) fn note(&mut self, slot: u32) {
        // The same entity is often changed many times in a row.
        if self.unindexed.last() != Some(&slot) {
            self.unindexed.push(slot);
        }
    }

    /// Forgets a key, whoever has it.
    pub(crate) fn remove(&mut self, key: &K, slot: u32) {
        if self.slots.get(key) == Some(&slot) {
            self.slots.remove(key);
        }
    }

    /// The entity with this key. `key_of` gives an entity's key as it is now.
    ///
    /// Where two entities have one key, the one that was noted first keeps it.
    pub(crate) fn get(&mut self, key: &K, key_of: impl Fn(u32) -> Option<K>) -> Option<u32> {
        for slot in self.unindexed.drain(..) {
            if let Some(key) = key_of(slot) {
                self.slots.entry(key).or_insert(slot);
            }
        }
        self.slots.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_at_the_look_up() {
        let mut map = IdentityMap::new();
        map.note(0);
        map.note(1);
        let keys = |slot| (slot == 1).then_some(7_i32);
        assert_eq!(map.get(&7, keys), Some(1));
        assert_eq!(map.get(&8, keys), None);
        map.remove(&7, 0);
        assert_eq!(map.get(&7, keys), Some(1), "another entity's key stays");
        map.remove(&7, 1);
        assert_eq!(map.get(&7, keys), None);
    }
}
