//! What a flush has to change in rows that the database has: columns to update, rows to delete.

use std::collections::BTreeMap;

use bytes::BytesMut;
use indexmap::IndexSet;

use super::{CellValue, ChangeSet, EntityAt, PassedOn, Place, key_bytes};
use crate::arena::AnyArena;
use crate::assignments::Assignments;
use crate::error::{Error, ErrorKind};
use crate::handle::AnyHandle;
use crate::model::{Encoder, Source, SqlType, Table, Value};
use crate::state::State;

/// What an update makes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SetTo {
    Value,
    Default,
}

/// The columns that change in a row, by position and in the table's order.
pub(crate) type ChangedColumns = Vec<(usize, SetTo)>;

/// A row that is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UpdatedRow {
    /// The position in [`ChangedRows::slots`].
    pub(crate) row: u32,
    /// The position in [`ChangedRows::sets`] of the columns that change.
    pub(crate) set: u32,
}

/// The changed rows of one model.
pub(crate) struct ChangedRows<'a> {
    pub(super) arena: &'a dyn AnyArena,
    /// The arena's position, which stands for its model.
    pub(super) model: usize,
    /// The entities that are updated, or get something back, in ascending order.
    pub(super) slots: Vec<u32>,
    /// The sets of columns that change, each once.
    sets: IndexSet<ChangedColumns>,
    /// In the order of their keys.
    updated: Vec<UpdatedRow>,
    /// The entities that are deleted, in the order of their keys.
    deleted: Vec<u32>,
    /// The entities that are updated or deleted, in the order of their keys, with these.
    by_key: Vec<(KeyBytes, u32)>,
}

impl ChangedRows<'_> {
    pub(crate) fn table(&self) -> &'static Table {
        self.arena.table()
    }

    /// Returns the position of the model in the unit of work.
    pub(crate) fn model(&self) -> usize {
        self.model
    }

    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(crate) fn updated(&self) -> &[UpdatedRow] {
        &self.updated
    }

    pub(crate) fn deleted(&self) -> &[u32] {
        &self.deleted
    }

    /// Returns the sets of columns that change in one row or another.
    pub(crate) fn sets(&self) -> &IndexSet<ChangedColumns> {
        &self.sets
    }

    /// Returns the columns that change in a row.
    pub(crate) fn columns_of(&self, updated: UpdatedRow) -> &[(usize, SetTo)] {
        &self.sets[updated.set as usize]
    }

    /// Returns the slot of an updated row's entity.
    pub(crate) fn slot_of(&self, row: u32) -> u32 {
        self.slots[row as usize]
    }

    /// Returns the entities that are updated or deleted, in the order of their keys, with these.
    pub(crate) fn by_key(&self) -> &[(KeyBytes, u32)] {
        &self.by_key
    }

    /// Returns `true` if one of these columns changes in any row.
    pub(crate) fn updates_any(&self, columns: &[usize]) -> bool {
        self.sets.iter().flatten().any(|(column, _)| columns.contains(column))
    }
}

/// What is to become of one row.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) columns: BTreeMap<usize, SetTo>,
}

impl Draft {
    /// Returns `true` if one of these columns changes.
    pub(super) fn changes(&self, columns: &[usize]) -> bool {
        columns.iter().any(|column| self.columns.contains_key(column))
    }
}

/// The rows to be updated.
pub(super) type Drafts = BTreeMap<EntityAt, Draft>;

/// Returns the rows of one model that are to be updated.
fn of_model(drafts: &Drafts, model: usize) -> impl Iterator<Item = (u32, &Draft)> {
    let of_slot = |slot: u32| EntityAt { model, slot };
    drafts.range(of_slot(0)..=of_slot(u32::MAX)).map(|(entity, draft)| (entity.slot, draft))
}

/// The bytes of a key, each part after its length; none where a part is NULL.
pub(crate) type KeyBytes = Option<Vec<u8>>;

impl<'a> ChangeSet<'a> {
    /// Compares every entity that may have been changed with what the database has.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded, and when an entity refers to one that is not there.
    pub(super) fn collect_changed(&mut self) -> Result<(), Error> {
        let mut drafts = Drafts::new();
        loop {
            let followed = self.followed.len();
            let conflict = self.compare_all(&mut drafts)?;
            self.follow_keys(&mut drafts)?;
            if self.followed.len() == followed {
                conflict.map_or(Ok(()), Err)?;
                break;
            }
            // What refers to a key that has followed another differs now as well, and fields that
            // share a column may agree.
        }
        for (model, arena) in self.arenas.values().enumerate() {
            let mut marked = arena.marked_for_deletion();
            marked.retain(|&slot| !self.left_out.contains(&EntityAt { model, slot }));
            if marked.is_empty() && of_model(&drafts, model).next().is_none() {
                continue;
            }
            let rows = self.changed_rows(model, &**arena, &drafts, &marked)?;
            self.changed.push(rows);
        }
        Ok(())
    }

    /// Adds the columns in which entities differ from their rows. Gives an error where fields that
    /// share a column do not agree.
    fn compare_all(&mut self, drafts: &mut Drafts) -> Result<Option<Error>, Error> {
        self.changed_bytes = 0;
        self.passed_on = PassedOn::default();
        let mut conflict = None;
        for (model, arena) in self.arenas.values().enumerate() {
            for slot in arena.changed() {
                let entity = EntityAt { model, slot };
                if self.left_out.contains(&entity) {
                    continue;
                }
                if let Some(found) = self.compare(entity, &mut conflict)? {
                    let draft = drafts.entry(entity).or_default();
                    draft.columns.extend(found.columns);
                }
            }
        }
        Ok(conflict)
    }

    /// Returns the columns in which an entity differs from its row; none if it need not be looked
    /// at again.
    fn compare(
        &mut self,
        entity: EntityAt,
        conflict: &mut Option<Error>,
    ) -> Result<Option<Draft>, Error> {
        let table = self.arenas[entity.model].table();
        let (mut draft, mut has_handle) = (Draft::default(), false);
        // Columns that keep their value, and refer to a new row with it.
        let mut kept = Vec::new();
        let mut buffer = BytesMut::new();
        for (column, description) in table.columns().iter().enumerate() {
            if description.is_generated() || description.is_version() {
                continue;
            }
            buffer.clear();
            let place = entity.column(column);
            let stored = self.stored_at(place, &mut buffer)?;
            let stored_bytes = buffer.split();
            let current = match self.value_at(place, &Assignments::default(), &mut buffer) {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    conflict.get_or_insert(error);
                    draft.columns.insert(column, SetTo::Value);
                    continue;
                }
                current => current?,
            };
            let is_same = match current {
                CellValue::Value => stored == CellValue::Value && buffer == stored_bytes,
                CellValue::Unassigned(_) => false,
                other => stored == other,
            };
            if is_same {
                if current == CellValue::Value && self.refers_to_new(place)? {
                    kept.push((column, buffer.split()));
                }
                has_handle = has_handle
                    || self.any_source(place, |source| matches!(source, Source::Pending { .. }))?;
                continue;
            }
            if current == CellValue::Default && table.key().contains(&column) {
                let message = "the key of an entity that is in the database was set to `None`";
                return Err(self.error(place, ErrorKind::Handle, message));
            }
            let is_default = current == CellValue::Default;
            draft.columns.insert(column, if is_default { SetTo::Default } else { SetTo::Value });
            self.changed_bytes += buffer.len();
            let old = (stored == CellValue::Value).then_some(&stored_bytes[..]);
            let new = (current == CellValue::Value).then_some(&buffer[..]);
            self.passed_on.note(description.ty(), old, new);
        }
        for (column, value) in self.taken_over(entity, &draft, kept)? {
            draft.columns.insert(column, SetTo::Value);
            self.changed_bytes += value.len();
            self.passed_on.note(table.columns()[column].ty(), Some(&value), Some(&value));
        }
        let is_needed = has_handle || !draft.columns.is_empty();
        Ok(is_needed.then_some(draft))
    }

    /// Returns those columns, of some that keep their value, whose reference to a new row changes in
    /// no column. The new row takes over the key, and is another row all the same. Where another
    /// column of the reference changes, as where two parents share the column of a tenant, nothing has
    /// to be written into the column that keeps its value. Citus would refuse it.
    fn taken_over(
        &self,
        entity: EntityAt,
        draft: &Draft,
        mut kept: Vec<(usize, BytesMut)>,
    ) -> Result<Vec<(usize, BytesMut)>, Error> {
        if kept.is_empty() || draft.columns.is_empty() {
            return Ok(kept);
        }
        let mut to_new = Vec::new();
        for foreign_key in self.arenas[entity.model].table().foreign_keys() {
            let mut columns = foreign_key.columns.iter();
            let is_new = columns.try_fold(true, |all, &column| {
                Ok(all && self.refers_to_new(entity.column(column))?)
            })?;
            if is_new {
                to_new.push(foreign_key.columns);
            }
        }
        kept.retain(|(column, _)| {
            let mut of_column = to_new.iter().filter(|columns| columns.contains(column)).peekable();
            of_column.peek().is_none() || of_column.any(|columns| !draft.changes(columns))
        });
        Ok(kept)
    }

    /// Returns `true` if a cell refers by a handle to an entity that the database does not have.
    fn refers_to_new(&self, place: Place) -> Result<bool, Error> {
        self.any_source(place, |source| match source {
            Source::Pending { entity, .. } => {
                let AnyHandle { model, slot, .. } = entity.handle;
                self.arenas.get(&model).is_some_and(|arena| arena.state(slot) == State::Pending)
            }
            _ => false,
        })
    }

    fn changed_rows(
        &self,
        model: usize,
        arena: &'a dyn AnyArena,
        drafts: &Drafts,
        marked: &[u32],
    ) -> Result<ChangedRows<'a>, Error> {
        let key = arena.table().key();
        let (mut slots, mut sets) = (Vec::new(), IndexSet::new());
        let (mut updated, mut deleted) = (Vec::new(), Vec::new());
        for (slot, draft) in of_model(drafts, model) {
            if !draft.columns.is_empty() {
                let columns = draft.columns.iter().map(|(&column, &to)| (column, to)).collect();
                let (set, _) = sets.insert_full(columns);
                let row = UpdatedRow { row: slots.len() as u32, set: set as u32 };
                updated.push((self.key_bytes(EntityAt { model, slot }, key)?, slot, row));
            }
            slots.push(slot);
        }
        for &slot in marked {
            deleted.push((self.key_bytes(EntityAt { model, slot }, key)?, slot));
        }
        updated.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        deleted.sort_unstable();
        let mut by_key = deleted.clone();
        by_key.extend(updated.iter().map(|(key, slot, _)| (key.clone(), *slot)));
        by_key.sort_unstable();
        let updated = updated.into_iter().map(|(_, _, row)| row).collect();
        let deleted = deleted.into_iter().map(|(_, slot)| slot).collect();
        Ok(ChangedRows { arena, model, slots, sets, updated, deleted, by_key })
    }

    /// Returns the bytes of these columns as the entity has them.
    pub(crate) fn new_key_bytes(
        &self,
        entity: EntityAt,
        columns: &[usize],
    ) -> Result<KeyBytes, Error> {
        let known = Assignments::default();
        key_bytes(self.arenas[entity.model].table(), columns, |column, value| {
            self.value_at(entity.column(column), &known, value)
        })
    }

    /// Returns the bytes of these columns as the database has them.
    pub(crate) fn key_bytes(&self, entity: EntityAt, columns: &[usize]) -> Result<KeyBytes, Error> {
        key_bytes(self.arenas[entity.model].table(), columns, |column, value| {
            self.stored_at(entity.column(column), value)
        })
    }
}

impl ChangeSet<'_> {
    /// Returns the value of a cell as the database has it, by model and slot. The bytes of a value,
    /// and nothing else, are appended to `buffer`.
    pub(super) fn stored_at(
        &self,
        place: Place,
        buffer: &mut BytesMut,
    ) -> Result<CellValue, Error> {
        let arena = &self.arenas[place.entity.model];
        let before = buffer.len();
        let mut out = Encoder::new(buffer);
        arena.encode_stored(place.entity.slot, place.column, &mut out);
        let sources = match out.single() {
            Some(source) => vec![source],
            None => out.sources(arena.table(), place.column)?,
        };
        let value = sources.iter().find_map(|source| match *source {
            Source::Value { start, end } => Some(start..end),
            _ => None,
        });
        let Some(range) = value else {
            let is_null = sources.contains(&Source::Null);
            return Ok(if is_null { CellValue::Null } else { CellValue::Default });
        };
        let len = range.len();
        buffer.copy_within(range, before);
        buffer.truncate(before + len);
        Ok(CellValue::Value)
    }

    /// Returns the bytes of a stored key's column, or version, of an entity that is updated or
    /// deleted.
    ///
    /// # Errors
    ///
    /// When it has no value.
    pub(crate) fn stored_value(
        &self,
        rows: &ChangedRows<'_>,
        slot: u32,
        column: usize,
        buffer: &mut BytesMut,
    ) -> Result<(), Error> {
        let place = EntityAt { model: rows.model, slot }.column(column);
        match self.stored_at(place, buffer)? {
            CellValue::Value => Ok(()),
            _ => {
                let message =
                    "the entity is in the database, and this part of its key is not known";
                Err(self.error(place, ErrorKind::Handle, message))
            }
        }
    }

    /// Returns an entity's key for people, where it is one of numbers or UUIDs. Other keys can hold
    /// what must not get into logs.
    pub(crate) fn show_key(&self, rows: &ChangedRows<'_>, slot: u32) -> Option<String> {
        let (table, mut parts) = (rows.table(), Vec::new());
        for &column in table.key() {
            let mut buffer = BytesMut::new();
            self.stored_value(rows, slot, column, &mut buffer).ok()?;
            parts.push(show(table.columns()[column].ty(), &buffer)?);
        }
        Some(match &parts[..] {
            [part] => part.clone(),
            _ => format!("({})", parts.join(", ")),
        })
    }

    /// Names an entity for an error.
    pub(crate) fn name(&self, rows: &ChangedRows<'_>, slot: u32) -> AnyHandle {
        let model = self.arenas.get_index(rows.model).map(|(&model, _)| model);
        let model = model.expect("a change set's models are those of its arenas");
        AnyHandle { model, stamp: self.stamp, slot }
    }
}

fn show(ty: SqlType, raw: &[u8]) -> Option<String> {
    fn integer<V: Value + ToString>(raw: &[u8]) -> Option<String> {
        V::decode(raw).ok().map(|value| value.to_string())
    }
    if ty == SqlType::INT2 {
        integer::<i16>(raw)
    } else if ty == SqlType::INT4 {
        integer::<i32>(raw)
    } else if ty == SqlType::INT8 {
        integer::<i64>(raw)
    } else if ty == SqlType::UUID {
        let hex = format!("{:032x}", u128::from_be_bytes(raw.try_into().ok()?));
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Some(parts.join("-"))
    } else {
        None
    }
}
