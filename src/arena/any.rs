//! `AnyArena`: an arena whose model is not known.

use std::any::Any;

use bytes::BytesMut;

use super::{CellSource, Encoded, FillCell, Frame, Resolutions, SizeCell};
use crate::error::Error;
use crate::model::{Encoder, Table};
use crate::state::{State, Transaction};
use crate::write_back::WriteBack;

/// What the rest of the crate needs of an arena whose model it does not know.
pub(crate) trait AnyArena: Send {
    /// Returns the table of the model.
    fn table(&self) -> &'static Table;

    /// Returns the number of slots that were ever given out.
    fn slots(&self) -> usize;

    /// Returns the number of entities whose handles are accepted.
    fn len(&self) -> usize;

    /// Returns what a handle of the entity in this slot prints as.
    fn name(&self, slot: u32) -> String;

    /// Returns the state of an entity. A slot that was never given out is [`State::Detached`].
    fn state(&self, slot: u32) -> State;

    /// Returns the slots of the entities that are to be inserted, in ascending order.
    fn pending(&self) -> &[u32];

    /// Returns which entities have rows that may be there already, or were.
    fn resolutions(&self) -> &Resolutions;

    /// Returns the same, to be changed.
    fn resolutions_mut(&mut self) -> &mut Resolutions;

    /// Returns the slots of the stored entities that may have been changed, in ascending order.
    fn changed(&self) -> Vec<u32>;

    /// Returns the slots of the stored entities, in ascending order.
    fn stored(&self) -> Vec<u32>;

    /// Returns the slots of the entities that are marked for deletion, in ascending order.
    fn marked_for_deletion(&self) -> Vec<u32>;

    /// Writes an entity's value of a column. A slot without an entity writes nothing.
    fn encode(&self, slot: u32, column: usize, out: &mut Encoder<'_>);

    /// Appends the cells of rows, each after its length, as `frame` says. Each row comes with the slot
    /// of its entity. `fill` writes the cells that the entity has no value for.
    fn encode_cells(
        &self,
        rows: &mut dyn Iterator<Item = (u32, u32)>,
        sources: &[CellSource<'_>],
        frame: Frame<'_>,
        out: &mut BytesMut,
        fill: &mut FillCell<'_>,
    ) -> Result<Encoded, Error>;

    /// Appends the size of each entity's values in some columns. `size_cell` says what to assume for the
    /// cells that the entity has no value for.
    fn measure(
        &self,
        slots: &[u32],
        columns: &[usize],
        sizes: &mut Vec<u32>,
        size_cell: &mut SizeCell<'_>,
    ) -> Result<(), Error>;

    /// Writes the value of a column that the database has.
    fn encode_stored(&self, slot: u32, column: usize, out: &mut Encoder<'_>);

    /// Returns an error if these entities cannot take `write_back` over.
    fn check_write_back(&self, slots: &[u32], write_back: &WriteBack) -> Result<(), Error>;

    /// Gives to these pending entities, which were inserted or found, what the database has. If the
    /// transaction is still open, each gets an entry in the undo journal.
    ///
    /// What [`check_write_back`](AnyArena::check_write_back) has accepted cannot fail here.
    fn inserted(&mut self, slots: &[u32], write_back: &WriteBack, transaction: Transaction);

    /// Gives to these entities, which were updated, what the database assigned. If the transaction is
    /// still open, each gets an entry in the undo journal.
    fn updated(&mut self, slots: &[u32], write_back: &WriteBack, transaction: Transaction);

    /// Notes that these entities were deleted. If the transaction is still open, each gets an entry in the
    /// undo journal.
    fn deleted(&mut self, slots: &[u32], transaction: Transaction);

    /// Notes that nobody knows whether these pending entities were inserted, and whether the others were
    /// updated and deleted.
    fn outcome_unknown(&mut self, inserted: &[u32], updated: &[u32], deleted: &[u32]);

    /// Lets go of the entities of unknown outcome. They are in the database, under keys and with values
    /// that nobody knows.
    fn answer_lost(&mut self);

    /// Notes that the transaction is committed. Entities that differ from what it wrote still count as
    /// changed.
    fn committed(&mut self);

    /// Notes that the transaction was rolled back without the caller's asking. What was flushed, and what
    /// has an unknown outcome, is to be written again, with the caller's changes.
    fn unflushed(&mut self);

    /// Returns how many things flushes have done so far.
    fn flushed(&self) -> usize;

    /// Undoes everything since flushes had done `to` things. Nothing was pending then.
    fn rolled_back(&mut self, to: usize);

    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}
