//! `Arena`: the entities of one model in one unit of work, and their states.

use std::any::Any;

use bytes::BytesMut;

use crate::error::Error;
use crate::identity_map::IdentityMap;
use crate::journal::{Flushed, Journal};
use crate::model::{Encoder, Model, Row, Table};
use crate::write_back::WriteBack;

/// Where an entity stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Added, and not written yet.
    Pending,
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

    /// The pending entities have been written, and get what the database assigned. They become
    /// [`State::Persistent`], or [`State::Flushed`] with an entry in the undo journal.
    ///
    /// What [`check`](AnyArena::check) has found good cannot fail here.
    fn written(&mut self, write_back: &WriteBack, state: State);

    /// The transaction is committed.
    fn committed(&mut self);

    /// The transaction is gone: what was flushed is pending again, with the caller's changes.
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
        if self.states[slot as usize] == State::Pending {
            // The key may change.
            if let Some(key) = entity.key() {
                self.identity.remove(&key, slot);
                self.identity.note(slot);
            }
        } else {
            self.journal.keep_original(slot, entity);
        }
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

    fn remove(&mut self, slot: u32) {
        if self.entities[slot as usize].take().is_some() {
            self.states[slot as usize] = State::Gone;
            self.gone += 1;
        }
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
        let (mut now, mut before) = (BytesMut::new(), BytesMut::new());
        for (slot, original) in self.journal.originals() {
            let Some(entity) = self.get(slot) else { continue };
            for column in 0..T::table().columns().len() {
                now.clear();
                before.clear();
                let sources = |entity: &T, buffer: &mut BytesMut| {
                    let mut out = Encoder::new(buffer);
                    entity.encode(column, &mut out);
                    out.sources(T::table(), column)
                };
                if sources(entity, &mut now)? != sources(original, &mut before)? || now != before {
                    return Ok(true);
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

    fn written(&mut self, write_back: &WriteBack, state: State) {
        let mut rows = write_back.rows();
        let mut buffer = BytesMut::new();
        for slot in std::mem::take(&mut self.pending) {
            self.states[slot as usize] = state;
            self.identity.note(slot);
            let Some(entity) = self.entities[slot as usize].as_mut() else { continue };
            let mut undo = Flushed::new(slot);
            if !write_back.columns().is_empty() && rows.advance() {
                if state == State::Flushed {
                    for &column in write_back.columns() {
                        buffer.clear();
                        let mut out = Encoder::new(&mut buffer);
                        entity.encode(column, &mut out);
                        undo.note(column, &out.sources(T::table(), column).unwrap_or_default());
                    }
                }
                let _ = entity.update(&Row::new(T::table(), &rows));
            }
            if state == State::Flushed {
                self.journal.push_flushed(undo);
            }
        }
    }

    fn committed(&mut self) {
        for undo in self.journal.take_flushed() {
            self.states[undo.slot as usize] = State::Persistent;
        }
        self.journal.take_originals();
    }

    fn unflushed(&mut self) {
        for undo in self.journal.take_flushed().into_iter().rev() {
            let slot = undo.slot;
            let Some(entity) = self.entities[slot as usize].as_mut() else { continue };
            if let Some(key) = entity.key() {
                self.identity.remove(&key, slot);
            }
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
            if matches!(self.states[slot as usize], State::Pending | State::Flushed) {
                self.remove(slot);
            }
        }
        for (slot, original) in self.journal.take_originals() {
            if let Some(entity) = self.entities[slot as usize].as_mut() {
                *entity = original;
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
