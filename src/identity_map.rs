//! `IdentityMap`: which entity has a key.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::Key;

/// Key to slot, for the entities of one model.
///
/// Entities whose key became known are only noted, and enter the map at the next look-up: a unit
/// of work that only writes never pays for hashing its keys. A key that an entity has lost is found
/// out at the look-up too.
#[derive(Debug)]
pub(crate) struct IdentityMap<K>(RefCell<Keys<K>>);

/// What is known of keys. It grows also when a key is only looked up.
#[derive(Debug)]
struct Keys<K> {
    /// The entities that look-ups have found so far.
    slots: HashMap<K, u32>,
    /// The entities whose keys became known since the last look-up.
    unindexed: Vec<u32>,
}

impl<K: Key> IdentityMap<K> {
    /// Returns a map of no entities.
    pub(crate) fn new() -> IdentityMap<K> {
        IdentityMap(RefCell::new(Keys { slots: HashMap::new(), unindexed: Vec::new() }))
    }

    /// Notes that the keys of this entity may have become known, or may have changed.
    pub(crate) fn note(&mut self, slot: u32) {
        // The same entity is often changed many times in a row.
        let Keys { unindexed, .. } = self.0.get_mut();
        if unindexed.last() != Some(&slot) {
            unindexed.push(slot);
        }
    }

    /// Removes a key that an entity has lost, and gives its memory back.
    pub(crate) fn remove(&mut self, key: &K, slot: u32) {
        let Keys { slots, .. } = self.0.get_mut();
        if slots.get(key) == Some(&slot) {
            slots.remove(key);
        }
    }

    /// Returns the entity with this key. `identity` gives an entity's key as it is now.
    ///
    /// Where several entities have one key, it is the one that the database has under it, and
    /// otherwise the one that was noted first.
    pub(crate) fn get(
        &self,
        key: &K,
        identity: impl Fn(u32) -> Option<Identity<K>>,
    ) -> Option<u32> {
        let Keys { slots, unindexed } = &mut *self.0.borrow_mut();
        for slot in unindexed.drain(..) {
            let Some(Identity { key, is_stored }) = identity(slot) else { continue };
            match slots.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(slot);
                }
                Entry::Occupied(mut entry) => {
                    let other = identity(*entry.get()).filter(|other| other.key == *entry.key());
                    if other.is_none_or(|other| is_stored && !other.is_stored) {
                        entry.insert(slot);
                    }
                }
            }
        }
        let slot = *slots.get(key)?;
        if identity(slot).is_some_and(|identity| identity.key == *key) {
            return Some(slot);
        }
        slots.remove(key);
        None
    }
}

/// The key of an entity, and whether the database has the entity under it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity<K> {
    /// The entity's key as it is now.
    pub(crate) key: K,
    /// The database has the entity under this key.
    pub(crate) is_stored: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_at_the_look_up() {
        let mut map = IdentityMap::new();
        map.note(0);
        map.note(1);
        let keys = |slot| (slot == 1).then_some(Identity { key: 7_i32, is_stored: true });
        assert_eq!(map.get(&7, keys), Some(1));
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
        let stored = |key| Some(Identity { key, is_stored: true });
        assert_eq!(map.get(&7, |_| stored(7)), Some(0));
        assert_eq!(map.get(&7, |_| stored(8)), None, "it has another key by now");
        map.note(0);
        map.note(1);
        let keys = |slot| stored(if slot == 0 { 8 } else { 7 });
        assert_eq!(map.get(&7, keys), Some(1));
        assert_eq!(map.get(&8, keys), Some(0));
    }

    #[test]
    fn the_one_that_is_stored_has_the_key() {
        let mut map = IdentityMap::new();
        let identity = |slot| Some(Identity { key: 7, is_stored: slot == 1 });
        map.note(0);
        assert_eq!(map.get(&7, identity), Some(0));
        map.note(1);
        map.note(2);
        assert_eq!(map.get(&7, identity), Some(1));
    }
}
