//! `Arena`: the entities of one model in one unit of work, and their states.

mod any;
mod arenas;
mod compare;
mod encode;
mod found;
mod locked;
mod resolutions;
mod slots;
mod written;

use std::any::Any;
use std::collections::HashMap;

pub(crate) use any::AnyArena;
pub(crate) use arenas::Arenas;
use bytes::BytesMut;
use compare::differs;
pub(crate) use encode::{CellSource, Encoded, FillCell, Frame, SizeCell};
pub(crate) use found::Found;
pub(crate) use resolutions::Resolutions;
use slots::Slots;

use crate::error::Error;
use crate::handle::name_of;
use crate::identity_map::{Identity, IdentityMap};
use crate::journal::{ColumnsBefore, Flushed, Journal, Undo};
use crate::model::{Encoder, Model, Row, SqlType, Table};
use crate::state::{Event, State, Stored, Transaction};
use crate::write_back::WriteBack;

/// The entities of one model in one unit of work.
pub(crate) struct Arena<T: Model> {
    /// The entities by slot. A slot is empty once its entity is detached.
    entities: Slots<T>,
    /// The state of each slot. Only `insert` and `apply` write to it.
    states: Vec<State>,
    /// The slots in the states `Pending` and `OutcomeUnknown`, in ascending order.
    pending: Vec<u32>,
    /// The number of slots in the states `Deleted` and `Detached`.
    absent: usize,
    /// The slots by the keys of their entities.
    identity: IdentityMap<T::Key>,
    /// The slots in the state `MarkedForDeletion`, by the key of the row. An entry can be left over from
    /// an entity that has another state by now.
    marked_for_deletion: HashMap<T::Key, u32>,
    /// The keys of entities that were detached while the transaction that inserted them was open. What
    /// is read under them goes with that transaction.
    let_go: Vec<T::Key>,
    /// The versions that the caller has seen, by slot, until the entities are written.
    expected: HashMap<u32, i64>,
    /// The entities whose rows may be there already, or were.
    resolutions: Resolutions,
    /// How to undo what flushes and the caller have done.
    journal: Journal<T>,
}

impl<T: Model> Arena<T> {
    pub(crate) fn new() -> Arena<T> {
        Arena {
            entities: Slots::new(),
            states: Vec::new(),
            pending: Vec::new(),
            absent: 0,
            identity: IdentityMap::new(),
            marked_for_deletion: HashMap::new(),
            let_go: Vec::new(),
            expected: HashMap::new(),
            resolutions: Resolutions::default(),
            journal: Journal::new(),
        }
    }

    /// Takes an entity in, and returns its slot.
    ///
    /// # Panics
    ///
    /// At more than 2^32 entities of one model.
    pub(crate) fn insert(&mut self, entity: T, state: State) -> u32 {
        let slot = u32::try_from(self.entities.len()).expect("at most 2^32 entities of one model");
        if state == State::Pending {
            self.pending.push(slot);
        }
        self.entities.push(entity);
        self.states.push(state);
        self.identity.note(slot);
        slot
    }

    /// Returns the entity, or `None` if it is deleted or detached.
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        match self.state(slot) {
            State::Deleted(_) | State::Detached => None,
            _ => self.entities.get(slot),
        }
    }

    /// Returns the entity to be changed, or `None` if it is marked for deletion, deleted or detached.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let state = self.state(slot);
        if matches!(state, State::MarkedForDeletion(_) | State::Deleted(_) | State::Detached) {
            return None;
        }
        let entity = self.entities.get_mut(slot)?;
        if state != State::Pending {
            self.journal.keep_original(slot, entity);
        }
        // The key may change.
        self.identity.note(slot);
        Some(entity)
    }

    /// Returns the entity that the database has under this key, or that is to be inserted under it. A
    /// key that was changed counts once it is written.
    pub(crate) fn find(&self, key: &T::Key) -> Option<Found> {
        let Arena { entities, states, journal, identity, .. } = self;
        let of_slot = |slot: u32| {
            let state = states[slot as usize];
            let entity = match state {
                State::MarkedForDeletion(_) | State::Deleted(_) | State::Detached => None,
                State::Pending | State::OutcomeUnknown => entities.get(slot),
                State::Flushed | State::Persistent => journal.original(slot).or(entities.get(slot)),
            };
            Some(Identity { key: entity?.key()?, is_stored: state.is_stored() })
        };
        match identity.get(key, of_slot) {
            Some(slot) => Some(Found::Entity(slot)),
            None => self.find_marked_for_deletion(key).map(Found::MarkedForDeletion),
        }
    }

    /// Returns the entity that the database has under this key, also if it is marked for deletion.
    pub(crate) fn find_stored(&self, key: &T::Key) -> Option<u32> {
        match self.find(key) {
            Some(Found::Entity(slot)) if self.state(slot).is_stored() => Some(slot),
            _ => self.find_marked_for_deletion(key),
        }
    }

    fn find_marked_for_deletion(&self, key: &T::Key) -> Option<u32> {
        let slot = *self.marked_for_deletion.get(key)?;
        self.is_marked_for_deletion(slot).then_some(slot)
    }

    /// Takes in an entity that was read, and returns its slot. Where there is an entity of that row,
    /// this one stays as it is.
    pub(crate) fn insert_read(&mut self, entity: T) -> u32 {
        // The database can consider keys equal that are not equal here, such as those of citext.
        let known = entity.key().and_then(|key| self.find_stored(&key));
        known.unwrap_or_else(|| self.insert(entity, State::Persistent))
    }

    /// Takes in the entities that one query has read, as [`insert_read`](Arena::insert_read) does, and
    /// returns their slots. The query has read each row once.
    pub(crate) fn insert_all_read(&mut self, entities: Vec<T>) -> Vec<u32> {
        // The rows differ, so each is looked for only among the entities that were there before. Mostly
        // there are none, and then no key is ever hashed.
        let known: Vec<Option<u32>> = match self.len() {
            0 => vec![None; entities.len()],
            _ => entities.iter().map(|e| self.find_stored(&e.key()?)).collect(),
        };
        self.states.reserve(entities.len());
        let insert = |(entity, known): (T, Option<u32>)| {
            known.unwrap_or_else(|| self.insert(entity, State::Persistent))
        };
        entities.into_iter().zip(known).map(insert).collect()
    }

    /// Returns the key under which the database has this entity, or `None` if it does not have it.
    pub(crate) fn stored_key(&self, slot: u32) -> Option<T::Key> {
        if !self.state(slot).is_stored() {
            return None;
        }
        self.journal.original(slot).or_else(|| self.get(slot))?.key()
    }

    /// Replaces an entity by what the database has. Its unsaved changes are lost.
    pub(crate) fn put_back(&mut self, slot: u32, stored: T) {
        let Some(entity) = self.entities.get_mut(slot) else { return };
        *entity = stored;
        self.expected.remove(&slot);
        self.identity.note(slot);
        self.journal.take_original(slot);
    }

    /// Returns `true` if the entity is part of a commit of unknown outcome.
    pub(crate) fn is_outcome_unknown(&self, slot: u32) -> bool {
        self.state(slot) == State::OutcomeUnknown || self.journal.is_outcome_unknown(slot)
    }

    /// Marks the entity for deletion by the next flush. An entity that was never written is detached.
    pub(crate) fn delete(&mut self, slot: u32) {
        self.leave_pending(slot);
        self.apply(slot, Event::Delete);
    }

    /// Takes the mark for deletion from the entity.
    pub(crate) fn undelete(&mut self, slot: u32) {
        self.apply(slot, Event::Undelete);
    }

    /// Returns `true` if the entity is marked for deletion.
    pub(crate) fn is_marked_for_deletion(&self, slot: u32) -> bool {
        matches!(self.state(slot), State::MarkedForDeletion(_))
    }

    /// Expects that the database has this version of the entity, until the entity is written.
    pub(crate) fn expect_version(&mut self, slot: u32, version: i64) {
        self.expected.insert(slot, version);
    }

    /// Takes the entity out of the unit of work, and returns it. The database keeps its row.
    pub(crate) fn take(&mut self, slot: u32) -> Option<T> {
        self.leave_pending(slot);
        self.let_go(slot, Event::Expunge)
    }

    /// Detaches the entity by `event`, and remembers its key if its row is not committed.
    fn let_go(&mut self, slot: u32, event: Event) -> Option<T> {
        if let State::Flushed | State::MarkedForDeletion(Stored::Flushed) = self.state(slot) {
            self.let_go.extend(self.as_stored(slot).and_then(T::key));
        }
        self.apply(slot, event)
    }

    /// Takes the entity off the list of pending ones, if it is pending.
    fn leave_pending(&mut self, slot: u32) {
        if self.state(slot) == State::Pending {
            if let Ok(at) = self.pending.binary_search(&slot) {
                self.pending.remove(at);
            }
        }
    }

    /// Moves the entity to the state that comes after `event`, and returns the entity if that has
    /// detached it.
    fn apply(&mut self, slot: u32, event: Event) -> Option<T> {
        let before = self.state(slot);
        let after = before.after(event)?;
        if let State::MarkedForDeletion(_) = before {
            self.journal.unmark(slot);
            if let Some(key) = self.as_stored(slot).and_then(T::key) {
                self.marked_for_deletion.remove(&key);
            }
            self.identity.note(slot);
        }
        self.states[slot as usize] = after;
        self.absent -= usize::from(before.is_absent());
        self.absent += usize::from(after.is_absent());
        match after {
            State::MarkedForDeletion(_) => {
                if let Some(key) = self.as_stored(slot).and_then(T::key) {
                    self.marked_for_deletion.insert(key, slot);
                }
                self.journal.mark_for_deletion(slot);
                None
            }
            State::Detached => self.remove(slot),
            _ => None,
        }
    }

    /// Removes all that is kept of an entity, and returns the entity.
    fn remove(&mut self, slot: u32) -> Option<T> {
        let entity = self.entities.take(slot)?;
        let original = self.journal.take_original(slot);
        for key in [entity.key(), original.and_then(|original| original.key())] {
            key.inspect(|key| self.identity.remove(key, slot));
        }
        Some(entity)
    }

    /// Returns the entity as the database has it.
    fn as_stored(&self, slot: u32) -> Option<&T> {
        self.journal.original(slot).or(self.entities.get(slot))
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
        self.entities.len() - self.absent
    }

    fn name(&self, slot: u32) -> String {
        name_of::<T>(slot)
    }

    fn state(&self, slot: u32) -> State {
        self.states.get(slot as usize).copied().unwrap_or(State::Detached)
    }

    fn pending(&self) -> &[u32] {
        &self.pending
    }

    fn resolutions(&self) -> &Resolutions {
        &self.resolutions
    }

    fn resolutions_mut(&mut self) -> &mut Resolutions {
        &mut self.resolutions
    }

    fn changed(&self) -> Vec<u32> {
        // What is to be deleted need not be updated.
        let mut slots = self.journal.changed();
        slots.retain(|&slot| self.state(slot).is_stored());
        slots
    }

    fn stored(&self) -> Vec<u32> {
        (0..self.entities.len() as u32).filter(|&slot| self.state(slot).is_stored()).collect()
    }

    fn marked_for_deletion(&self) -> Vec<u32> {
        self.journal.marked_for_deletion().collect()
    }

    fn encode(&self, slot: u32, column: usize, out: &mut Encoder<'_>) {
        if let Some(entity) = self.entities.get(slot) {
            entity.encode(column, out);
        }
    }

    fn encode_cells(
        &self,
        rows: &mut dyn Iterator<Item = (u32, u32)>,
        sources: &[CellSource<'_>],
        frame: Frame<'_>,
        out: &mut BytesMut,
        fill: &mut FillCell<'_>,
    ) -> Result<Encoded, Error> {
        let entity = |slot: u32| self.entities.get(slot);
        let entities = rows.map(|(row, slot)| (row, entity(slot)));
        encode::encode_cells(entities, sources, frame, out, fill)
    }

    fn measure(
        &self,
        slots: &[u32],
        columns: &[usize],
        sizes: &mut Vec<u32>,
        size_cell: &mut SizeCell<'_>,
    ) -> Result<(), Error> {
        let entities = slots.iter().map(|&slot| self.entities.get(slot));
        encode::measure(entities, columns, sizes, size_cell)
    }

    fn encode_stored(&self, slot: u32, column: usize, out: &mut Encoder<'_>) {
        if let Some(&version) = self.expected.get(&slot) {
            if T::table().version() == Some(column) {
                // It was found to fit.
                return match T::table().columns()[column].ty() {
                    SqlType::INT2 => out.put(&(version as i16), 0),
                    SqlType::INT4 => out.put(&(version as i32), 0),
                    _ => out.put(&version, 0),
                };
            }
        }
        match self.journal.original(slot) {
            Some(original) => original.encode(column, out),
            None => self.encode(slot, column, out),
        }
    }

    fn check_write_back(&self, slots: &[u32], write_back: &WriteBack) -> Result<(), Error> {
        let Some(first) = slots.first().and_then(|&slot| self.get(slot)) else {
            return Ok(());
        };
        if write_back.columns().is_empty() {
            return Ok(());
        }
        let mut scratch = first.clone();
        let mut rows = write_back.rows();
        while rows.advance() {
            scratch.update(&Row::new(T::table(), rows.cells()))?;
        }
        Ok(())
    }

    fn inserted(&mut self, slots: &[u32], write_back: &WriteBack, transaction: Transaction) {
        let mut rows = write_back.rows();
        // Both are in ascending order.
        let mut written = slots.iter().copied().peekable();
        self.pending.retain(|&slot| {
            while written.next_if(|&other| other < slot).is_some() {}
            written.next_if_eq(&slot).is_none()
        });
        for &slot in slots {
            self.apply(slot, transaction.event());
            self.identity.note(slot);
            let has_row = !write_back.columns().is_empty() && rows.advance();
            let row = has_row.then_some((rows.cells(), write_back.columns()));
            let undo = (transaction == Transaction::Open).then_some(Undo::Insert);
            self.written(slot, row, undo);
        }
    }

    fn updated(&mut self, slots: &[u32], write_back: &WriteBack, transaction: Transaction) {
        let mut rows = write_back.rows();
        for &slot in slots {
            let has_row = !write_back.columns().is_empty() && rows.advance();
            self.expected.remove(&slot);
            let written = self.journal.take_outcome_unknown(slot);
            let Some(entity) = self.entities.get(slot) else { continue };
            // One without an original has only followed a key that it refers to.
            let original = self.journal.take_original(slot).unwrap_or_else(|| entity.clone());
            if let Some(key) = original.key() {
                self.identity.remove(&key, slot);
            }
            // What was written is what the database has, also if it was changed since.
            if let Some(written) = written {
                self.journal.set_original(slot, written);
            }
            let row = has_row.then_some((rows.cells(), write_back.columns()));
            self.identity.note(slot);
            let undo = (transaction == Transaction::Open).then_some(Undo::Update(original));
            self.written(slot, row, undo);
        }
    }

    fn deleted(&mut self, slots: &[u32], transaction: Transaction) {
        for &slot in slots {
            self.journal.take_outcome_unknown(slot);
            if !self.is_marked_for_deletion(slot) {
                continue;
            }
            self.apply(slot, transaction.event());
            if transaction == Transaction::Open {
                let before = ColumnsBefore::default();
                self.journal.push_flushed(Flushed { slot, undo: Undo::Delete, before });
            }
        }
    }

    fn outcome_unknown(&mut self, inserted: &[u32], updated: &[u32], deleted: &[u32]) {
        for &slot in inserted {
            self.apply(slot, Event::LoseOutcome);
        }
        for &slot in updated {
            self.journal.set_outcome_unknown(slot, self.entities.get(slot).cloned());
        }
        for &slot in deleted {
            self.journal.set_outcome_unknown(slot, None);
        }
    }

    fn answer_lost(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|&slot| self.apply(slot, Event::LoseAnswer).is_none());
        self.pending = pending;
        for slot in self.journal.take_all_outcome_unknown().into_keys() {
            self.let_go(slot, Event::LoseAnswer);
        }
    }

    fn committed(&mut self) {
        self.let_go.clear();
        self.resolutions.keep(&self.pending);
        for Flushed { slot, undo, .. } in self.journal.take_flushed(0) {
            match (undo, self.state(slot)) {
                (Undo::Insert, State::Flushed) | (Undo::Delete, State::Deleted(_)) => {
                    self.apply(slot, Event::Commit);
                }
                _ => {}
            }
        }
        // A commit writes every change, so what is left are changes made since.
        for (slot, original) in self.journal.take_originals() {
            let Some(entity) = self.get(slot) else { continue };
            if differs(entity, &original).unwrap_or(true) {
                self.journal.set_original(slot, original);
            }
        }
    }

    fn unflushed(&mut self) {
        self.journal.take_all_outcome_unknown();
        for at in 0..self.pending.len() {
            let slot = self.pending[at];
            self.apply(slot, Event::Unflush);
            self.journal.take_original(slot);
        }
        for Flushed { slot, undo, before } in self.journal.take_flushed(0).into_iter().rev() {
            match (undo, self.state(slot)) {
                (_, State::Detached) => {}
                (Undo::Insert, State::MarkedForDeletion(_)) => {
                    self.undo_write_back(slot, before);
                    self.let_go(slot, Event::Unflush);
                }
                (Undo::Insert, _) => {
                    self.undo_write_back(slot, before);
                    self.journal.take_original(slot);
                    self.apply(slot, Event::Unflush);
                    self.resolutions.unnote(slot);
                    self.pending.push(slot);
                }
                (Undo::Update(original), _) => {
                    self.undo_write_back(slot, before);
                    // The earliest is what the database has.
                    self.journal.set_original(slot, original);
                }
                (Undo::Delete, _) => {
                    self.apply(slot, Event::Unflush);
                }
                (Undo::Read(known), _) => {
                    self.undo_write_back(slot, before);
                    // What the caller has changed is to be written over what was known before.
                    if let Some(original) = self.journal.original_mut(slot) {
                        *original = known;
                    }
                }
            }
        }
        self.pending.sort_unstable();
    }

    fn flushed(&self) -> usize {
        self.journal.flushed_len()
    }

    fn rolled_back(&mut self, to: usize) {
        self.expected.clear();
        self.journal.take_all_outcome_unknown();
        for slot in std::mem::take(&mut self.pending) {
            self.apply(slot, Event::Rollback);
        }
        for slot in self.marked_for_deletion() {
            self.apply(slot, Event::Rollback);
        }
        for (slot, original) in self.journal.take_originals() {
            self.put_back(slot, original);
        }
        for Flushed { slot, undo, .. } in self.journal.take_flushed(to).into_iter().rev() {
            match (undo, self.state(slot)) {
                (_, State::Detached) => {}
                (Undo::Insert, _) => {
                    self.apply(slot, Event::Rollback);
                }
                (Undo::Update(original) | Undo::Read(original), _) => {
                    self.put_back(slot, original);
                }
                (Undo::Delete, _) => {
                    self.apply(slot, Event::Rollback);
                    self.identity.note(slot);
                }
            }
        }
        for key in std::mem::take(&mut self.let_go) {
            if let Some(slot) = self.find_stored(&key) {
                self.apply(slot, Event::Expunge);
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
