//! What a flush has to change in rows that the database has: columns to update, rows to delete.

use std::collections::{BTreeMap, HashSet};

use bytes::BytesMut;
use indexmap::IndexMap;

use super::{CellValue, ChangeSet, Place, key_bytes};
use crate::arena::AnyArena;
use crate::assignments::Assignments;
use crate::error::{Error, ErrorKind};
use crate::handle::AnyHandle;
use crate::model::{Encoder, Source, SqlType, Table, Value};

/// What an update makes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SetTo {
    Value,
    Default,
}

/// Rows of one table in which the same columns have changed.
#[derive(Debug)]
pub(crate) struct UpdateGroup {
    /// By position, in the table's order.
    pub(crate) columns: Vec<(usize, SetTo)>,
    /// Positions in [`ChangedRows::slots`], in the order of their keys.
    pub(crate) rows: Vec<u32>,
    /// They refer to new rows, so that those have to be written first.
    pub(crate) is_late: bool,
}

/// Rows of one table to be deleted.
#[derive(Debug)]
pub(crate) struct DeleteGroup {
    /// In the order of their keys.
    pub(crate) slots: Vec<u32>,
    /// Rows that are updated late refer to them until then.
    pub(crate) is_late: bool,
}

/// The changed rows of one table.
pub(crate) struct ChangedRows<'a> {
    pub(super) arena: &'a dyn AnyArena,
    /// The arena's position, which stands for its model.
    pub(super) model: usize,
    /// The entities that are updated, or get something back, in ascending order.
    pub(super) slots: Vec<u32>,
    updates: Vec<UpdateGroup>,
    deletes: Vec<DeleteGroup>,
    /// All entities that are updated or deleted, in the order of their keys, and whether late.
    locked: Vec<(u32, bool)>,
}

impl ChangedRows<'_> {
    pub(crate) fn table(&self) -> &'static Table {
        self.arena.table()
    }

    /// The position of the model in the unit of work.
    pub(crate) fn model(&self) -> usize {
        self.model
    }

    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(crate) fn updates(&self) -> &[UpdateGroup] {
        &self.updates
    }

    /// The entities of a group.
    pub(crate) fn slots_of(&self, group: &UpdateGroup) -> Vec<u32> {
        group.rows.iter().map(|&row| self.slots[row as usize]).collect()
    }

    pub(crate) fn deletes(&self) -> &[DeleteGroup] {
        &self.deletes
    }

    /// The entities that are updated or deleted in this part, in the order of their keys.
    pub(crate) fn locked(&self, part: impl Fn(bool) -> bool) -> Vec<u32> {
        let in_part = self.locked.iter().filter(|(_, is_late)| part(*is_late));
        in_part.map(|&(slot, _)| slot).collect()
    }

    /// Whether rows are deleted, or get another key, so that nothing can refer to them meanwhile.
    pub(crate) fn locks_keys(&self) -> bool {
        let key = self.table().key();
        let is_of_key = |group: &UpdateGroup| group.columns.iter().any(|(c, _)| key.contains(c));
        !self.deletes.is_empty() || self.updates.iter().any(is_of_key)
    }
}

/// What is to become of one row.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) columns: BTreeMap<usize, SetTo>,
    pub(super) is_late: bool,
}

impl Draft {
    /// Whether one of these columns changes.
    pub(super) fn changes(&self, columns: &[usize]) -> bool {
        columns.iter().any(|column| self.columns.contains_key(column))
    }
}

/// The rows to be updated, by model and slot.
pub(super) type Drafts = BTreeMap<(usize, u32), Draft>;

/// The rows of one model that are to be updated.
pub(super) fn of_model(drafts: &Drafts, model: usize) -> impl Iterator<Item = (u32, &Draft)> {
    drafts.range((model, 0)..=(model, u32::MAX)).map(|(&(_, slot), draft)| (slot, draft))
}

/// The bytes of a key, each part after its length; none where a part is NULL.
pub(super) type KeyBytes = Option<Vec<u8>>;

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
        self.find_late(&mut drafts)?;
        let late_deletes = self.late_deletes(&drafts)?;
        self.needs_one_statement = self.has_no_order(&drafts, &late_deletes)?;
        for (model, arena) in self.arenas.values().enumerate() {
            let doomed = arena.doomed();
            if doomed.is_empty() && of_model(&drafts, model).next().is_none() {
                continue;
            }
            let rows = self.group(model, &**arena, &drafts, &doomed, &late_deletes)?;
            self.changed.push(rows);
        }
        Ok(())
    }

    /// Adds the columns in which entities differ from their rows. Gives an error where fields that
    /// share a column do not agree.
    fn compare_all(&mut self, drafts: &mut Drafts) -> Result<Option<Error>, Error> {
        self.changed_bytes = 0;
        let mut conflict = None;
        for (model, arena) in self.arenas.values().enumerate() {
            for slot in arena.changed() {
                if let Some(found) = self.compare(model, slot, &mut conflict)? {
                    let draft = drafts.entry((model, slot)).or_default();
                    draft.columns.extend(found.columns);
                    draft.is_late |= found.is_late;
                }
            }
        }
        Ok(conflict)
    }

    /// The columns in which an entity differs from its row; none if it need not be looked at
    /// again.
    fn compare(
        &mut self,
        model: usize,
        slot: u32,
        conflict: &mut Option<Error>,
    ) -> Result<Option<Draft>, Error> {
        let table = self.arenas[model].table();
        let (mut draft, mut has_handle) = (Draft::default(), false);
        let mut buffer = BytesMut::new();
        for (column, description) in table.columns().iter().enumerate() {
            if description.is_generated() || description.is_version() {
                continue;
            }
            buffer.clear();
            let place = Place { model, slot, column };
            let stored = self.stored(place, &mut buffer)?;
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
                has_handle = has_handle
                    || self.any_source(place, |source| matches!(source, Source::Pending { .. }))?;
                continue;
            }
            if current == CellValue::Default && table.key().contains(&column) {
                let message = "the key of an entity that is in the database was set to `None`";
                return Err(self.error(place, ErrorKind::Handle, message));
            }
            draft.is_late |= matches!(current, CellValue::Unassigned(_));
            let is_default = current == CellValue::Default;
            draft.columns.insert(column, if is_default { SetTo::Default } else { SetTo::Value });
            self.changed_bytes += buffer.len();
        }
        let is_needed = has_handle || !draft.columns.is_empty();
        Ok(is_needed.then_some(draft))
    }

    fn group(
        &self,
        model: usize,
        arena: &'a dyn AnyArena,
        drafts: &Drafts,
        doomed: &[u32],
        late_deletes: &HashSet<(usize, u32)>,
    ) -> Result<ChangedRows<'a>, Error> {
        let key = arena.table().key();
        let (mut slots, mut groups) = (Vec::new(), IndexMap::<_, Vec<(KeyBytes, u32)>>::new());
        let mut locked = Vec::new();
        for (slot, draft) in of_model(drafts, model) {
            if !draft.columns.is_empty() {
                let columns: Vec<_> = draft.columns.iter().map(|(&c, &to)| (c, to)).collect();
                let row = (self.key_bytes(model, slot, key)?, slots.len() as u32);
                locked.push((row.0.clone(), (slot, draft.is_late)));
                groups.entry((columns, draft.is_late)).or_default().push(row);
            }
            slots.push(slot);
        }
        let updates = groups.into_iter().map(|((columns, is_late), rows)| UpdateGroup {
            columns,
            rows: in_order(rows),
            is_late,
        });
        let mut deletes = Vec::new();
        for is_late in [false, true] {
            let mut rows = Vec::new();
            for &slot in doomed {
                if late_deletes.contains(&(model, slot)) == is_late {
                    let key = self.key_bytes(model, slot, key)?;
                    locked.push((key.clone(), (slot, is_late)));
                    rows.push((key, slot));
                }
            }
            if !rows.is_empty() {
                deletes.push(DeleteGroup { slots: in_order(rows), is_late });
            }
        }
        let (updates, locked) = (updates.collect(), in_order(locked));
        Ok(ChangedRows { arena, model, slots, updates, deletes, locked })
    }

    /// The bytes of these columns as the entity has them.
    pub(super) fn new_key_bytes(
        &self,
        model: usize,
        slot: u32,
        columns: &[usize],
    ) -> Result<KeyBytes, Error> {
        let known = Assignments::default();
        key_bytes(columns, |column, value| {
            self.value_at(Place { model, slot, column }, &known, value)
        })
    }

    /// The bytes of these columns as the database has them.
    pub(super) fn key_bytes(
        &self,
        model: usize,
        slot: u32,
        columns: &[usize],
    ) -> Result<KeyBytes, Error> {
        key_bytes(columns, |column, value| self.stored(Place { model, slot, column }, value))
    }
}

/// In the order of the keys.
fn in_order<R: Ord>(mut rows: Vec<(KeyBytes, R)>) -> Vec<R> {
    rows.sort_unstable();
    rows.into_iter().map(|(_, row)| row).collect()
}

impl ChangeSet<'_> {
    /// The value of a cell as the database has it, by model and slot. The bytes of a value, and
    /// nothing else, are appended to `buffer`.
    fn stored(&self, place: Place, buffer: &mut BytesMut) -> Result<CellValue, Error> {
        let arena = &self.arenas[place.model];
        let before = buffer.len();
        let mut out = Encoder::new(buffer);
        arena.encode_stored(place.slot, place.column, &mut out);
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

    /// The bytes of a stored key's column, or version, of an entity that is updated or deleted.
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
        let place = Place { model: rows.model, slot, column };
        match self.stored(place, buffer)? {
            CellValue::Value => Ok(()),
            _ => {
                let message =
                    "the entity is in the database, and this part of its key is not known";
                Err(self.error(place, ErrorKind::Handle, message))
            }
        }
    }

    /// An entity's key for people, where it is one of numbers or UUIDs. Other keys can hold what must
    /// not get into logs.
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
