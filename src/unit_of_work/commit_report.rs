//! `CommitReport`: what a commit did.

use std::fmt;
use std::time::Duration;

use super::sent::Sent;
use crate::flush_plan::{counted, plural};
use crate::strategy::{Reason, Way};

/// The report of one call of [`commit`](crate::UnitOfWork::commit) or
/// [`flush`](crate::UnitOfWork::flush). A report prints itself: `auto (one_trip): 300 rows in 1 round
/// trip, 12 ms`.
#[derive(Debug, Clone)]
pub struct CommitReport {
    /// The name of the unit of work's strategy.
    pub(super) strategy: String,
    /// The name of the strategy that wrote the rows.
    pub(super) written_by: String,
    /// The way that was taken, and why, if there was anything to write.
    pub(super) way: Option<(Way, Reason)>,
    /// The number of rows inserted into each table.
    pub(super) rows: Vec<(&'static str, usize)>,
    /// The number of rows that were found.
    pub(super) found_rows: usize,
    /// The number of rows updated.
    pub(super) updated_rows: usize,
    /// The number of rows deleted.
    pub(super) deleted_rows: usize,
    /// The number of statements sent.
    pub(super) statements: u64,
    /// The number of round trips.
    pub(super) round_trips: u64,
    /// The time that the call took.
    pub(super) elapsed: Duration,
}

impl CommitReport {
    /// Returns the report with what was sent before the call.
    pub(super) fn with(mut self, sent: Sent) -> CommitReport {
        self.statements += sent.statements;
        self.round_trips += sent.round_trips;
        self
    }

    /// Returns the name of the unit of work's strategy.
    #[must_use]
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Returns the name of the strategy that wrote the rows: the strategy that [`Auto`](crate::Auto)
    /// picked, or otherwise that of the unit of work.
    #[must_use]
    pub fn written_by(&self) -> &str {
        &self.written_by
    }

    /// Returns the way in which the steps were sent, or `None` if there was nothing to write.
    #[must_use]
    pub fn way(&self) -> Option<Way> {
        self.way.as_ref().map(|(way, _)| *way)
    }

    /// Returns the reason for the way in which the steps were sent, or `None` if there was nothing to
    /// write.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.way.as_ref().map(|(_, reason)| reason)
    }

    /// Returns the number of rows inserted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }

    /// Returns the number of rows inserted into each table, by the table's name, in the order in
    /// which the tables first appeared in the unit of work.
    pub fn rows_by_table(&self) -> impl Iterator<Item = (&str, usize)> {
        self.rows.iter().copied()
    }

    /// Returns the number of rows that [`find_or_add`](crate::UnitOfWork::find_or_add) and
    /// [`upsert`](crate::UnitOfWork::upsert) have found. [`rows`](CommitReport::rows) does not count
    /// them.
    #[must_use]
    pub fn found_rows(&self) -> usize {
        self.found_rows
    }

    /// Returns the number of rows updated.
    #[must_use]
    pub fn updated_rows(&self) -> usize {
        self.updated_rows
    }

    /// Returns the number of rows deleted, without rows that the database has deleted along with them.
    #[must_use]
    pub fn deleted_rows(&self) -> usize {
        self.deleted_rows
    }

    /// Returns the number of statements sent, without those that begin and end transactions. The number
    /// includes statements of [`sql`](crate::UnitOfWork::sql) and reads under a lock since the last
    /// report.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// Returns the number of network round trips, with everything that [`statements`] counts and what
    /// begins and ends transactions.
    ///
    /// [`statements`]: CommitReport::statements
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// Returns the time that the call took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl fmt::Display for CommitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.strategy)?;
        if self.written_by != self.strategy {
            write!(f, " ({})", self.written_by)?;
        }
        write!(f, ": {}", counted(self.rows()))?;
        for (verb, rows) in [("updated", self.updated_rows), ("deleted", self.deleted_rows)] {
            if rows > 0 {
                write!(f, ", {rows} {verb}")?;
            }
        }
        let trips = plural(self.round_trips as usize, "round trip");
        write!(f, " in {trips}, {} ms", self.elapsed.as_millis())?;
        match self.reason() {
            None | Some(Reason::Strategy | Reason::Size) => Ok(()),
            Some(reason) => write!(f, " ({reason})"),
        }
    }
}
