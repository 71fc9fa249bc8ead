//! Changes for which no order of statements is sure to do.

use std::collections::{BTreeMap, HashSet};

use super::ChangeSet;
use super::changed::{Drafts, of_model};
use super::late::late_updates;
use crate::error::Error;
use crate::model::Table;

/// The bytes of keys, or of values of one column.
type Bytes = HashSet<Vec<u8>>;

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
        for ((model, column), values) in self.given_up_late(drafts, late_deletes)? {
            if self.is_taken(model, &[column], &values, drafts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a new row has a key that another gives up.
    fn replaces_rows(&self, drafts: &Drafts) -> Result<bool, Error> {
        for (model, arena) in self.arenas.values().enumerate() {
            let (table, key) = (arena.table(), arena.table().key());
            if self.models_of(table).all(|other| self.arenas[other].pending().is_empty()) {
                continue;
            }
            let changed = of_model(drafts, model).filter(|(_, draft)| draft.changes(key));
            let mut keys = Bytes::new();
            for slot in arena.doomed().into_iter().chain(changed.map(|(slot, _)| slot)) {
                keys.extend(self.key_bytes(model, slot, key)?);
            }
            // What is changed and takes a key is in one statement with what gives it up.
            if self.is_taken(model, key, &keys, &Drafts::new())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The values that rows have until they are changed or deleted late, by model and column.
    fn given_up_late(
        &self,
        drafts: &Drafts,
        late_deletes: &HashSet<(usize, u32)>,
    ) -> Result<BTreeMap<(usize, usize), Bytes>, Error> {
        let of_updates = late_updates(drafts)
            .flat_map(|row| drafts[&row].columns.keys().map(move |&column| (row, column)));
        let of_deletes = late_deletes.iter().flat_map(|&row| {
            let columns = 0..self.arenas[row.0].table().columns().len();
            columns.map(move |column| (row, column))
        });
        let mut given_up: BTreeMap<_, Bytes> = BTreeMap::new();
        for ((model, slot), column) in of_updates.chain(of_deletes) {
            let value = self.key_bytes(model, slot, &[column])?;
            given_up.entry((model, column)).or_default().extend(value);
        }
        Ok(given_up)
    }

    /// Whether one of these values of some columns of a table is that of a new row, or of one of these
    /// updates that is not late.
    fn is_taken(
        &self,
        model: usize,
        columns: &[usize],
        values: &Bytes,
        updates: &Drafts,
    ) -> Result<bool, Error> {
        if values.is_empty() {
            return Ok(false);
        }
        let table = self.arenas[model].table();
        for other in self.models_of(table) {
            let arena = &self.arenas[other];
            let Some(columns) = same_columns(table, columns, arena.table()) else { continue };
            let updated = of_model(updates, other)
                .filter(|(_, draft)| !draft.is_late && draft.changes(&columns))
                .map(|(slot, _)| slot);
            for slot in arena.pending().iter().copied().chain(updated) {
                let value = self.new_key_bytes(other, slot, &columns)?;
                if value.is_some_and(|value| values.contains(&value)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Where another model of a table has these columns, if it has all of them.
fn same_columns(table: &Table, columns: &[usize], other: &Table) -> Option<Vec<usize>> {
    let position = |&column: &usize| {
        let name = table.columns()[column].name();
        other.columns().iter().position(|column| column.name() == name)
    };
    columns.iter().map(position).collect()
}
