//! What can be changed only after new rows are there, and what only after that.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::ChangeSet;
use super::changed::Drafts;
use crate::error::Error;

/// The updates that refer to new rows.
pub(super) fn late_updates(drafts: &Drafts) -> impl Iterator<Item = (usize, u32)> {
    drafts.iter().filter(|(_, draft)| draft.is_late).map(|(&at, _)| at)
}

impl ChangeSet<'_> {
    /// Finds the updates that refer to new rows whose keys are known: those of other new rows were
    /// found when their values were looked for.
    pub(super) fn find_late(&self, drafts: &mut Drafts) -> Result<(), Error> {
        let mut new_keys: HashMap<usize, HashSet<Vec<u8>>> = HashMap::new();
        for (&(model, slot), draft) in drafts.iter_mut().filter(|(_, draft)| !draft.is_late) {
            for foreign_key in self.arenas[model].table().foreign_keys() {
                if !draft.changes(foreign_key.columns) {
                    continue;
                }
                let Some(key) = self.new_key_bytes(model, slot, foreign_key.columns)? else {
                    continue;
                };
                for target in self.models_of(foreign_key.target) {
                    let keys = match new_keys.entry(target) {
                        Entry::Occupied(keys) => keys.into_mut(),
                        Entry::Vacant(keys) => keys.insert(self.new_keys(target)?),
                    };
                    draft.is_late |= keys.contains(&key);
                }
            }
        }
        Ok(())
    }

    /// The bytes of the keys that new rows of a model have of their own.
    fn new_keys(&self, model: usize) -> Result<HashSet<Vec<u8>>, Error> {
        let (arena, mut keys) = (&self.arenas[model], HashSet::new());
        for &slot in arena.pending() {
            keys.extend(self.new_key_bytes(model, slot, arena.table().key())?);
        }
        Ok(keys)
    }

    /// The rows that can be deleted only after late updates, which take away what refers to them.
    pub(super) fn late_deletes(&self, drafts: &Drafts) -> Result<HashSet<(usize, u32)>, Error> {
        let mut late = HashSet::new();
        if !drafts.values().any(|draft| draft.is_late) {
            return Ok(late);
        }
        let mut by_key: HashMap<(usize, Vec<u8>), u32> = HashMap::new();
        for (model, arena) in self.arenas.values().enumerate() {
            for slot in arena.doomed() {
                if let Some(key) = self.key_bytes(model, slot, arena.table().key())? {
                    by_key.insert((model, key), slot);
                }
            }
        }
        let mut referring: Vec<(usize, u32)> = late_updates(drafts).collect();
        while let Some((model, slot)) = referring.pop() {
            for parent in self.stored_references(model, slot)? {
                if let Some(&slot) = by_key.get(&parent) {
                    if late.insert((parent.0, slot)) {
                        referring.push((parent.0, slot));
                    }
                }
            }
        }
        Ok(late)
    }

    /// What a row refers to as the database has it: for each model that its foreign keys lead to, the
    /// bytes of the key.
    fn stored_references(&self, model: usize, slot: u32) -> Result<Vec<(usize, Vec<u8>)>, Error> {
        let mut references = Vec::new();
        for foreign_key in self.arenas[model].table().foreign_keys() {
            let Some(key) = self.key_bytes(model, slot, foreign_key.columns)? else { continue };
            let targets = self.models_of(foreign_key.target);
            references.extend(targets.map(|target| (target, key.clone())));
        }
        Ok(references)
    }
}
