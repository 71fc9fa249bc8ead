//! `Mark`: how a prepared statement finds out that it is another one than the caller means.
//!
//! A prepared statement belongs to a session, and is known there by a name that the driver chooses: the
//! first of every program is `s0`. Behind a pooler that gives each transaction any session, a program can
//! so run the statement of another. Each statement of the cache has two parameters more, and a literal
//! that they have to be equal to, made of its own text. Where they differ, the statement is an error before it
//! has written or read anything, and the text is sent instead.

use std::hash::{DefaultHasher, Hash, Hasher};

use postgres::types::Type;

use crate::error::{Error, ErrorKind};

/// The mark of a text. It is a `tid`, a type of six bytes that no program sends, and is sent twice. Bound to
/// parameters of other types it is an error, but for `bytea` and `macaddr`, which no statement is likely
/// to end with two of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark([u8; 6]);

/// What the condition of every statement that is a transaction of its own begins with.
const GUARD: &str = " WHERE txid_current_if_assigned() IS NULL";

impl Mark {
    pub(super) const TYPE: Type = Type::TID;

    /// Returns the mark of a statement with these types of parameters.
    pub(super) fn of(sql: &str, types: &[Type]) -> Mark {
        let mut hasher = DefaultHasher::new();
        sql.hash(&mut hasher);
        types.iter().for_each(|ty| ty.oid().hash(&mut hasher));
        let [a, b, c, d, e, ..] = hasher.finish().to_be_bytes();
        // No text in UTF-8 begins with this byte.
        Mark([0xff, a, b, c, d, e])
    }

    /// Returns the mark as it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the text of a statement that looks for its mark, if it can have one. The mark is the
    /// parameter of this number, and the next one.
    pub(super) fn put_into(self, sql: &str, number: usize) -> Option<String> {
        let check = format!(
            "CASE WHEN ${number} = '{mark}'::tid AND ${next} = '{mark}'::tid THEN true \
             ELSE ${number}::text::bool END",
            mark = self.text(),
            next = number + 1
        );
        if let Some((before, after)) = sql.split_once(GUARD) {
            let guard = &GUARD[" WHERE".len()..];
            return Some(format!("{before} WHERE {check} AND{guard}{after}"));
        }
        // What only reads: a query, a graph, or the question to the catalog, which begins with a comment. Its
        // order is that of the query within.
        let is_query = ["SELECT ", "WITH ", "--"].iter().any(|start| sql.starts_with(start));
        is_query.then(|| format!("SELECT q.* FROM ({sql}\n) AS q WHERE {check}"))
    }

    /// Returns `true` if a statement has failed for being another one, or for not being there as it was
    /// prepared: nothing has come of it then.
    pub(super) fn explains(self, error: &Error) -> bool {
        if error.kind() != ErrorKind::Database {
            return false;
        }
        match error.sqlstate().map_or("", |code| code.code()) {
            // It is not there, or would return other types by now. The text says which column it is.
            "26000" | "0A000" | "42804" => true,
            // Another one has other parameters.
            "08P01" | "22P03" | "22021" => true,
            "22P02" => error.to_string().contains(&self.text()),
            _ => false,
        }
    }

    /// Returns the mark as the server shows it.
    fn text(self) -> String {
        let [a, b, c, d, e, f] = self.0;
        format!("({},{})", u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]))
    }
}
