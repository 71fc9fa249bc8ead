//! New entities whose rows may be there already.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::BytesMut;

use super::{CellAt, CellValue, ChangeSet, EntityAt, NewRows, RowKey};
use crate::arena::AnyArena;
use crate::assignments::{Assignments, RowsOf};
use crate::error::{Error, ErrorKind};
use crate::resolution::Resolution;

/// Returns the new rows of a model: those that are inserted, and those that are looked for first, in
/// groups of one [`Resolution`] each.
pub(super) fn new_rows<'a>(
    arena: &'a dyn AnyArena,
    model: usize,
    left_out: &HashSet<EntityAt>,
) -> Vec<NewRows<'a>> {
    let mut pending = Cow::Borrowed(arena.pending());
    if !left_out.is_empty() {
        pending.to_mut().retain(|&slot| !left_out.contains(&EntityAt { model, slot }));
    }
    if pending.is_empty() {
        return Vec::new();
    }
    if arena.resolutions().is_empty() {
        return vec![NewRows::new(arena, model, pending, None)];
    }
    let mut groups: Vec<(Option<&Arc<Resolution>>, Vec<u32>)> = Vec::new();
    for &slot in pending.iter() {
        let resolution = arena.resolutions().get(slot);
        match groups.iter_mut().find(|(other, _)| *other == resolution) {
            Some((_, slots)) => slots.push(slot),
            None => groups.push((resolution, vec![slot])),
        }
    }
    groups
        .into_iter()
        .map(|(resolution, slots)| NewRows::new(arena, model, Cow::Owned(slots), resolution))
        .collect()
}

impl ChangeSet<'_> {
    /// Finds out whether every entity that is looked for can be: its natural key has no NULL, and no
    /// other new entity has the same. Keeps the natural keys with their rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] otherwise; a value that cannot be encoded.
    pub(super) fn collect_natural_keys(&mut self) -> Result<(), Error> {
        // Two groups can be of one table, by one natural key or by several.
        let mut known: HashMap<(usize, &'static [usize], Vec<u8>), u32> = HashMap::new();
        let none = Assignments::default();
        for table in 0..self.tables.len() {
            let NewRows { resolution: Some(resolution), model, .. } = self.tables[table] else {
                continue;
            };
            let columns = resolution.natural_key.columns();
            let mut keys = Vec::with_capacity(self.tables[table].len());
            for (row, &slot) in (0..).zip(self.tables[table].slots()) {
                let key = self.natural_key(RowsOf::New(table), row, columns, &none)?;
                let key = key.map_err(|column| self.null_part(table, row, column))?;
                if let Some(other) = known.insert((model, columns, key.clone()), slot) {
                    return Err(self.same_natural_key(model, other, slot));
                }
                keys.push(key);
            }
            self.tables[table].natural_keys = keys;
        }
        let mut sought: Vec<(usize, &'static [usize])> =
            known.keys().map(|&(model, columns, _)| (model, columns)).collect();
        sought.sort_unstable();
        sought.dedup();
        for (model, columns) in sought {
            for &table in &self.tables_of_model[model] {
                let rows = &self.tables[table];
                // Those that are looked for by the same natural key are known.
                if rows.resolution.is_some_and(|other| other.natural_key.columns() == columns) {
                    continue;
                }
                for (row, &slot) in (0..).zip(rows.slots()) {
                    let key = self.natural_key(RowsOf::New(table), row, columns, &none)?;
                    let other = key.ok().and_then(|key| known.get(&(model, columns, key)));
                    if let Some(&other) = other {
                        return Err(self.same_natural_key(model, other.min(slot), other.max(slot)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the bytes of the natural key of a row, by which rows are told apart and ordered, as far as
    /// keys are assigned; or the column that is NULL in it.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded.
    pub(crate) fn natural_key(
        &self,
        rows: RowsOf,
        row: u32,
        columns: &[usize],
        assigned: &Assignments,
    ) -> Result<Result<Vec<u8>, usize>, Error> {
        let mut key = Vec::new();
        for &column in columns {
            match self.natural_part(CellAt { rows, row, column }, assigned)? {
                Some(part) => key.extend(part),
                None => return Ok(Err(column)),
            }
        }
        Ok(Ok(key))
    }

    /// Returns the error for a natural key that has NULL in a column.
    fn null_part(&self, table: usize, row: u32, column: usize) -> Error {
        let place = self.place(CellAt { rows: RowsOf::New(table), row, column });
        let message = "a part of the natural key is NULL, so that no row can be found by it";
        self.error(place, ErrorKind::Conflict, message)
            .with_hint("give it a value, or `add` the entity")
    }

    /// Returns the bytes of a part of a natural key, unless it is NULL.
    fn natural_part(&self, cell: CellAt, assigned: &Assignments) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = BytesMut::new();
        let place = self.place(cell);
        let (tag, bytes): (u8, Vec<u8>) = match self.value_at(place, assigned, &mut bytes)? {
            CellValue::Value => {
                let ty = self.arenas[place.entity.model].table().columns()[cell.column].ty();
                match ty.as_integer(&bytes) {
                    // The least comes first.
                    Some(integer) => (0, (integer ^ i64::MIN).to_be_bytes().to_vec()),
                    None => (0, bytes.to_vec()),
                }
            }
            CellValue::Unassigned(CellAt { rows, row, .. }) => {
                let table = match rows {
                    RowsOf::New(at) | RowsOf::Changed(at) => at as u64,
                };
                (1, [&table.to_be_bytes()[..], &row.to_be_bytes()].concat())
            }
            CellValue::Null | CellValue::Default => return Ok(None),
        };
        let len = (bytes.len() as u64).to_be_bytes();
        // The length comes last, so that texts are ordered as texts are.
        Ok(Some([&[tag][..], &bytes, &len].concat()))
    }

    /// Returns the keys of the entities of a table's model that the database has, by column and in their
    /// binary form.
    ///
    /// # Errors
    ///
    /// A key that cannot be encoded.
    pub(crate) fn stored_key_values(&self, table: usize) -> Result<BTreeSet<RowKey>, Error> {
        let model = self.tables[table].model;
        let (arena, mut keys) = (&self.arenas[model], BTreeSet::new());
        for slot in arena.stored() {
            let mut key = RowKey::new();
            for &column in arena.table().key() {
                let mut raw = BytesMut::new();
                let place = EntityAt { model, slot }.column(column);
                let is_value = self.stored_at(place, &mut raw)? == CellValue::Value;
                key.push(is_value.then(|| raw.to_vec()));
            }
            keys.insert(key);
        }
        Ok(keys)
    }

    fn same_natural_key(&self, model: usize, one: u32, other: u32) -> Error {
        // In the order of `add`, counted from 1.
        let number = |slot: u32| slot + 1;
        let message = format!(
            "the entities {} and {} of the model, counted in the order in which the unit of work got \
             them, have the same natural key, and would be one row",
            number(one),
            number(other)
        );
        Error::new(ErrorKind::Conflict, message)
            .with_table(self.arenas[model].table().name())
            .with_hint("keep one of the two, and have what refers to the other refer to it")
    }
}
