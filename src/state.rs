//! `State`: where an entity stands in its life, and how it gets from one state to the next.
//!
//! An entity that is added begins as `Pending`, one that is loaded as `Persistent`. The table shows the
//! state after each [`Event`]. A dot means that the entity stays where it is. `(P)` and `(F)` say
//! where an entity goes back to that is not deleted after all: `Persistent` or `Flushed`.
//!
//! ```text
//!                | Delete    Undelete   Expunge  Flush      Commit     LoseOutcome    LoseAnswer Unflush   Rollback
//! Pending        | Detached  ·          Detached Flushed    Persistent OutcomeUnknown ·          ·         Detached
//! OutcomeUnknown | ·         ·          ·        ·          Persistent ·              Detached   Pending   Detached
//! Flushed        | Marked(F) ·          Detached ·          Persistent ·              ·          Pending   Detached
//! Persistent     | Marked(P) ·          Detached ·          ·          ·              Detached   ·         ·
//! Marked(F)      | ·         Flushed    Detached Deleted(F) Detached   ·              ·          Detached  Flushed
//! Marked(P)      | ·         Persistent Detached Deleted(P) Detached   ·              Detached   ·         Persistent
//! Deleted(F)     | ·         ·          ·        ·          Detached   ·              ·          Marked(F) Flushed
//! Deleted(P)     | ·         ·          ·        ·          Detached   ·              ·          Marked(P) Persistent
//! Detached       | ·         ·          ·        ·          ·          ·              ·          ·         ·
//! ```
//!
//! [`State::after`] is the same table in code, and the arena changes states by it alone. A test
//! compares the two tables. Another test, `unit_of_work/tests/states.rs`, walks through them with a
//! unit of work.

/// Where an entity stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The entity was added, and is not written yet.
    Pending,
    /// A commit of unknown outcome has inserted the entity, or has not.
    OutcomeUnknown,
    /// A transaction that is still open has inserted the entity.
    Flushed,
    /// The entity is a row of the database.
    Persistent,
    /// The next flush deletes the row.
    MarkedForDeletion(Stored),
    /// A transaction that is still open has deleted the row.
    Deleted(Stored),
    /// The entity is not in this unit of work any more. Its slot is never used again.
    Detached,
}

/// The state that an entity had before it was marked for deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Flushed,
    Persistent,
}

/// Something that changes the state of the entities that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The caller marks the entity for deletion.
    Delete,
    /// The caller takes that mark away.
    Undelete,
    /// The caller takes the entity out of the unit of work.
    Expunge,
    /// A flush has inserted or deleted the row, in a transaction that is still open.
    Flush,
    /// The transaction that has inserted or deleted the row is committed.
    Commit,
    /// The link was lost during the commit that was to insert the row.
    LoseOutcome,
    /// The commit that wrote the row has happened, and nobody knows what the database assigned.
    LoseAnswer,
    /// The transaction has been rolled back without the caller's asking. What its last flush did to
    /// the row is to be done again.
    Unflush,
    /// The caller rolls back the last thing that was done to the row, alone or with others.
    Rollback,
}

/// Whether the transaction that has written entities goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// The transaction goes on, so that what it wrote can be undone.
    Open,
    /// The transaction is committed.
    Committed,
}

impl State {
    /// Returns the state of an entity after `event`, or `None` if the entity stays where it is.
    pub(crate) fn after(self, event: Event) -> Option<State> {
        use State::{
            Deleted, Detached, Flushed, MarkedForDeletion, OutcomeUnknown, Pending, Persistent,
        };
        Some(match (self, event) {
            (Pending, Event::Delete | Event::Expunge | Event::Rollback) => Detached,
            (Pending, Event::Flush) => Flushed,
            (Pending, Event::Commit) => Persistent,
            (Pending, Event::LoseOutcome) => OutcomeUnknown,

            (OutcomeUnknown, Event::Commit) => Persistent,
            (OutcomeUnknown, Event::Unflush) => Pending,
            (OutcomeUnknown, Event::LoseAnswer | Event::Rollback) => Detached,

            (Flushed, Event::Delete) => MarkedForDeletion(Stored::Flushed),
            (Flushed, Event::Commit) => Persistent,
            (Flushed, Event::Unflush) => Pending,
            (Flushed, Event::Expunge | Event::Rollback) => Detached,

            (Persistent, Event::Delete) => MarkedForDeletion(Stored::Persistent),
            (Persistent, Event::Expunge | Event::LoseAnswer) => Detached,

            (MarkedForDeletion(stored), Event::Undelete | Event::Rollback) => stored.into(),
            (MarkedForDeletion(stored), Event::Flush) => Deleted(stored),
            (MarkedForDeletion(_), Event::Expunge | Event::Commit) => Detached,
            (MarkedForDeletion(Stored::Persistent), Event::LoseAnswer) => Detached,
            // The row that was to be deleted has never been committed.
            (MarkedForDeletion(Stored::Flushed), Event::Unflush) => Detached,

            (Deleted(_), Event::Commit) => Detached,
            (Deleted(stored), Event::Unflush) => MarkedForDeletion(stored),
            (Deleted(stored), Event::Rollback) => stored.into(),

            _ => return None,
        })
    }

    /// Returns `true` if the database has a row for the entity that the entity may change.
    pub(crate) fn is_stored(self) -> bool {
        matches!(self, State::Persistent | State::Flushed)
    }

    /// Returns `true` if handles of the entity are refused.
    pub(crate) fn is_absent(self) -> bool {
        matches!(self, State::Deleted(_) | State::Detached)
    }
}

impl From<Stored> for State {
    fn from(stored: Stored) -> State {
        match stored {
            Stored::Flushed => State::Flushed,
            Stored::Persistent => State::Persistent,
        }
    }
}

impl Transaction {
    /// Returns what happens to the entities that the transaction has written.
    pub(crate) fn event(self) -> Event {
        match self {
            Transaction::Open => Event::Flush,
            Transaction::Committed => Event::Commit,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All states, in the order of the table.
    pub(crate) const STATES: [State; 9] = [
        State::Pending,
        State::OutcomeUnknown,
        State::Flushed,
        State::Persistent,
        State::MarkedForDeletion(Stored::Flushed),
        State::MarkedForDeletion(Stored::Persistent),
        State::Deleted(Stored::Flushed),
        State::Deleted(Stored::Persistent),
        State::Detached,
    ];

    /// All events, in the order of the table.
    pub(crate) const EVENTS: [Event; 9] = [
        Event::Delete,
        Event::Undelete,
        Event::Expunge,
        Event::Flush,
        Event::Commit,
        Event::LoseOutcome,
        Event::LoseAnswer,
        Event::Unflush,
        Event::Rollback,
    ];

    /// Returns the name that a state has in the table.
    fn name(state: State) -> String {
        let name = format!("{state:?}").replace("MarkedForDeletion", "Marked");
        name.replace("(Flushed)", "(F)").replace("(Persistent)", "(P)")
    }

    /// Returns the state that a name of the table stands for.
    fn named(cell: &str) -> State {
        let is_named = |state: &State| name(*state) == cell;
        STATES.into_iter().find(is_named).unwrap_or_else(|| panic!("{cell} is no state"))
    }

    /// Returns the label and the cells of each line of the table in the documentation.
    fn table() -> Vec<(&'static str, Vec<&'static str>)> {
        let lines = include_str!("state.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let rows = lines.filter_map(|line| line.split_once('|'));
        rows.map(|(label, cells)| (label.trim(), cells.split_whitespace().collect())).collect()
    }

    /// Returns what the documentation says of [`State::after`].
    pub(crate) fn documented(state: State, event: Event) -> Option<State> {
        let at = |index: Option<usize>| index.expect("it is in the table");
        let row = at(STATES.iter().position(|other| *other == state));
        let column = at(EVENTS.iter().position(|other| *other == event));
        match table()[row + 1].1[column] {
            "·" => None,
            cell => Some(named(cell)),
        }
    }

    #[test]
    fn the_table_of_the_documentation_is_that_of_the_code() {
        let table = table();
        let (head, rows) = table.split_first().expect("there is a table");
        assert_eq!(head.1, EVENTS.map(|event| format!("{event:?}")));
        assert_eq!(rows.iter().map(|(label, _)| named(label)).collect::<Vec<_>>(), STATES);
        for state in STATES {
            for event in EVENTS {
                assert_eq!(state.after(event), documented(state, event), "{state:?}, {event:?}");
            }
        }
    }
}
