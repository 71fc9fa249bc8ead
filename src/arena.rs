//! `Arena`: the entities of one model in one unit of work, and their states.

use std::any::Any;

use bytes::BytesMut;

use crate::error::Error;
use crate::identity_map::IdentityMap;
use crate::journal::{Flushed, Journal};
use crate::model::{Cell, CellSource, Encoder, Model, Row, Source, Table};
use crate::write_back::WriteBack;

/// Where an entity stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Added, and not written yet.
    Pending,
    /// Written by a commit of unknown outcome.
    InDoubt,
    /// Written in a transaction that is still open.
    Flushed,
    /// A row of the database.
    Persistent,
    /// Not in this unit of work any more. Its slot is never used again.
    Gone,
}

/// What the rest of the crate needs of an arena whose model it does not know.
pub(crate) trait AnyArena: Send {
    fn table(&self) -> &'static Table;

    /// The number of slots ever given out.
    fn slots(&self) -> usize;

    /// The number of entities.
    fn len(&self) -> usize;

    fn state(&self, slot: u32) -> State;

    /// The slots of the pending entities, in ascending order.
    fn pending(&self) -> &[u32];

    /// Writes the value of a column. A slot without an entity writes nothing.
    fn encode(&self, slot: u32, column: usize, out: &mut Encoder<'_>);

    /// Whether a persistent entity differs from what the database has.
    fn has_changed(&self) -> Result<bool, Error>;

    /// Whether [`written`](AnyArena::written) could take this over.
    fn check(&self, write_back: &WriteBack) -> Result<(), Error>;

    /// The first `count` pending entities have been written, and get what the database assigned.
    /// They become [`State::Persistent`], or [`State::Flushed`] with an entry in the undo journal.
    ///
    /// What [`check`](AnyArena::check) has found good cannot fail here.
    fn written(&mut self, count: usize, write_back: &WriteBack, state: State);

    /// The first `count` pending entities may have been written, or not.
    fn in_doubt(&mut self, count: usize);

    /// What was in doubt is in the database, under keys that nobody knows.
    fn forget_in_doubt(&mut self);

    /// The transaction is committed. Entities that differ from what it wrote stay marked as
    /// changed.
    fn committed(&mut self);

    /// The transaction is gone: what was flushed, or in doubt, is pending again, with the caller's
    /// changes.
    fn unflushed(&mut self);

    /// Everything since the last commit is undone.
    fn rolled_back(&mut self);

    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// The entities of one model.
pub(crate) struct Arena<T: Model> {
    entities: Vec<Option<T>>,
    states: Vec<State>,
    pending: Vec<u32>,
    gone: usize,
    identity: IdentityMap<T::Key>,
    journal: Journal<T>,
}

impl<T: Model> Arena<T> {
    pub(crate) fn new() -> Arena<T> {
        Arena {
            entities: Vec::new(),
            states: Vec::new(),
            pending: Vec::new(),
            gone: 0,
            identity: IdentityMap::new(),
            journal: Journal::new(),
        }
    }

    /// Takes an entity in.
    ///
    /// # Panics
    ///
    /// At more than 2^32 entities of one model.
    pub(crate) fn insert(&mut self, entity: T, state: State) -> u32 {
        let slot = u32::try_from(self.entities.len()).expect("at most 2^32 entities of one model");
        if state == State::Pending {
            self.pending.push(slot);
        }
        self.entities.push(Some(entity));
        self.states.push(state);
        self.identity.note(slot);
        slot
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.entities.get(slot as usize)?.as_ref()
    }

    /// The entity, to be changed.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let entity = self.entities.get_mut(slot as usize)?.as_mut()?;
        if self.states[slot as usize] != State::Pending {
            self.journal.keep_original(slot, entity);
        }
        // The key may change.
        if let Some(key) = entity.key() {
            self.identity.remove(&key, slot);
        }
        self.identity.note(slot);
        Some(entity)
    }

    /// The entity with this key.
    pub(crate) fn find(&mut self, key: &T::Key) -> Option<u32> {
        let entities = &self.entities;
        let entity = |slot| entities.get(slot as usize).and_then(Option::as_ref);
        let slot = self.identity.get(key, |slot| entity(slot).and_then(T::key))?;
        // The map may still name an entity that is gone.
        if entity(slot).is_none() {
            self.identity.remove(key, slot);
            return None;
        }
        Some(slot)
    }

    /// Takes in an entity that was read, unless there is one with its key, which stays as it is.
    pub(crate) fn insert_read(&mut self, entity: T) -> u32 {
        // The database can consider keys equal that are not equal here, such as those of citext.
        let known = entity.key().and_then(|key| self.find(&key));
        known.unwrap_or_else(|| self.insert(entity, State::Persistent))
    }

    /// The key under which the database has this entity, if it has it.
    pub(crate) fn stored_key(&self, slot: u32) -> Option<T::Key> {
        match self.state(slot) {
            State::Persistent | State::Flushed => {
                self.journal.original(slot).or_else(|| self.get(slot))?.key()
            }
            State::Pending | State::InDoubt | State::Gone => None,
        }
    }

    /// The slots of entities that the database has.
    pub(crate) fn stored(&self) -> impl Iterator<Item = u32> {
        (0..self.entities.len() as u32)
            .filter(|&slot| matches!(self.state(slot), State::Persistent | State::Flushed))
    }

    /// Replaces an entity, with all its unsaved changes, by what the database has.
    pub(crate) fn replace(&mut self, slot: u32, stored: T) {
        let Some(entity) = self.entities[slot as usize].as_mut() else { return };
        if let Some(key) = entity.key() {
            self.identity.remove(&key, slot);
        }
        *entity = stored;
        self.identity.note(slot);
        self.journal.drop_original(slot);
    }

    /// Lets an entity go, by value. What the database has of it stays.
    pub(crate) fn take(&mut self, slot: u32) -> Option<T> {
        if let Ok(at) = self.pending.binary_search(&slot) {
            self.pending.remove(at);
        }
        self.journal.drop_original(slot);
        self.remove(slot)
    }

    fn remove(&mut self, slot: u32) -> Option<T> {
        let entity = self.entities.get_mut(slot as usize)?.take()?;
        if let Some(key) = entity.key() {
            self.identity.remove(&key, slot);
        }
        self.states[slot as usize] = State::Gone;
        self.gone += 1;
        Some(entity)
    }
}

/// Whether two entities have different rows.
fn differs<T: Model>(a: &T, b: &T) -> Result<bool, Error> {
    for column in 0..T::table().columns().len() {
        if said(a, column)? != said(b, column)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The columns, among these, in which two entities have different rows.
fn changed_columns<T: Model>(a: &T, b: &T, columns: &[usize]) -> Vec<usize> {
    let differ = |&column: &usize| match (said(a, column), said(b, column)) {
        (Ok(a), Ok(b)) => a != b,
        _ => true,
    };
    columns.iter().copied().filter(differ).collect()
}

/// What an entity's fields say of a column, and the bytes of their values.
fn said<T: Model>(entity: &T, column: usize) -> Result<(Vec<Source>, BytesMut), Error> {
    let mut buffer = BytesMut::new();
    let mut out = Encoder::new(&mut buffer);
    entity.encode(column, &mut out);
    let sources = out.sources(T::table(), column)?;
    Ok((sources, buffer))
}

/// The bytes of a column's value; none where it has no value.
fn encoded<T: Model>(entity: &T, column: usize) -> Vec<u8> {
    said(entity, column).map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()
}

/// A row without some of its columns.
struct Except<'a> {
    row: &'a dyn CellSource,
    columns: &'a [usize],
}

impl CellSource for Except<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        if self.columns.contains(&column) { Cell::Absent } else { self.row.cell(column) }
    }
}

impl<T: Model> AnyArena for Arena<T> {
    fn table(&self) -> &'static Table {
        T::table()
    }

    fn slots(&self) -> usize {
        self.entities.len()
    }

    fn len(&self) -> usize {
        self.entities.len() - self.gone
    }

    fn state(&self, slot: u32) -> State {
        self.states.get(slot as usize).copied().unwrap_or(State::Gone)
    }

    fn pending(&self) -> &[u32] {
        &self.pending
    }

    fn encode(&self, slot: u32, column: usize, out: &mut Encoder<'_>) {
        if let Some(entity) = self.get(slot) {
            entity.encode(column, out);
        }
    }

    fn has_changed(&self) -> Result<bool, Error> {
        for (slot, original) in self.journal.originals() {
            // What is in doubt is not known to be in the database.
            if self.state(slot) != State::InDoubt {
                if let Some(entity) = self.get(slot) {
                    if differs(entity, original)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn check(&self, write_back: &WriteBack) -> Result<(), Error> {
        let Some(first) = self.pending.first().and_then(|&slot| self.get(slot)) else {
            return Ok(());
        };
        if write_back.columns().is_empty() {
            return Ok(());
        }
        let mut scratch = first.clone();
        let mut rows = write_back.rows();
        while rows.advance() {
            scratch.update(&Row::new(T::table(), &rows))?;
        }
        Ok(())
    }

    fn written(&mut self, count: usize, write_back: &WriteBack, state: State) {
        let mut rows = write_back.rows();
        let later = self.pending.split_off(count.min(self.pending.len()));
        for slot in std::mem::replace(&mut self.pending, later) {
            self.states[slot as usize] = state;
            self.identity.note(slot);
            let Some(entity) = self.entities[slot as usize].as_mut() else { continue };
            let mut undo = Flushed::new(slot);
            if !write_back.columns().is_empty() && rows.advance() {
                if state == State::Flushed {
                    for &column in write_back.columns() {
                        let sources = said(entity, column).map(|(sources, _)| sources);
                        undo.note(column, &sources.unwrap_or_default());
                    }
                }
                match self.journal.original_mut(slot) {
                    None => {
                        let _ = entity.update(&Row::new(T::table(), &rows));
                    }
                    // It was changed while it was in doubt: what was written is the original, and
                    // what was changed stays.
                    Some(original) => {
                        let changed = changed_columns(entity, original, write_back.columns());
                        let rest = Except { row: &rows, columns: &changed };
                        let _ = entity.update(&Row::new(T::table(), &rest));
                        let _ = original.update(&Row::new(T::table(), &rows));
                    }
                }
                undo.note_after(|column| encoded(entity, column));
            }
            if state == State::Flushed {
                self.journal.push_flushed(undo);
            }
        }
    }

    fn in_doubt(&mut self, count: usize) {
        for &slot in self.pending.iter().take(count) {
            self.states[slot as usize] = State::InDoubt;
        }
    }

    fn forget_in_doubt(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        for slot in pending {
            if self.states[slot as usize] == State::InDoubt {
                self.remove(slot);
            } else {
                self.pending.push(slot);
            }
        }
    }

    fn committed(&mut self) {
        for undo in self.journal.take_flushed() {
            self.states[undo.slot as usize] = State::Persistent;
        }
        // A commit is refused while anything is changed, so what is left are changes made since.
        for (slot, original) in self.journal.take_originals() {
            let Some(entity) = self.get(slot) else { continue };
            if differs(entity, &original).unwrap_or(true) {
                self.journal.keep_original(slot, &original);
            }
        }
    }

    fn unflushed(&mut self) {
        for &slot in &self.pending {
            self.states[slot as usize] = State::Pending;
            self.journal.drop_original(slot);
        }
        for mut undo in self.journal.take_flushed().into_iter().rev() {
            let slot = undo.slot;
            let Some(entity) = self.entities[slot as usize].as_mut() else { continue };
            if let Some(key) = entity.key() {
                self.identity.remove(&key, slot);
            }
            undo.retain_unchanged(|column| encoded(entity, column));
            // Restoring cannot fail: it sets `None` and handles, which are never decoded.
            let _ = entity.update(&Row::new(T::table(), &undo));
            self.identity.note(slot);
            self.journal.drop_original(slot);
            self.states[slot as usize] = State::Pending;
            self.pending.push(slot);
        }
        self.pending.sort_unstable();
    }

    fn rolled_back(&mut self) {
        self.journal.take_flushed();
        self.pending.clear();
        for slot in 0..self.entities.len() as u32 {
            if !matches!(self.states[slot as usize], State::Persistent | State::Gone) {
                self.remove(slot);
            }
        }
        for (slot, original) in self.journal.take_originals() {
            self.replace(slot, original);
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
