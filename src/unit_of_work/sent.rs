//! `Sent`: what was sent over a connection.

use crate::connection::Connection;

/// The number of statements and of round trips.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sent {
    /// The number of statements, without those that begin and end transactions.
    pub(super) statements: u64,
    /// The number of round trips.
    pub(super) round_trips: u64,
}

impl Sent {
    /// Returns what was sent over a connection so far.
    pub(super) fn by(connection: &Connection<'_>) -> Sent {
        Sent { statements: connection.statements(), round_trips: connection.round_trips() }
    }

    /// Returns what was sent since less had been sent.
    pub(super) fn since(self, before: Sent) -> Sent {
        Sent {
            statements: self.statements - before.statements,
            round_trips: self.round_trips - before.round_trips,
        }
    }

    /// Adds what else was sent.
    pub(super) fn add(&mut self, other: Sent) {
        self.statements += other.statements;
        self.round_trips += other.round_trips;
    }
}
