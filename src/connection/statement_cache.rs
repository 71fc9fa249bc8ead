//! `StatementCache`: statements that a connection's server has parsed and planned before.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use postgres::error::SqlState;
use postgres::types::Type;

use super::driver::{self, Prepared, Session};
use super::mark::Mark;
use crate::error::Error;
use crate::sql::Params;

/// Statements that one connection sends again and again, prepared once.
///
/// The server parses and plans the statement of a commit each time. This takes about half a
/// millisecond. Over a distance, half a millisecond is nothing, but it is half of a small commit close
/// to the server. The text of the statement depends only on the tables and columns that are written, so
/// an application soon sends only texts that it has sent before. A cache remembers these texts, and
/// [`prepare`](StatementCache::prepare) prepares texts that have come up twice.
///
/// To prepare a statement takes a round trip. The application decides when: after a response, or before
/// a connection goes back to its pool. A commit takes one round trip more only if the server has
/// forgotten its statement since, or cannot run the statement any more because a table was altered.
/// Then the commit sends the text.
///
/// A cache belongs to one connection, and its clones are the same cache. It is used for commits that
/// are one statement, and for loading outside of transactions. Statements in a transaction are sent as
/// text, because a refused statement aborts the transaction. Large commits are sent as text, because
/// parsing is a small part of their time. Queries whose condition has a literal, or binds a string, are
/// sent as text, because preparing them would fix their meaning.
///
/// A prepared statement belongs to the session. Behind a pooler that gives each transaction another
/// session, such as PgBouncer in transaction mode, a cache helps only if the pooler supports prepared
/// statements (PgBouncer does since 1.21, with `max_prepared_statements`). Without this support,
/// another program's statement may have the same name in the session. Each statement of a cache checks
/// this. If it is not the statement that is meant, it writes and reads nothing, and the text is sent in
/// one more round trip.
///
/// ```
/// # use onetrip::{Error, Model, StatementCache, UnitOfWork};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32>, name: String }
/// # fn requests() -> Vec<String> { Vec::new() }
/// # fn respond() {}
/// fn serve(client: &mut postgres::Client) -> Result<(), Error> {
///     let statements = StatementCache::new();
///     for name in requests() {
///         let mut uow = UnitOfWork::new(&mut *client).with_statement_cache(&statements);
///         uow.add(User { id: None, name });
///         uow.commit()?;
///         drop(uow);
///         respond();
///         statements.prepare(client)?;
///     }
///     Ok(())
/// }
/// # let _ = serve;
/// ```
#[derive(Clone)]
pub struct StatementCache(Arc<Mutex<Statements>>);

struct Statements {
    /// The most statements.
    capacity: usize,
    /// The statements that have come up, by their text.
    by_text: IndexMap<Box<str>, Entry>,
    /// Counts look-ups.
    now: u64,
}

struct Entry {
    /// The types of the parameters.
    types: Vec<Type>,
    /// The number of times that the statement has come up.
    uses: u64,
    /// The time of its last look-up, as `now` counts.
    last_used: u64,
    /// The statement, if it is prepared.
    prepared: Option<Prepared>,
}

/// The number of times that a statement has to come up before it is worth preparing.
const USES: u64 = 2;

/// Of longer texts nothing is remembered: few applications send the same one twice.
const MAX_TEXT: usize = 32 << 10;

/// With more data than this, a statement's planning does not matter; and the plan for any number of
/// rows, which a prepared statement comes to have, may not be the best for many.
const MAX_BYTES: usize = 64 << 10;

impl StatementCache {
    /// Returns an empty cache of up to 64 statements.
    #[must_use]
    pub fn new() -> StatementCache {
        StatementCache::with_capacity(64)
    }

    /// Returns an empty cache of up to `statements` statements. When the cache is full, a new statement
    /// replaces the statement that was not used for the longest time.
    ///
    /// The server keeps each statement in the memory of the session: 100 KiB for a commit of two tables
    /// (`pg_backend_memory_contexts`, PostgreSQL 15).
    #[must_use]
    pub fn with_capacity(statements: usize) -> StatementCache {
        let statements = Statements { capacity: statements, by_text: IndexMap::new(), now: 0 };
        StatementCache(Arc::new(Mutex::new(statements)))
    }

    /// Prepares the statements that have come up at least twice and are not prepared yet, and returns
    /// their number. `client` has to be the client whose commits sent these statements. If there is
    /// nothing to prepare, nothing is sent.
    ///
    /// # Errors
    ///
    /// When the server refuses to prepare a statement, as of a table that is gone by now. It is
    /// forgotten then; others are prepared by the next call.
    pub fn prepare(&self, client: &mut Session) -> Result<usize, Error> {
        let (wanted, mut count) = (self.lock().wanted(), 0);
        for (sql, types) in &wanted {
            let mark = Mark::of(sql, types);
            let Some(marked) = mark.put_into(sql, types.len() + 1) else { continue };
            let types: Vec<Type> = types.iter().cloned().chain([Mark::TYPE, Mark::TYPE]).collect();
            let prepared = driver::prepare(client, &marked, &types);
            let mut statements = self.lock();
            match prepared {
                Ok(statement) => {
                    if let Some(entry) = statements.by_text.get_mut(&**sql) {
                        entry.prepared = Some(Prepared { statement, mark });
                        count += 1;
                    }
                }
                // Its name is that of another program's on this session. The next one may not be.
                Err(error) if error.sqlstate() == Some(&SqlState::DUPLICATE_PSTATEMENT) => {}
                Err(error) => {
                    statements.by_text.shift_remove(&**sql);
                    return Err(error.while_doing("preparing a statement that has come up before"));
                }
            }
        }
        Ok(count)
    }

    /// Returns the number of statements that are prepared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().by_text.values().filter(|entry| entry.prepared.is_some()).count()
    }

    /// Returns `true` if no statement is prepared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes note that a statement is about to be sent, and gives it if it is prepared.
    pub(super) fn look_up(&self, sql: &str, params: &Params) -> Option<Prepared> {
        if sql.len() > MAX_TEXT || params.bytes() > MAX_BYTES || params.has_literals() {
            return None;
        }
        self.lock().look_up(sql, params)
    }

    /// Forgets a statement that the server does not have any more, or cannot run as it was
    /// prepared.
    pub(super) fn forget(&self, sql: &str) {
        if let Some(entry) = self.lock().by_text.get_mut(sql) {
            entry.prepared = None;
        }
    }

    /// Returns the statements, which clones of the cache share.
    fn lock(&self) -> MutexGuard<'_, Statements> {
        // Nothing here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statements {
    /// Returns the prepared statement for a text, if there is one, and counts that the text came
    /// up.
    fn look_up(&mut self, sql: &str, params: &Params) -> Option<Prepared> {
        self.now += 1;
        let now = self.now;
        match self.by_text.get_mut(sql) {
            // The text does not say all of the types, so two models can share it.
            Some(entry) if params.driver_types().eq(entry.types.iter().cloned()) => {
                entry.uses += 1;
                entry.last_used = now;
                entry.prepared.clone()
            }
            Some(_) => None,
            None => {
                self.make_room();
                if self.by_text.len() < self.capacity {
                    let types = params.driver_types().collect();
                    let entry = Entry { types, uses: 1, last_used: now, prepared: None };
                    self.by_text.insert(sql.into(), entry);
                }
                None
            }
        }
    }

    /// Removes the statement that was not used for longest, if the cache is full.
    fn make_room(&mut self) {
        if self.by_text.len() < self.capacity {
            return;
        }
        let last_used = |at: &usize| self.by_text[*at].last_used;
        if let Some(oldest) = (0..self.by_text.len()).min_by_key(last_used) {
            self.by_text.swap_remove_index(oldest);
        }
    }

    /// Returns the statements that are worth preparing and are not prepared yet.
    fn wanted(&self) -> Vec<(Box<str>, Vec<Type>)> {
        let is_wanted = |entry: &Entry| entry.prepared.is_none() && entry.uses >= USES;
        let wanted = self.by_text.iter().filter(|(_, entry)| is_wanted(entry));
        wanted.map(|(sql, entry)| (sql.clone(), entry.types.clone())).collect()
    }
}

impl Default for StatementCache {
    fn default() -> StatementCache {
        StatementCache::new()
    }
}

impl fmt::Debug for StatementCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementCache").field("prepared", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(cache: &StatementCache) -> usize {
        cache.lock().wanted().len()
    }

    #[test]
    fn long_texts_are_not_remembered() {
        for (len, expected) in [(MAX_TEXT, 1), (MAX_TEXT + 1, 0)] {
            let (cache, text) = (StatementCache::new(), "x".repeat(len));
            for _ in 0..USES {
                assert!(cache.look_up(&text, &Params::new()).is_none());
            }
            assert_eq!(wanted(&cache), expected, "{len} bytes");
        }
    }

    #[test]
    fn a_text_with_parameters_of_other_types_is_another_statement() {
        let cache = StatementCache::new();
        let (mut short, mut long) = (Params::new(), Params::new());
        short.push(&1_i32).unwrap();
        long.push(&1_i64).unwrap();
        cache.look_up("SELECT $1", &short);
        cache.look_up("SELECT $1", &long);
        assert_eq!(wanted(&cache), 0, "each has come up once");
        cache.look_up("SELECT $1", &short);
        assert_eq!(cache.lock().wanted()[0].1, [Type::INT4]);
    }
}
