//! `CommitPlan`: what a commit would do.

use std::fmt;

use crate::connection::Connection;
use crate::flush_plan::{FlushPlan, PlannedStatement, counted, plural};
use crate::state::Transaction;
use crate::strategy::{Attempt, Reason, Strategy, Way};

/// The plan of a [`commit`](crate::UnitOfWork::commit): the order of the rows, the strategy's
/// statements, and the round trips. A plan prints itself:
///
/// ```text
/// batch: 300 rows, 6480 bytes, 5 round trips
///   1 × BEGIN
///   1 × reserve keys: 100 for users.id, 200 for addresses.id
///   1 × insert 100 rows into users
///   1 × insert 200 rows into addresses
///   1 × COMMIT
/// ```
///
/// With `{plan:#}`, the steps come first, in the order in which they are written:
///
/// ```text
/// 1. users: 100 rows
/// 2. addresses: 200 rows, after users
/// ```
#[derive(Debug, Clone)]
pub struct CommitPlan {
    /// The name of the unit of work's strategy.
    strategy: String,
    /// The name of the strategy that would write the rows.
    written_by: String,
    /// The way that would be taken first, and why, if there is anything to write.
    way: Option<(Way, Reason)>,
    /// The steps, in order.
    flush: FlushPlan,
    /// What would be sent.
    statements: Vec<PlannedStatement>,
}

impl CommitPlan {
    /// Returns the plan of a commit. `attempt` is the first way to be taken, if there is anything
    /// to write.
    pub(super) fn new(
        strategy: &Strategy,
        attempt: Option<&Attempt<'_>>,
        connection: &Connection<'_>,
        transaction: Transaction,
    ) -> CommitPlan {
        let by = attempt.map_or(strategy.name(), Attempt::written_by);
        let mut plan = CommitPlan {
            strategy: strategy.name().to_owned(),
            written_by: by.to_owned(),
            way: attempt.map(|attempt| (attempt.way, attempt.reason.clone())),
            flush: attempt.map(|attempt| attempt.plan.clone()).unwrap_or_default(),
            statements: Vec::new(),
        };
        let ends = transaction == Transaction::Committed;
        let brackets = connection.brackets();
        if let Some(attempt) = attempt {
            if ends && connection.is_autocommit() && attempt.is_alone() {
                plan.statements = attempt.statements();
                return plan;
            }
            plan.statements.extend(attempt.question());
            plan.statements.extend(brackets.begin.map(PlannedStatement::new));
            plan.statements.extend(attempt.statements());
        }
        if ends && (attempt.is_some() || connection.in_transaction()) {
            plan.statements.push(PlannedStatement::new(brackets.commit));
        }
        if !ends && attempt.is_some() {
            plan.statements.extend(brackets.release.map(PlannedStatement::new));
        }
        plan
    }

    /// Returns the name of the unit of work's strategy.
    #[must_use]
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Returns the name of the strategy that would write the rows: the strategy that
    /// [`Auto`](crate::Auto) picks, or otherwise that of the unit of work.
    #[must_use]
    pub fn written_by(&self) -> &str {
        &self.written_by
    }

    /// Returns the way in which the steps would be sent, or `None` if there is nothing to write.
    #[must_use]
    pub fn way(&self) -> Option<Way> {
        self.way.as_ref().map(|(way, _)| *way)
    }

    /// Returns the reason for the way in which the steps would be sent, or `None` if there is nothing
    /// to write.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.way.as_ref().map(|(_, reason)| reason)
    }

    /// Returns the order in which the rows would be written.
    #[must_use]
    pub fn flush_plan(&self) -> &FlushPlan {
        &self.flush
    }

    /// Returns the statements that would be sent, with those that begin and end the transaction.
    #[must_use]
    pub fn statements(&self) -> &[PlannedStatement] {
        &self.statements
    }

    /// Returns the number of rows that would be inserted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.flush.rows()
    }

    /// Returns the number of rows that would be updated.
    #[must_use]
    pub fn updated_rows(&self) -> usize {
        self.flush.updated_rows()
    }

    /// Returns the number of rows that would be deleted.
    #[must_use]
    pub fn deleted_rows(&self) -> usize {
        self.flush.deleted_rows()
    }

    /// Returns the size of the values that would be written, in bytes and as they would be sent.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.flush.bytes()
    }

    /// Returns the number of network round trips, without those that [`sql`](crate::UnitOfWork::sql)
    /// and reads under a lock have taken already. The number is exact, except for what only the server
    /// knows: [`Copy`](crate::Copy) takes fewer round trips if a table turns out to need an insert, and
    /// [`Auto`](crate::Auto) takes more if the server refuses its one statement.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.statements.iter().map(PlannedStatement::round_trips).sum()
    }
}

impl fmt::Display for CommitPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            fmt::Display::fmt(&self.flush, f)?;
        }
        let (bytes, trips) = (self.bytes(), self.round_trips());
        f.write_str(&self.strategy)?;
        if self.written_by != self.strategy {
            write!(f, " ({})", self.written_by)?;
        }
        write!(f, ": {}, ", counted(self.rows()))?;
        for (verb, rows) in [("update", self.updated_rows()), ("delete", self.deleted_rows())] {
            if rows > 0 {
                write!(f, "{rows} to {verb}, ")?;
            }
        }
        writeln!(f, "{}, {}", plural(bytes, "byte"), plural(trips, "round trip"))?;
        let counts = self.statements.iter().map(|statement| statement.count().to_string());
        let width = counts.map(|count| count.len()).max().unwrap_or(1);
        for statement in &self.statements {
            write!(f, "  {:>width$} × {}", statement.count(), statement.description())?;
            match statement.round_trips() {
                trips if trips == statement.count() => writeln!(f)?,
                trips => writeln!(f, " ({trips} round trips)")?,
            }
        }
        Ok(())
    }
}
