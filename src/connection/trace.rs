//! What is sent, as events of `tracing`: text, rows and duration, and never a value.

use std::time::Instant;

use crate::error::Error;

/// The sending of one statement.
#[cfg_attr(not(feature = "with-tracing-0_1"), allow(dead_code, reason = "nobody is told"))]
pub(super) struct Sending<'a> {
    /// The text of the statement.
    sql: &'a str,
    /// When it was sent.
    started: Instant,
}

impl<'a> Sending<'a> {
    /// Returns the sending of a statement that begins now.
    pub(super) fn start(sql: &'a str) -> Sending<'a> {
        Sending { sql, started: Instant::now() }
    }

    /// Says that the statement has been answered; `rows` are those that it returned or stored.
    #[cfg(feature = "with-tracing-0_1")]
    pub(super) fn end<R>(self, result: &Result<R, Error>, rows: impl FnOnce(&R) -> u64) {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        match result {
            Ok(answer) => tracing::debug!(
                target: "onetrip",
                statement = self.sql,
                rows = rows(answer),
                micros,
                "statement"
            ),
            Err(error) => tracing::debug!(
                target: "onetrip",
                statement = self.sql,
                micros,
                kind = ?error.kind(),
                sqlstate = error.sqlstate().map(|code| code.code()),
                "statement failed"
            ),
        }
    }

    #[cfg(not(feature = "with-tracing-0_1"))]
    pub(super) fn end<R>(self, _result: &Result<R, Error>, _rows: impl FnOnce(&R) -> u64) {}
}
