//! `CommitPlan`: what a commit would do.

use std::fmt;

use crate::connection::Connection;
use crate::flush_plan::FlushPlan;
use crate::insert_strategy::{InsertStrategy, PlannedStatement};

/// What [`commit`](crate::UnitOfWork::commit) would do: the order of the rows, the strategy's
/// statements, and the round trips. It prints itself:
///
/// ```text
/// batch: 300 rows, 5 round trips
///   1 × BEGIN
///   1 × reserve keys: 100 for users.id, 200 for addresses.id
///   1 × insert 100 rows into users
///   1 × insert 200 rows into addresses
///   1 × COMMIT
/// ```
#[derive(Debug, Clone)]
pub struct CommitPlan {
    strategy: String,
    flush: FlushPlan,
    statements: Vec<PlannedStatement>,
}

impl CommitPlan {
    pub(super) fn new(
        strategy: &dyn InsertStrategy,
        flush: FlushPlan,
        connection: &Connection<'_>,
    ) -> CommitPlan {
        let (begin, commit) = connection.brackets();
        let mut statements = Vec::new();
        let is_whole_commit = connection.is_autocommit() && strategy.is_one_statement(&flush);
        if is_whole_commit && flush.rows() > 0 {
            statements.extend(strategy.plan(&flush));
            return CommitPlan { strategy: strategy.name().to_owned(), flush, statements };
        }
        if flush.rows() > 0 {
            statements.push(PlannedStatement::new(begin));
            statements.extend(strategy.plan(&flush));
        }
        if flush.rows() > 0 || connection.in_transaction() {
            statements.push(PlannedStatement::new(commit));
        }
        CommitPlan { strategy: strategy.name().to_owned(), flush, statements }
    }

    /// The name of the strategy that would write the rows.
    #[must_use]
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// The order in which the rows would be written.
    #[must_use]
    pub fn flush_plan(&self) -> &FlushPlan {
        &self.flush
    }

    /// The statements that would be sent, with those that begin and end the transaction.
    #[must_use]
    pub fn statements(&self) -> &[PlannedStatement] {
        &self.statements
    }

    /// The number of rows that would be inserted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.flush.rows()
    }

    /// The number of network round trips.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.statements.iter().map(PlannedStatement::count).sum()
    }
}

impl fmt::Display for CommitPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, trips) = (self.rows(), self.round_trips());
        write!(f, "{}: {rows} row{}, ", self.strategy, if rows == 1 { "" } else { "s" })?;
        writeln!(f, "{trips} round trip{}", if trips == 1 { "" } else { "s" })?;
        let counts = self.statements.iter().map(|statement| statement.count().to_string());
        let width = counts.map(|count| count.len()).max().unwrap_or(1);
        for statement in &self.statements {
            writeln!(f, "  {:>width$} × {}", statement.count(), statement.description())?;
        }
        Ok(())
    }
}
