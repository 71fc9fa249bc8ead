//! What an error says of the way that was taken.

use crate::error::{Error, ErrorKind};

/// What the server may have refused for the way in which it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// One statement for it all: a feature that the server lacks in `WITH`, a limit on the size of a
    /// statement, a row that a trigger has changed in the same statement.
    OneStatement,
    /// Something that has looked for rows of the same statement: a trigger, which has raised an error, or
    /// a step that finds or adds rows.
    Trigger,
    /// The form of a statement, where rows lie on several servers.
    Distributed,
    /// Rows on several servers that were written at once, next to rows that each server has. Citus takes them
    /// over one connection to each server.
    Parallel,
    /// Locks on rows ahead, for which more is needed than for what becomes of the rows.
    Locks,
    /// The order in which rows were written.
    Order,
    /// What a statement was to return of the rows that it changes.
    Returning,
    /// What was known of constraints, which may not hold any more.
    Constraints,
    /// Rows of one step in one statement: a trigger changes one of them for the sake of another.
    Together,
    /// The name of a prepared statement that the driver chose, on a session that others share.
    Prepared,
}

impl Refusal {
    /// Returns what may have been refused. An error of another kind, such as a lost connection, is
    /// no refusal.
    pub(super) fn all_of(error: &Error) -> Vec<Refusal> {
        match error.kind() {
            ErrorKind::Unsupported => return vec![Refusal::OneStatement, Refusal::Constraints],
            ErrorKind::Stale => return vec![Refusal::Constraints],
            _ => {}
        }
        if error.kind() != ErrorKind::Database {
            return Vec::new();
        }
        let Some(code) = error.sqlstate().map(|code| code.code()) else { return Vec::new() };
        let by_code = Refusal::all_of_code(code);
        match error.is_of_citus() {
            true if error.is_of_parallel_access() => vec![Refusal::Parallel],
            true => [vec![Refusal::Distributed], by_code].concat(),
            false => by_code,
        }
    }

    fn all_of_code(code: &str) -> Vec<Refusal> {
        match code {
            "0A000" => vec![Refusal::OneStatement, Refusal::Locks, Refusal::Returning],
            // A policy may look for rows of the same statement, as a trigger may.
            "42501" => vec![Refusal::Locks, Refusal::Trigger],
            "42809" | "55000" => vec![Refusal::Locks, Refusal::Constraints],
            "42704" | "3F000" => vec![Refusal::Constraints],
            // A row of another step of the same statement, which a later statement would find.
            "21000" => vec![Refusal::Trigger],
            "27000" => vec![Refusal::OneStatement, Refusal::Together],
            "XX000" | "42601" => vec![Refusal::OneStatement],
            _ if code.starts_with("54") => vec![Refusal::OneStatement],
            "P0001" => vec![Refusal::Trigger],
            "23503" | "23505" | "23P01" | "23001" => vec![Refusal::Order],
            "42P05" => vec![Refusal::Prepared],
            _ => Vec::new(),
        }
    }
}
