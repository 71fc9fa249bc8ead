//! `StatementText`: a statement under construction, and the flush that its values come from.

use super::Flush;
use super::array_source::{ArraySource, KeyArray};
use crate::sql::{Params, Sql};

/// A statement under construction: its text, its parameters, and what both are made from.
pub(crate) struct StatementText<'a, 'c> {
    /// The plan, the values of the cells, and the keys that are known by now.
    pub(crate) flush: &'a Flush<'a, 'c>,
    /// The keys that the statement itself takes from sequences and expressions.
    keys: &'a [KeyArray],
    /// The `FROM` of the rows that are made of arrays. It is empty in a statement of its own; in a part
    /// of one statement it begins with ` FROM `.
    pub(crate) from: String,
    /// The text so far.
    pub(crate) sql: Sql,
    /// The parameters so far; the text names them by number.
    pub(crate) params: Params,
}

impl<'a, 'c> StatementText<'a, 'c> {
    /// Returns the empty text of a statement that takes no keys itself.
    pub(crate) fn new(flush: &'a Flush<'a, 'c>) -> StatementText<'a, 'c> {
        let (sql, params) = (Sql::new(), Params::new());
        StatementText { flush, keys: &[], from: String::new(), sql, params }
    }

    /// Has values come from the keys that the statement itself takes, too.
    pub(crate) fn with_keys(mut self, keys: &'a [KeyArray]) -> StatementText<'a, 'c> {
        self.keys = keys;
        self
    }

    /// Returns where the values of the statement's rows come from.
    pub(crate) fn source(&self) -> ArraySource<'a> {
        ArraySource {
            changes: self.flush.changes(),
            assigned: self.flush.assigned(),
            keys: self.keys,
        }
    }

    /// Returns the text and the parameters.
    pub(crate) fn finish(self) -> (Sql, Params) {
        (self.sql, self.params)
    }
}
