//! Where an entity, and a cell, stand: numbers with a type of their own.

use crate::assignments::RowsOf;

/// An entity of the unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntityAt {
    /// The position of its model's arena in the unit of work.
    pub(crate) model: usize,
    /// Its slot in that arena.
    pub(crate) slot: u32,
}

impl EntityAt {
    /// Returns the cell that holds one of the entity's columns.
    pub(super) fn column(self, column: usize) -> Place {
        Place { entity: self, column }
    }
}

/// A cell of an entity of the unit of work, whether there is something to write or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) entity: EntityAt,
    pub(super) column: usize,
}

/// A cell of a row that a flush writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellAt {
    pub(crate) rows: RowsOf,
    /// The position of the row among those of its kind.
    pub(crate) row: u32,
    pub(crate) column: usize,
}
