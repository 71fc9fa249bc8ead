//! How entities are named for people, and for the caller.

use std::collections::HashMap;

use bytes::BytesMut;

use super::{CellAt, ChangeSet, EntityAt};
use crate::assignments::{Assignments, RowsOf};
use crate::error::Error;
use crate::handle::AnyHandle;
use crate::model::Table;

/// By what a row refers to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ties {
    /// By its handle: without the new row there is nothing to refer to.
    Handles,
    /// By its handle, or by a value that it has: another row can have the value, too.
    HandlesAndValues,
}

impl ChangeSet<'_> {
    /// Returns the handle of an entity.
    pub(crate) fn handle(&self, entity: EntityAt) -> Option<AnyHandle> {
        let (&model, _) = self.arenas.get_index(entity.model)?;
        Some(AnyHandle { model, stamp: self.stamp, slot: entity.slot })
    }

    /// Returns the entities of some rows that are inserted, updated or deleted.
    pub(crate) fn written_in(&self, rows: RowsOf) -> Vec<EntityAt> {
        let entity = |model: usize| move |slot: u32| EntityAt { model, slot };
        match rows {
            RowsOf::New(at) => {
                let rows = &self.tables[at];
                rows.slots().iter().copied().map(entity(rows.model())).collect()
            }
            RowsOf::Changed(at) => {
                let rows = &self.changed[at];
                let updated = rows.updated().iter().map(|updated| rows.slot_of(updated.row));
                updated.chain(rows.deleted().iter().copied()).map(entity(rows.model())).collect()
            }
        }
    }

    /// Returns where the entity of a handle is.
    pub(crate) fn entity_at(&self, handle: AnyHandle) -> Option<EntityAt> {
        let model = self.arenas.get_index_of(&handle.model)?;
        (handle.stamp == self.stamp).then_some(EntityAt { model, slot: handle.slot })
    }

    /// Returns the table of a model.
    pub(crate) fn table_of(&self, model: usize) -> &'static Table {
        self.arenas[model].table()
    }

    /// Returns the number of an entity among those of its model to which the same is done, counted from 1
    /// in the order in which the unit of work got them, and how many there are.
    pub(crate) fn number(&self, entity: EntityAt) -> (usize, usize) {
        let EntityAt { model, slot } = entity;
        let among = |slots: &[u32]| Some((slots.binary_search(&slot).ok()? + 1, slots.len()));
        if let Some(number) = among(self.arenas[model].pending()) {
            return number;
        }
        for rows in self.changed.iter().filter(|rows| rows.model() == model) {
            let mut deleted = rows.deleted().to_vec();
            deleted.sort_unstable();
            let updated = rows.updated().iter().map(|updated| rows.slot_of(updated.row));
            let mut updated: Vec<u32> = updated.collect();
            updated.sort_unstable();
            if let Some(number) = among(&deleted).or_else(|| among(&updated)) {
                return number;
            }
        }
        (1, 1)
    }

    /// Returns the number of models.
    pub(crate) fn models(&self) -> usize {
        self.arenas.len()
    }

    /// Returns the new rows in which a cell has no value that can be sent, each with the error.
    pub(crate) fn unsendable(&self) -> Vec<(EntityAt, Error)> {
        let (mut found, mut buffer, none) = (Vec::new(), BytesMut::new(), Assignments::default());
        for (table, rows) in self.tables.iter().enumerate() {
            for (row, &slot) in (0..).zip(rows.slots()) {
                let error = (0..rows.table().columns().len()).find_map(|column| {
                    buffer.clear();
                    let cell = CellAt { rows: RowsOf::New(table), row, column };
                    self.value(cell, &none, &mut buffer).err()
                });
                let entity = EntityAt { model: rows.model(), slot };
                found.extend(error.map(|error| (entity, error)));
            }
        }
        found
    }

    /// Returns for each new or updated row those new rows that it refers to, by a handle or by a key that
    /// the other one has.
    pub(crate) fn references_to_new(&self, by: Ties) -> HashMap<EntityAt, Vec<EntityAt>> {
        let (mut children, mut buffer) = (HashMap::<_, Vec<_>>::new(), BytesMut::new());
        for of in self.all_rows() {
            let (model, slots) = self.slots_of(of);
            let table = self.arenas[model].table();
            for foreign_key in table.foreign_keys() {
                let target = foreign_key.target;
                let by_key = match by {
                    Ties::Handles => HashMap::new(),
                    Ties::HandlesAndValues => {
                        self.new_by_key(|table| table.is(target).then(|| target.key().to_vec()))
                    }
                };
                for (row, &slot) in (0..).zip(slots) {
                    let child = EntityAt { model, slot };
                    for &column in foreign_key.columns {
                        buffer.clear();
                        let cell = CellAt { rows: of, row, column };
                        for parent in self.new_parents(cell, &mut buffer).unwrap_or_default() {
                            let (model, slots) = self.slots_of(parent.rows);
                            let parent = EntityAt { model, slot: slots[parent.row as usize] };
                            children.entry(parent).or_default().push(child);
                        }
                    }
                    if by_key.is_empty() {
                        continue;
                    }
                    let key = self.new_key_bytes(child, foreign_key.columns).ok().flatten();
                    if let Some(&parent) = key.and_then(|key| by_key.get(&key)) {
                        children.entry(parent).or_default().push(child);
                    }
                }
            }
        }
        children
    }

    /// Returns the new rows of the tables that have such columns, by the bytes of these, where they are
    /// known.
    pub(crate) fn new_by_key(
        &self,
        columns_of: impl Fn(&'static Table) -> Option<Vec<usize>>,
    ) -> HashMap<Vec<u8>, EntityAt> {
        let mut by_key = HashMap::new();
        for rows in &self.tables {
            let Some(columns) = columns_of(rows.table()) else { continue };
            for &slot in rows.slots() {
                let entity = EntityAt { model: rows.model(), slot };
                if let Ok(Some(key)) = self.new_key_bytes(entity, &columns) {
                    by_key.insert(key, entity);
                }
            }
        }
        by_key
    }
}
