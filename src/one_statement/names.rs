//! `Names`: what the parts of one statement are called.

use crate::model::{Assigned, Table};
use crate::sql::unused_prefix;

/// The names of the statement's `WITH` queries: `k`, `l`, `d0`, `u0`, `i0`, `b0` and so on, after a prefix
/// where a table of the statement could be hidden by them.
#[derive(Debug)]
pub(super) struct Names {
    /// Empty, or such as `onetrip1_`. No table of the statement can be hidden by a name that begins so.
    prefix: String,
}

impl Names {
    /// Returns the names for a statement that names these tables.
    pub(super) fn new(tables: impl Iterator<Item = &'static Table>) -> Names {
        let expressions = |table: &'static Table| {
            table.columns().iter().filter_map(|column| match column.assigned_by() {
                Some(Assigned::Expression(expression)) => Some(expression),
                _ => None,
            })
        };
        let texts: Vec<&str> = tables
            .flat_map(|table| std::iter::once(table.name()).chain(expressions(table)))
            .collect();
        let prefix = unused_prefix(&KINDS, &texts);
        Names { prefix }
    }

    /// Returns what all names begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the name of what the step at this position among those that find or add rows has.
    pub(super) fn found(&self, at: usize) -> String {
        format!("{}x{at}", self.prefix)
    }

    /// Returns the name of the one row of keys.
    pub(super) fn keys(&self) -> String {
        format!("{}k", self.prefix)
    }

    /// Returns the name of the part that takes locks.
    pub(super) fn locks(&self) -> String {
        format!("{}l", self.prefix)
    }

    /// Returns the name of the delete at this position.
    pub(super) fn delete(&self, at: usize) -> String {
        format!("{}d{at}", self.prefix)
    }

    /// Returns the name of the update at this position.
    pub(super) fn update(&self, at: usize) -> String {
        format!("{}u{at}", self.prefix)
    }

    /// Returns the name of the query at this position that is done when all parts before it are.
    pub(super) fn barrier(&self, at: usize) -> String {
        format!("{}b{at}", self.prefix)
    }

    /// Returns the name of the insert at this position.
    pub(super) fn insert(&self, at: usize) -> String {
        format!("{}i{at}", self.prefix)
    }
}

/// What names begin with, after the prefix.
const KINDS: [char; 11] = ['k', 'l', 'd', 'u', 'b', 'i', 'f', 'a', 'w', 'x', 'm'];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, SqlType};

    #[test]
    fn a_name_is_never_that_of_a_table() {
        static USERS: Table = Table::new("users", &[Column::new("id", SqlType::INT4)], &[0]);
        static K: Table = Table::new("k", &[Column::new("id", SqlType::INT4)], &[0]);
        static D7: Table = Table::new("d7", &[Column::new("id", SqlType::INT4)], &[0]);
        static LONG: Table = Table::new("onetrip1_i0", &[Column::new("id", SqlType::INT4)], &[0]);
        static DRAWN: Table = Table::new(
            "drawn",
            &[Column::new("id", SqlType::INT4)
                .assigned(Assigned::Expression("(SELECT max(n) + 1 FROM U0)"))],
            &[0],
        );
        let keys = |tables: &[&'static Table]| Names::new(tables.iter().copied()).keys();
        assert_eq!(keys(&[&USERS]), "k");
        assert_eq!(keys(&[&USERS, &K]), "onetrip1_k");
        assert_eq!(keys(&[&D7]), "onetrip1_k");
        assert_eq!(keys(&[&K, &LONG]), "onetrip2_k");
        assert_eq!(keys(&[&DRAWN]), "onetrip1_k");
    }
}
