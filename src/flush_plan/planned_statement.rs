//! `PlannedStatement`: what would be sent.

use std::borrow::Cow;

use super::counted;
use crate::model::Table;

/// A statement, or several statements of the same kind, that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    description: Cow<'static, str>,
    times: usize,
    round_trips: usize,
}

impl PlannedStatement {
    /// Returns one statement that takes one round trip. `description` describes the statement for
    /// people.
    #[must_use]
    pub fn new(description: impl Into<Cow<'static, str>>) -> PlannedStatement {
        PlannedStatement { description: description.into(), times: 1, round_trips: 1 }
    }

    /// Returns the inserts of so many rows of a table.
    pub(crate) fn insert(table: &Table, rows: usize, times: usize) -> PlannedStatement {
        let (rows, table) = (counted(rows), table.name());
        let text = match times {
            1 => format!("insert {rows} into {table}"),
            _ => format!("insert into {table}, {rows} in all"),
        };
        PlannedStatement::new(text).times(times)
    }

    /// Returns `times` statements of the same kind.
    #[must_use]
    pub fn times(mut self, times: usize) -> PlannedStatement {
        self.times = times;
        self
    }

    /// Returns the same statements, each of which takes `round_trips` round trips.
    #[must_use]
    pub fn round_trips_each(mut self, round_trips: usize) -> PlannedStatement {
        self.round_trips = round_trips;
        self
    }

    /// Returns the description of the statement.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the number of statements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times
    }

    /// Returns the number of round trips of all these statements together.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.times * self.round_trips
    }
}
