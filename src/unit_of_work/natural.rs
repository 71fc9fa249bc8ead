//! Entities that are found by a natural key: `find_or_add`, `upsert`, `find_by`.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;

use super::{UnitOfWork, no_entity};
use crate::arena::{AnyArena, Arenas};
use crate::error::{Error, ErrorKind};
use crate::handle::Handle;
use crate::model::{Cell, Encoder, Key, Model, NaturalKey, Row, Source, SqlType, Table};
use crate::resolution::{Found, Resolution, Upsert};
use crate::state::State;

/// The entities of a unit of work by their natural keys, as far as they were looked for.
#[derive(Debug, Default)]
pub(super) struct NaturalKeys(HashMap<(TypeId, &'static [usize]), Index>);

/// The entities of one model by one natural key.
#[derive(Debug, Default)]
struct Index {
    /// The slots before this one are in the index.
    next: u32,
    /// The slots, by the bytes of the natural key that the entities had when they were noted.
    slots: HashMap<Vec<u8>, u32>,
    /// The slots that may have got another natural key since.
    touched: Vec<u32>,
}

impl NaturalKeys {
    /// Forgets everything: keys that were not known may be known by now.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes that an entity is given out to be changed.
    pub(super) fn touch(&mut self, model: TypeId, slot: u32) {
        for (_, index) in self.0.iter_mut().filter(|((other, _), _)| *other == model) {
            if index.touched.last() != Some(&slot) {
                index.touched.push(slot);
            }
        }
    }

    /// Returns the slot of the entity that has this natural key.
    fn find(
        &mut self,
        arenas: &Arenas,
        (model, columns): (TypeId, &'static [usize]),
        key: &[u8],
    ) -> Option<u32> {
        let arena = arenas.get(&model)?;
        let index = self.0.entry((model, columns)).or_default();
        let of_slot = |slot: u32| {
            let is_there = !matches!(
                arena.state(slot),
                State::MarkedForDeletion(_) | State::Deleted(_) | State::Detached
            );
            let encode = |column: usize, out: &mut Encoder<'_>| arena.encode(slot, column, out);
            let key = is_there.then(|| key_bytes(arenas, arena.table(), columns, encode));
            key.and_then(Result::ok).flatten()
        };
        let new = index.next..arena.slots() as u32;
        for slot in std::mem::take(&mut index.touched).into_iter().chain(new) {
            let Some(key) = of_slot(slot) else { continue };
            // One that has it no more makes room.
            match index.slots.get(&key) {
                Some(&other) if of_slot(other).as_ref() == Some(&key) => {}
                _ => drop(index.slots.insert(key, slot)),
            }
        }
        index.next = arena.slots() as u32;
        let &slot = index.slots.get(key)?;
        // It may have got another natural key since.
        if of_slot(slot).as_deref() == Some(key) {
            return Some(slot);
        }
        index.slots.remove(key);
        None
    }
}

/// Returns the bytes of a natural key, by which entities are told apart; none where a part is NULL.
///
/// A part that refers to an entity without a key stands for that entity.
fn key_bytes(
    arenas: &Arenas,
    table: &'static Table,
    columns: &[usize],
    encode: impl Fn(usize, &mut Encoder<'_>),
) -> Result<Option<Vec<u8>>, Error> {
    let mut key = Vec::new();
    for &column in columns {
        let mut bytes = BytesMut::new();
        let mut out = Encoder::new(&mut bytes);
        encode(column, &mut out);
        let sources = out.sources(table, column)?;
        let ty = table.columns()[column].ty();
        let mut value = None;
        for source in sources {
            match source {
                Source::Value { start, end } => value = Some(part(0, ty, &bytes[start..end])),
                Source::Pending { entity, part: position } if value.is_none() => {
                    let (model, slot) = (entity.handle.model, entity.handle.slot);
                    let mut raw = BytesMut::new();
                    let mut out = Encoder::new(&mut raw);
                    let target = (entity.table)();
                    let Some(&of_key) = target.key().get(position) else { continue };
                    if let Some(arena) = arenas.get(&model) {
                        arena.encode(slot, of_key, &mut out);
                    }
                    value = match out.sources(target, of_key).ok().as_deref() {
                        Some([Source::Value { start, end }]) => {
                            Some(self::part(0, ty, &raw[*start..*end]))
                        }
                        _ => {
                            let at = arenas.get_index_of(&model).unwrap_or(usize::MAX) as u64;
                            let name = [&at.to_be_bytes()[..], &slot.to_be_bytes()].concat();
                            Some([&[1][..], &name].concat())
                        }
                    };
                }
                Source::Pending { .. } | Source::Default | Source::Null | Source::Unset => {}
            }
        }
        match value {
            Some(value) => {
                key.extend((value.len() as u64).to_be_bytes());
                key.extend(value);
            }
            None => return Ok(None),
        }
    }
    Ok(Some(key))
}

/// Returns a value after its tag. Equal integers have equal bytes, whatever their types.
fn part(tag: u8, ty: SqlType, raw: &[u8]) -> Vec<u8> {
    match ty.as_integer(raw) {
        Some(integer) => [&[tag][..], &integer.to_be_bytes()].concat(),
        None => [&[tag][..], raw].concat(),
    }
}

impl UnitOfWork<'_> {
    /// Adds an entity unless its row is there: the next [`commit`](UnitOfWork::commit) or
    /// [`flush`](UnitOfWork::flush) looks for the row by the model's natural key, and inserts the row
    /// only if it is not there. A row that is there stays as it is, and the entity gets the values of
    /// this row.
    ///
    /// Other entities, also new entities and natural keys, can refer to the handle like to that of any
    /// new entity. The look-up takes no further round trip.
    ///
    /// If an entity of this unit of work has the same natural key, be it loaded or new, the handle
    /// names this entity. It stays as it is, and `entity` is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the model has no natural key, or several and none without a name;
    /// [`ErrorKind::Conflict`] when a part of the natural key is NULL, so that no row can be found; a
    /// value that cannot be encoded.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Model, UnitOfWork};
    /// #[derive(Model, Clone)]
    /// #[model(table = "tags")]
    /// struct Tag {
    ///     #[model(key)]
    ///     id: Option<i32>,
    ///     #[model(unique)]
    ///     name: String,
    /// }
    ///
    /// #[derive(Model, Clone)]
    /// #[model(table = "post_tags")]
    /// struct PostTag {
    ///     #[model(key)]
    ///     post_id: i32,
    ///     #[model(key)]
    ///     tag_id: ForeignKey<Tag>,
    /// }
    ///
    /// fn tag(uow: &mut UnitOfWork<'_>, post: i32, names: &[&str]) -> Result<usize, onetrip::Error> {
    ///     for &name in names {
    ///         let tag = uow.find_or_add(Tag { id: None, name: name.to_owned() })?;
    ///         uow.add(PostTag { post_id: post, tag_id: tag.into() });
    ///     }
    ///     Ok(uow.commit()?.found_rows())
    /// }
    /// # let _ = tag;
    /// ```
    pub fn find_or_add<T: Model>(&mut self, entity: T) -> Result<Handle<T>, Error> {
        self.resolve(entity, Resolution::find_or_add(T::table(), None)?)
    }

    /// Adds an entity unless its row is there, by the natural key of this name. Otherwise it does what
    /// [`find_or_add`](UnitOfWork::find_or_add) does.
    ///
    /// # Errors
    ///
    /// Those of [`find_or_add`](UnitOfWork::find_or_add).
    pub fn find_or_add_by<T: Model>(
        &mut self,
        natural_key: &str,
        entity: T,
    ) -> Result<Handle<T>, Error> {
        self.resolve(entity, Resolution::find_or_add(T::table(), Some(natural_key))?)
    }

    /// Adds an entity, or writes its values into the row that is there: the next
    /// [`commit`](UnitOfWork::commit) or [`flush`](UnitOfWork::flush) looks for the row by the model's
    /// natural key. If the row is there, its columns get the entity's values, except the columns of the
    /// key and of the natural key, and columns that the entity leaves to their defaults. A version is
    /// counted up, and not checked.
    ///
    /// If an entity of this unit of work has the same natural key, this entity gets the values, and the
    /// handle names it.
    ///
    /// # Errors
    ///
    /// Those of [`find_or_add`](UnitOfWork::find_or_add).
    pub fn upsert<T: Model>(&mut self, entity: T) -> Result<Handle<T>, Error> {
        self.upsert_with(entity, Upsert::new())
    }

    /// Adds an entity, or writes the columns that `upsert` names into the row that is there. Otherwise
    /// it does what [`upsert`](UnitOfWork::upsert) does.
    ///
    /// # Errors
    ///
    /// Those of [`find_or_add`](UnitOfWork::find_or_add), and [`ErrorKind::Model`] for a column that the
    /// model does not have, or that an upsert cannot write.
    ///
    /// [`ErrorKind::Unsupported`] when a column is to be incremented, and an entity of this unit of work
    /// has the natural key whose value of that column cannot be added to here: those of integers and
    /// floats can. So it is when that entity was only to be found or added, with a value other than 0: a
    /// new row would get the sum, and one that is there only what is added. And when that entity is to be
    /// found by another natural key.
    #[allow(clippy::needless_pass_by_value, reason = "it is made for the call")]
    pub fn upsert_with<T: Model>(&mut self, entity: T, upsert: Upsert) -> Result<Handle<T>, Error> {
        self.resolve(entity, Resolution::upsert(T::table(), &upsert)?)
    }

    /// Returns `true` if the row of an entity that was written by [`find_or_add`](UnitOfWork::find_or_add)
    /// or [`upsert`](UnitOfWork::upsert) was there already.
    ///
    /// # Errors
    ///
    /// As [`get`](UnitOfWork::get).
    pub fn was_found<T: Model>(&self, handle: Handle<T>) -> Result<bool, Error> {
        self.get(handle)?;
        Ok(self.arena::<T>().is_some_and(|arena| arena.resolutions().was_found(handle.slot())))
    }

    /// Returns the entity that has this natural key. An entity of this unit of work comes first, be it
    /// new or loaded; otherwise the database is asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the model has no natural key, or one of other types; otherwise as
    /// [`find`](UnitOfWork::find).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "tags")]
    /// # struct Tag { #[model(key)] id: Option<i32>, #[model(unique)] name: String }
    /// fn id(uow: &mut UnitOfWork<'_>, name: &str) -> Result<Option<i32>, onetrip::Error> {
    ///     let tag = uow.find_by::<Tag, _>(name.to_owned())?;
    ///     Ok(tag.and_then(|tag| uow[tag].id))
    /// }
    /// # let _ = id;
    /// ```
    pub fn find_by<T: Model, K: Key>(&mut self, key: K) -> Result<Option<Handle<T>>, Error> {
        Ok(self.find_all_by(None, &[key])?.pop().flatten())
    }

    /// Returns the entities that have these natural keys, in the order of the keys, in at most one
    /// query. `None` stands for a natural key that no row has. `natural_key` names the natural key of a
    /// model that has several; see [`find_by`](UnitOfWork::find_by).
    ///
    /// # Errors
    ///
    /// Those of [`find_by`](UnitOfWork::find_by).
    pub fn find_all_by<T: Model, K: Key>(
        &mut self,
        natural_key: Option<&str>,
        keys: &[K],
    ) -> Result<Vec<Option<Handle<T>>>, Error> {
        let table = T::table();
        table.validate()?;
        let columns = Resolution::find_or_add(table, natural_key)?.natural_key.columns();
        if K::TYPES.len() != columns.len() {
            let message = format!(
                "the natural key has {} columns, and what is looked for has {}",
                columns.len(),
                K::TYPES.len()
            );
            return Err(Error::new(ErrorKind::Model, message).with_table(table.name()));
        }
        for (part, &column) in columns.iter().enumerate() {
            let (ours, theirs) = (table.columns()[column].ty(), K::TYPES.get(part));
            if ours != theirs {
                let message =
                    "the natural key has another type in the model than what is looked for";
                let error = Error::new(ErrorKind::Model, message).with_table(table.name());
                return Err(error.with_column(table.columns()[column].name()));
            }
        }
        let mut found: Vec<Option<Handle<T>>> = vec![None; keys.len()];
        let mut missing = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let place = |column: usize| columns.iter().position(|&other| other == column);
            let encode = |column: usize, out: &mut Encoder<'_>| {
                key.encode(place(column).unwrap_or(0), out);
            };
            let Some(bytes) = key_bytes(&self.arenas, table, columns, encode)? else { continue };
            let model = (TypeId::of::<T>(), columns);
            match self.natural_keys.find(&self.arenas, model, &bytes) {
                Some(slot) => found[at] = Some(Handle::new(self.stamp, slot)),
                None => missing.push(at),
            }
        }
        let sought: Vec<K> = missing.iter().map(|&at| keys[at].clone()).collect();
        let stamp = self.stamp;
        for (position, slot) in self.read_by_keys::<T, K>(columns, &sought)? {
            let entry: &mut Option<Handle<T>> = &mut found[missing[position]];
            if entry.is_some_and(|other| other.slot() != slot) {
                let message = "several rows have the same natural key";
                return Err(Error::new(ErrorKind::Conflict, message).with_table(table.name()).with_hint(
                    "the table needs a unique index of exactly these columns; `Verify` says more",
                ));
            }
            *entry = Some(Handle::new(stamp, slot));
        }
        Ok(found)
    }

    /// Takes in an entity whose row may be there already.
    fn resolve<T: Model>(&mut self, entity: T, resolution: Resolution) -> Result<Handle<T>, Error> {
        let table = T::table();
        table.validate()?;
        let columns = resolution.natural_key.columns();
        let encode = |column: usize, out: &mut Encoder<'_>| entity.encode(column, out);
        let Some(key) = key_bytes(&self.arenas, table, columns, encode)? else {
            return Err(null_in_key(table, &resolution.natural_key));
        };
        let model = (TypeId::of::<T>(), columns);
        if let Some(slot) = self.natural_keys.find(&self.arenas, model, &key) {
            if let Found::Updated { .. } = resolution.found {
                self.take_over(slot, entity, resolution)?;
            }
            return Ok(Handle::new(self.stamp, slot));
        }
        let arena = self.arena_mut::<T>();
        let slot = arena.insert(entity, State::Pending);
        arena.resolutions_mut().set(slot, Arc::new(resolution));
        Ok(Handle::new(self.stamp, slot))
    }

    /// Writes the values of an upsert into the entity that has its natural key.
    fn take_over<T: Model>(
        &mut self,
        slot: u32,
        mut entity: T,
        resolution: Resolution,
    ) -> Result<(), Error> {
        let table = T::table();
        let Found::Updated { set, increment } = &resolution.found else { return Ok(()) };
        let arena = self.arena_mut::<T>();
        let old = arena.get(slot).ok_or_else(no_entity::<T>)?.clone();
        let before = match arena.state(slot) {
            State::Pending => arena.resolutions().get(slot).cloned(),
            _ => None,
        };
        let is_new = arena.state(slot) == State::Pending;
        if before.as_ref().is_some_and(|before| before.natural_key != resolution.natural_key) {
            let message = "an entity of the unit of work is to be found by another natural key, and \
                           has this one";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_table(table.name())
                .with_hint("flush before, or change the entity"));
        }
        // What both together do to a row that is there.
        let (mut both_set, mut both_increment) = match before.as_ref().map(|before| &before.found) {
            Some(Found::Updated { set, increment }) => (set.clone(), increment.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        // What the upsert does not set stays, and so does what the new entity leaves to its default.
        let (mut kept, mut bytes) = (Vec::new(), Vec::new());
        for column in 0..table.columns().len() {
            let mut new = BytesMut::new();
            let new_sources = sources(&entity, column, &mut new)?;
            let is_set = set.contains(&column) && new_sources != [Source::Default];
            let is_added = increment.contains(&column) && new_sources != [Source::Default];
            if is_set {
                kept.push(None);
                both_increment.retain(|&other| other != column);
                both_set.push(column);
                continue;
            }
            let mut raw = BytesMut::new();
            let old_sources = sources(&old, column, &mut raw)?;
            if !is_added {
                kept.push(Some(old_sources));
                bytes.push((column, raw));
                continue;
            }
            let unsupported = || {
                let message = "an entity of the unit of work has this natural key, and what is to be \
                               incremented cannot be added to it here";
                Error::new(ErrorKind::Unsupported, message)
                    .with_table(table.name())
                    .with_column(table.columns()[column].name())
                    .with_hint("commit before, or add to the entity's field")
            };
            let is_written = both_set.contains(&column) || both_increment.contains(&column);
            match (&old_sources[..], &new_sources[..]) {
                ([Source::Value { start, end }], [Source::Value { start: s, end: e }]) => {
                    let ty = table.columns()[column].ty();
                    let (one, other) = (&raw[*start..*end], &new[*s..*e]);
                    let sum = sum(ty, one, other).ok_or_else(unsupported)?;
                    if before.is_some() && !is_written {
                        // A new row would get the sum, and one that is there only what is added.
                        if sum != other {
                            return Err(unsupported());
                        }
                        both_increment.push(column);
                    }
                    raw.clear();
                    raw.extend_from_slice(&sum);
                    kept.push(Some(vec![Source::Value { start: 0, end: sum.len() }]));
                }
                // NULL stays NULL, whatever is added. What a new row gets by default is not known.
                ([Source::Null], [Source::Value { .. }]) if before.is_none() || is_written => {
                    kept.push(Some(old_sources));
                }
                (_, [Source::Value { .. }]) if !is_new => kept.push(Some(old_sources)),
                _ => return Err(unsupported()),
            }
            bytes.push((column, raw));
        }
        let pending: Vec<Vec<_>> = kept
            .iter()
            .map(|sources| {
                let entities = sources.iter().flatten().filter_map(|source| match source {
                    Source::Pending { entity, .. } => Some(*entity),
                    _ => None,
                });
                entities.collect()
            })
            .collect();
        let raw = |column: usize| bytes.iter().find(|(other, _)| *other == column).map(|(_, b)| b);
        let cells: Vec<Cell<'_>> = kept
            .iter()
            .enumerate()
            .map(|(column, sources)| match sources.as_deref() {
                None => Cell::Absent,
                Some([Source::Value { start, end }, ..]) => {
                    raw(column).map_or(Cell::Absent, |raw| Cell::Value(&raw[*start..*end]))
                }
                Some([Source::Pending { .. }, ..]) => Cell::Pending(&pending[column]),
                Some([Source::Default, ..]) => Cell::Default,
                // There is nothing to keep.
                Some([Source::Unset, ..]) => Cell::Absent,
                Some(_) => Cell::Null,
            })
            .collect();
        entity.update(&Row::new(table, &cells))?;
        let arena = self.arena_mut::<T>();
        *arena.get_mut(slot).ok_or_else(no_entity::<T>)? = entity;
        // What was to be found, or added, is written over now where it is there.
        if before.is_some() {
            for columns in [&mut both_set, &mut both_increment] {
                columns.sort_unstable();
                columns.dedup();
            }
            let found = Found::Updated { set: both_set, increment: both_increment };
            let natural_key = resolution.natural_key;
            let resolution = Arc::new(Resolution { natural_key, found });
            arena.resolutions_mut().set(slot, resolution);
        }
        Ok(())
    }
}

/// Returns what an entity says of a column.
fn sources<T: Model>(
    entity: &T,
    column: usize,
    buffer: &mut BytesMut,
) -> Result<Vec<Source>, Error> {
    let mut out = Encoder::new(buffer);
    entity.encode(column, &mut out);
    out.sources(T::table(), column)
}

/// Returns the sum of two numbers in their binary form, if they are integers or floats, and it
/// fits.
fn sum(ty: SqlType, one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    fn float(raw: &[u8]) -> Option<f64> {
        match raw.len() {
            4 => Some(f64::from(f32::from_be_bytes(raw.try_into().ok()?))),
            8 => Some(f64::from_be_bytes(raw.try_into().ok()?)),
            _ => None,
        }
    }
    if let (Some(one), Some(other)) = (ty.as_integer(one), ty.as_integer(other)) {
        let sum = one.checked_add(other)?;
        return if ty == SqlType::INT2 {
            Some(i16::try_from(sum).ok()?.to_be_bytes().to_vec())
        } else if ty == SqlType::INT4 {
            Some(i32::try_from(sum).ok()?.to_be_bytes().to_vec())
        } else {
            Some(sum.to_be_bytes().to_vec())
        };
    }
    if ty == SqlType::FLOAT4 {
        Some(((float(one)? + float(other)?) as f32).to_be_bytes().to_vec())
    } else if ty == SqlType::FLOAT8 {
        Some((float(one)? + float(other)?).to_be_bytes().to_vec())
    } else {
        None
    }
}

fn null_in_key(table: &'static Table, natural_key: &NaturalKey) -> Error {
    let names: Vec<_> =
        natural_key.columns().iter().map(|&column| table.columns()[column].name()).collect();
    let message = format!(
        "a part of the natural key ({}) is NULL, so that no row can be found by it",
        names.join(", ")
    );
    Error::new(ErrorKind::Conflict, message)
        .with_table(table.name())
        .with_hint("give it a value, or `add` the entity")
}
