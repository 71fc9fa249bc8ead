//! `State`: where an entity stands in its life.

/// Where an entity stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Added, and not written yet.
    Pending,
    /// Inserted by a commit of unknown outcome.
    OutcomeUnknown,
    /// Inserted in a transaction that is still open.
    Flushed,
    /// A row of the database.
    Persistent,
    /// A row that the next flush deletes.
    MarkedForDeletion,
    /// Deleted in a transaction that is still open.
    Deleted,
    /// Not in this unit of work any more. Its slot is never used again.
    Detached,
}

impl State {
    /// Whether the database has a row for the entity that it may change.
    pub(crate) fn is_stored(self) -> bool {
        matches!(self, State::Persistent | State::Flushed)
    }
}
