//! `AnyArena`: an arena whose model is not known.

use std::any::Any;

use bytes::BytesMut;

use super::{CellSource, Encoded, Frame, OnOpen, OnOpenSize};
use crate::error::Error;
use crate::model::{Encoder, Table};
use crate::state::{State, Transaction};
use crate::write_back::WriteBack;

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

    /// The slots of the stored entities that may have been changed, in ascending order.
    fn changed(&self) -> Vec<u32>;

    /// The slots of the stored entities.
    fn stored(&self) -> Vec<u32>;

    /// The slots of the entities to be deleted, in ascending order.
    fn marked_for_deletion(&self) -> Vec<u32>;

    /// Writes the value of a column. A slot without an entity writes nothing.
    fn encode(&self, slot: u32, column: usize, out: &mut Encoder<'_>);

    /// Appends the cells of these rows, which are named with the slots of their entities, each after
    /// its length, as `frame` says. `open` takes those whose value the entity does not know.
    fn encode_cells(
        &self,
        rows: &mut dyn Iterator<Item = (u32, u32)>,
        sources: &[CellSource<'_>],
        frame: Frame<'_>,
        out: &mut BytesMut,
        open: &mut OnOpen<'_>,
    ) -> Result<Encoded, Error>;

    /// Appends the size of each of these entities, in some columns, likewise.
    fn measure(
        &self,
        slots: &[u32],
        columns: &[usize],
        sizes: &mut Vec<u32>,
        open: &mut OnOpenSize<'_>,
    ) -> Result<(), Error>;

    /// Writes the value of a column as the database has it.
    fn encode_stored(&self, slot: u32, column: usize, out: &mut Encoder<'_>);

    /// Whether these entities could take this over.
    fn check(&self, slots: &[u32], write_back: &WriteBack) -> Result<(), Error>;

    /// The first `count` pending entities have been inserted, and get what the database assigned.
    /// If the transaction is still open, each gets an entry in the undo journal.
    ///
    /// What [`check`](AnyArena::check) has found good cannot fail here.
    fn inserted(&mut self, count: usize, write_back: &WriteBack, transaction: Transaction);

    /// These entities have been updated, and get what the database assigned. If the transaction is
    /// still open, each gets an entry in the undo journal.
    fn updated(&mut self, slots: &[u32], write_back: &WriteBack, transaction: Transaction);

    /// These entities have been deleted. If the transaction is still open, each gets an entry in the
    /// undo journal.
    fn deleted(&mut self, slots: &[u32], transaction: Transaction);

    /// The first `count` pending entities may have been inserted, or not; and likewise those
    /// updated and deleted.
    fn outcome_unknown(&mut self, count: usize, updated: &[u32], deleted: &[u32]);

    /// Lets go of the entities of unknown outcome. They are in the database, under keys and with values
    /// that nobody knows.
    fn answer_lost(&mut self);

    /// The transaction is committed. Entities that differ from what it wrote stay marked as
    /// changed.
    fn committed(&mut self);

    /// The transaction has been rolled back. What was flushed, and what has an unknown outcome, is to
    /// be written again, with the caller's changes.
    fn unflushed(&mut self);

    /// How much has been flushed so far.
    fn flushed(&self) -> usize;

    /// Everything is undone that happened since so much had been flushed, and nothing was pending.
    fn rolled_back(&mut self, to: usize);

    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}
