//! Changes for which no order of statements is sure to do.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::ChangeSet;
use super::changed::Drafts;
use super::late::late_updates;
use crate::error::Error;

/// Values that rows give up, each as the bytes of a key of one column, by model and column.
type GivenUp = BTreeMap<(usize, usize), HashSet<Vec<u8>>>;

impl ChangeSet<'_> {
    /// Whether no order of statements is sure to do, where new rows are written after what is changed
    /// and deleted, and before what is late:
    ///
    /// - A new row takes the key of one that is deleted, or gets another. Rows may refer to that key, of
    ///   which nothing is known here, and keep it until the new row is there.
    /// - A key changes. What is changed late may refer to the old one until then, and new rows to what
    ///   the key becomes.
    /// - A value that is to be unique may be given up late, and taken before.
    pub(super) fn has_no_order(
        &self,
        drafts: &Drafts,
        late_deletes: &HashSet<(usize, u32)>,
    ) -> Result<bool, Error> {
        if self.replaces_rows(drafts)? {
            return Ok(true);
        }
        if late_updates(drafts).next().is_none() {
            return Ok(false);
        }
        if self.changed_keys(drafts).next().is_some() {
            return Ok(true);
        }
        self.takes_early(drafts, &self.given_up_late(drafts, late_deletes)?)
    }

    /// Whether a new row has a key that another gives up.
    fn replaces_rows(&self, drafts: &Drafts) -> Result<bool, Error> {
        let mut given_up: HashMap<usize, Vec<u32>> = HashMap::new();
        for (model, arena) in self.arenas.values().enumerate() {
            given_up.insert(model, arena.doomed());
        }
        for (model, slot) in self.changed_keys(drafts) {
            given_up.entry(model).or_default().push(slot);
        }
        for (model, slots) in given_up {
            let table = self.arenas[model].table();
            let is_of_new_rows = |&other: &usize| {
                self.arenas[other].table().is(table) && !self.arenas[other].pending().is_empty()
            };
            let others: Vec<usize> = (0..self.arenas.len()).filter(is_of_new_rows).collect();
            if slots.is_empty() || others.is_empty() {
                continue;
            }
            let mut keys = HashSet::new();
            for slot in slots {
                keys.extend(self.key_bytes(model, slot, table.key())?);
            }
            for other in others {
                for &slot in self.arenas[other].pending() {
                    let key = self.new_key_bytes(other, slot, self.arenas[other].table().key())?;
                    if key.is_some_and(|key| keys.contains(&key)) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// The values that rows have until they are changed or deleted late.
    fn given_up_late(
        &self,
        drafts: &Drafts,
        late_deletes: &HashSet<(usize, u32)>,
    ) -> Result<GivenUp, Error> {
        let of_updates = late_updates(drafts)
            .flat_map(|row| drafts[&row].columns.keys().map(move |&column| (row, column)));
        let of_deletes = late_deletes.iter().flat_map(|&row| {
            let columns = 0..self.arenas[row.0].table().columns().len();
            columns.map(move |column| (row, column))
        });
        let mut given_up = GivenUp::new();
        for ((model, slot), column) in of_updates.chain(of_deletes) {
            let value = self.key_bytes(model, slot, &[column])?;
            given_up.entry((model, column)).or_default().extend(value);
        }
        Ok(given_up)
    }

    /// Whether a row that is new, or changed before the new ones are written, takes one of these.
    fn takes_early(&self, drafts: &Drafts, given_up: &GivenUp) -> Result<bool, Error> {
        for (&(model, column), values) in given_up {
            let table = self.arenas[model].table();
            let name = table.columns()[column].name();
            for (other, arena) in self.arenas.values().enumerate() {
                let same = arena.table().columns().iter().position(|column| column.name() == name);
                let Some(column) = same.filter(|_| arena.table().is(table)) else { continue };
                let updated = drafts.range((other, 0)..=(other, u32::MAX));
                let updated = updated
                    .filter(|(_, draft)| !draft.is_late && draft.columns.contains_key(&column))
                    .map(|(&(_, slot), _)| slot);
                for slot in arena.pending().iter().copied().chain(updated) {
                    let value = self.new_key_bytes(other, slot, &[column])?;
                    if value.is_some_and(|value| values.contains(&value)) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}
