//! `IdentityMap`: which entity has a key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::Key;

/// The keys under which an entity is found: the one that it has, and the one under which the
/// database has it, where that is another.
pub(crate) type KeysOf<K> = [Option<K>; 2];

/// Key to slot, for the entities of one model.
///
/// Entities whose key became known are only noted, and enter the map at the next look-up: a unit
/// of work that only writes never pays for hashing its keys. A key that an entity has lost is found
/// out at the look-up too.
#[derive(Debug)]
pub(crate) struct IdentityMap<K> {
    slots: HashMap<K, u32>,
    unindexed: Vec<u32>,
}

impl<K: Key> IdentityMap<K> {
    pub(crate) fn new() -> IdentityMap<K> {
        IdentityMap { slots: HashMap::new(), unindexed: Vec::new() }
    }

    /// Notes that the keys of this entity may have become known, or may have changed.
    pub(crate) fn note(&mut self, slot: u32) {
        // The same entity is often changed many times in a row.
        if self.unindexed.last() != Some(&slot) {
            self.unindexed.push(slot);
        }
    }

    /// Gives the memory of a key back that an entity has lost.
    pub(crate) fn remove(&mut self, key: &K, slot: u32) {
        if self.slots.get(key) == Some(&slot) {
            self.slots.remove(key);
        }
    }

    /// The entity with this key. `keys_of` gives an entity's keys as they are now.
    ///
    /// Where two entities have one key, the one that was noted first keeps it.
    pub(crate) fn get(&mut self, key: &K, keys_of: impl Fn(u32) -> KeysOf<K>) -> Option<u32> {
        let has = |slot, key: &K| keys_of(slot).iter().flatten().any(|own| own == key);
        for slot in self.unindexed.drain(..) {
            for key in keys_of(slot).into_iter().flatten() {
                match self.slots.entry(key) {
                    Entry::Vacant(entry) => {
                        entry.insert(slot);
                    }
                    Entry::Occupied(mut entry) => {
                        let other = *entry.get();
                        if other != slot && !has(other, entry.key()) {
                            entry.insert(slot);
                        }
                    }
                }
            }
        }
        let slot = *self.slots.get(key)?;
        if has(slot, key) {
            return Some(slot);
        }
        self.slots.remove(key);
        None
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
        let keys = |slot| [(slot == 1).then_some(7_i32), (slot == 1).then_some(6)];
        assert_eq!(map.get(&7, keys), Some(1));
        assert_eq!(map.get(&6, keys), Some(1), "it has two keys");
        assert_eq!(map.get(&8, keys), None);
        map.remove(&7, 0);
        assert_eq!(map.get(&7, keys), Some(1), "another entity's key stays");
        map.remove(&7, 1);
        assert_eq!(map.get(&7, keys), None);
    }

    #[test]
    fn a_key_that_was_lost_is_free_for_another() {
        let mut map = IdentityMap::new();
        map.note(0);
        assert_eq!(map.get(&7, |_| [Some(7), None]), Some(0));
        assert_eq!(map.get(&7, |_| [Some(8), None]), None, "it has another key by now");
        map.note(0);
        map.note(1);
        let keys = |slot| [Some(if slot == 0 { 8 } else { 7 }), None];
        assert_eq!(map.get(&7, keys), Some(1));
        assert_eq!(map.get(&8, keys), Some(0));
    }
}
