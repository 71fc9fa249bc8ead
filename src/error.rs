//! The crate's error: opaque, with accessors for what a caller can act on.

mod hints;
mod shard;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use postgres::error::{DbError, ErrorPosition, Severity, SqlState};

pub(crate) use hints::AFTER_EACH_PART;
use hints::hint;

use crate::handle::{AnyHandle, Handle};

/// The error of every fallible call of this crate.
///
/// Its `Display` is one line that names the table and, where they are known, the column and the
/// constraint, followed by the server's own message. The driver's error is its
/// [`source`](std::error::Error::source).
///
/// This crate puts no values into the line, except the keys of [stale](ErrorKind::Stale) entities and
/// of rows that [conflict](ErrorKind::Conflict), if these keys are integers or UUIDs. Values can come
/// from elsewhere: the server's message has the text that a type does not take (SQLSTATE 22P02, 22007,
/// 22008, such as a label that an enum does not have), and the text that a trigger raises. The errors
/// of conversions, of your own `Value`s and of `serde`, can have values, too. The server's DETAIL,
/// which has whole keys and rows, stays in the source.
///
/// ```
/// use onetrip::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::UnknownOutcome => "find out whether it happened",
///         ErrorKind::Connection => "connect again",
///         _ if error.is_retryable() => "do the work again, from its reads on",
///         _ => "mend what is wrong",
///     }
/// }
/// # let _ = advice;
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    /// The class of the error.
    kind: ErrorKind,
    /// What went wrong, without the values of rows.
    message: Cow<'static, str>,
    /// The table that the error is about, without its schema.
    table: Option<Cow<'static, str>>,
    /// The column that the error is about.
    column: Option<Cow<'static, str>>,
    /// The constraint that was violated.
    constraint: Option<String>,
    /// The server's code, when the server reported the error.
    sqlstate: Option<SqlState>,
    /// What can be done about it.
    hint: Option<Cow<'static, str>>,
    /// The session had ended before it took the statement.
    came_first: bool,
    /// The entities whose rows are not there any more, or have another version.
    stale: Vec<AnyHandle>,
    /// The entity that cannot be written, or that the server has refused, where the error says so.
    entity: Option<AnyHandle>,
    /// The error of the driver or of the caller that this one is made of.
    source: Option<BoxError>,
}

/// The class of an error. A caller would handle errors of different classes differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server refused a statement; [`Error::sqlstate`] says why. Nothing of this call was
    /// written.
    Database,
    /// The connection is lost or unusable. Nothing was written.
    Connection,
    /// The connection was lost during the commit: the server may or may not have committed.
    ///
    /// See [`UnitOfWork::resolve_unknown`](crate::UnitOfWork::resolve_unknown).
    UnknownOutcome,
    /// The connection's transaction is not in the state that the call needs. For example, somebody has
    /// opened a transaction by hand with `BEGIN`.
    Transaction,
    /// A model's description of its table is wrong or incomplete.
    Model,
    /// A value cannot be sent, such as text with a NUL character.
    Encode,
    /// A value from the server does not fit the model's field.
    Decode,
    /// The commit has happened, but a value that the database assigned cannot be read into its field.
    /// The entities have their keys; the fields that could not be read are as before. If a column has
    /// another type than the model says, the entities leave the unit of work.
    ///
    /// Only a strategy whose one statement is the whole commit can give this: the others read
    /// before they commit, and undo everything.
    ReadBack,
    /// A handle belongs to another unit of work, or its entity is gone.
    Handle,
    /// Two fields that share a column disagree on its value.
    Conflict,
    /// New rows refer to each other in a circle that the strategy cannot write.
    Cycle,
    /// The server did not store the rows that were sent: a trigger, rule or policy interfered.
    RowMismatch,
    /// The rows of some entities are not in the database any more, or somebody else has changed them:
    /// [`Error::stale_entities`] returns these entities. Nothing of this call was written.
    Stale,
    /// A strategy cannot write a value, or the rows of a table.
    Unsupported,
    /// The call would take more round trips than
    /// [`with_round_trip_budget`](crate::UnitOfWork::with_round_trip_budget) allows. Nothing was
    /// written.
    Budget,
    /// An error of a strategy from outside this crate; see [`Error::other`].
    Other,
    /// The call was made inside an asynchronous runtime, where the synchronous driver cannot wait.
    AsyncContext,
}

/// The error of a conversion, such as that of a [`Value`](crate::Value).
pub type BoxError = Box<dyn StdError + Send + Sync>;

impl Error {
    /// Returns an error that is about no table yet.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            table: None,
            column: None,
            constraint: None,
            sqlstate: None,
            hint: None,
            came_first: false,
            stale: Vec::new(),
            entity: None,
            source: None,
        }))
    }

    /// Returns the error for an error of the server or of the link to it.
    ///
    /// DETAIL is left in the source only: it is localised and may hold values of rows.
    pub(crate) fn driver(source: postgres::Error) -> Error {
        let Some(db) = source.as_db_error() else {
            let message = match source.source() {
                Some(cause) => format!("{source}: {cause}"),
                None => source.to_string(),
            };
            return Error::new(ErrorKind::Connection, message).with_source(source);
        };
        let mut error = Error::new(ErrorKind::Database, db.message().to_owned());
        error.0.table = db.table().map(|name| name.to_owned().into());
        error.0.column = db.column().map(|name| name.to_owned().into());
        error.0.constraint = db.constraint().map(str::to_owned);
        error.0.hint = db.hint().map(|hint| hint.to_owned().into());
        error.0.sqlstate = Some(db.code().clone());
        if let Some(violation) = shard::violation(db) {
            let own = |name: Option<&str>| name.map(|name| name.to_owned().into());
            error.0.table = own(violation.table);
            error.0.column = own(violation.column);
            error.0.constraint = violation.constraint.map(str::to_owned);
            error.0.sqlstate = Some(SqlState::from_code(violation.code));
            if ["23503", "23001"].contains(&violation.code) {
                error.0.hint = Some(AFTER_EACH_PART.into());
            }
        }
        if let (None, Some(hint)) = (db.hint(), hint(db.code().code())) {
            error.0.hint = Some(hint.into());
        }
        if ends_session(db) {
            error.0.kind = ErrorKind::Connection;
            error.0.came_first = comes_before_a_statement(db);
        }
        let mut error = error.with_source(source);
        if error.is_of_citus() && error.0.kind == ErrorKind::Database {
            let hint = "Citus cannot do this where rows lie on several servers: the chapter on Citus in the book says \
                        what it can";
            error.0.hint = Some(match error.db().and_then(DbError::hint) {
                Some(own) => format!("{hint}. Citus says: {own}").into(),
                None => hint.into(),
            });
        }
        error
    }

    /// Returns `true` if the session had ended before it took the statement.
    pub(crate) fn came_first(&self) -> bool {
        self.0.came_first
    }

    /// Returns where in the statement's text the server has found the error, in characters from 0.
    pub(crate) fn position(&self) -> Option<usize> {
        let source = self.0.source.as_ref()?.downcast_ref::<postgres::Error>()?;
        match source.as_db_error()?.position()? {
            ErrorPosition::Original(position) => (*position as usize).checked_sub(1),
            ErrorPosition::Internal { .. } => None,
        }
    }

    /// Returns `true` if the server has found the error while it ran a function. That it was another of
    /// Citus' servers, which is said in the same place, makes no difference.
    pub(crate) fn is_within_function(&self) -> bool {
        let is_function = |line: &str| !line.starts_with("while executing command on ");
        let context = self.db().and_then(DbError::where_);
        context.is_some_and(|context| context.lines().any(is_function))
    }

    /// Returns the server's own error, if it is one.
    fn db(&self) -> Option<&DbError> {
        let source = self.0.source.as_ref()?.downcast_ref::<postgres::Error>()?;
        source.as_db_error()
    }

    /// Returns the server's message, or that of this crate where it is not the server's error.
    pub(crate) fn server_message(&self) -> &str {
        self.db().map_or(&self.0.message, DbError::message)
    }

    /// Returns where the server says that it was, for people and in its language.
    pub(crate) fn context(&self) -> Option<&str> {
        self.db().and_then(DbError::where_)
    }

    /// Returns `true` if the server has refused values of a row: its type, a constraint or a trigger
    /// does not take them.
    pub(crate) fn is_about_rows(&self) -> bool {
        let code = self.0.sqlstate.as_ref().map_or("", SqlState::code);
        self.0.kind == ErrorKind::Database
            && match code.get(..2) {
                // A sequence has run out.
                _ if code == "2200H" => false,
                Some("22" | "23" | "44" | "P0" | "38" | "39" | "2F") => true,
                // Codes of the user's own begin with what neither the standard nor PostgreSQL takes.
                Some(class) => {
                    !["53", "54", "55", "57", "58", "72", "HV", "XX"].contains(&class)
                        && class.starts_with(|c| matches!(c, '5'..='9' | 'I'..='Z'))
                }
                None => false,
            }
    }

    /// Names the entity that the error is about.
    pub(crate) fn with_entity(mut self, entity: Option<AnyHandle>) -> Error {
        self.0.entity = entity;
        self
    }

    /// Returns the entity that the error is about, if it is known.
    pub(crate) fn entity_handle(&self) -> Option<AnyHandle> {
        self.0.entity
    }

    /// Returns the entities that were found stale.
    pub(crate) fn stale_handles(&self) -> &[AnyHandle] {
        &self.0.stale
    }

    /// Says which class the error is of.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.0.kind = kind;
        self
    }

    /// Names the table, unless the server has already named one.
    pub(crate) fn with_table(mut self, table: impl Into<Cow<'static, str>>) -> Error {
        self.0.table.get_or_insert(table.into());
        self
    }

    /// Returns `true` if the server says that something is larger than it can be. For a row it says so by
    /// an internal error of its memory.
    pub(crate) fn is_too_large(&self) -> bool {
        let is_of_memory = |error: &DbError| {
            error.code() == &SqlState::INTERNAL_ERROR && error.file() == Some("mcxt.c")
        };
        self.sqlstate() == Some(&SqlState::PROGRAM_LIMIT_EXCEEDED)
            || self.db().is_some_and(is_of_memory)
    }

    /// Returns `true` if Citus has refused a statement: for tables whose rows lie on several servers, it has a
    /// planner of its own.
    pub(crate) fn is_of_citus(&self) -> bool {
        let Some(error) = self.db() else { return false };
        if !["0A000", "XX000", "42601"].contains(&error.code().code()) || shard::is_of_copy(error) {
            return false;
        }
        // The file of the server's source, and words that Citus writes in English only.
        let file = error.file().unwrap_or_default();
        file.starts_with("multi_")
            || ["pushdown", "distributed", "recursive_planning", "insert_select"]
                .into_iter()
                .any(|part| file.contains(part))
            || ["Citus", "distributed"].into_iter().any(|word| error.message().contains(word))
    }

    /// Returns `true` if Citus has refused a statement for what another has done to several of its servers at once.
    pub(crate) fn is_of_parallel_access(&self) -> bool {
        self.db().is_some_and(|error| error.message().contains("there was a parallel"))
    }

    /// Returns the name of the table, without the number that it has if it is one of a shard.
    pub(crate) fn whole_table(&self) -> Option<&str> {
        self.table().map(shard::whole)
    }

    /// Returns the name of the constraint, without the number that it has if it is one of a shard.
    pub(crate) fn whole_constraint(&self) -> Option<&str> {
        self.constraint().map(shard::whole)
    }

    /// Names the table of a model, whose shard lies on the very server that was asked, and the constraint without
    /// the number of the shard.
    pub(crate) fn of_shard_of(mut self, table: &'static str) -> Error {
        let number = self.table().map(|shard| shard[shard::whole(shard).len()..].to_owned());
        if let (Some(number), Some(constraint)) = (number, &mut self.0.constraint) {
            if constraint.ends_with(&number) {
                constraint.truncate(constraint.len() - number.len());
            }
        }
        self.of_table(table)
    }

    /// Names the table that a model knows, where the server has named another.
    pub(crate) fn of_table(mut self, table: &'static str) -> Error {
        self.0.table = Some(table.into());
        self
    }

    /// Names the column, unless the server has already named one.
    pub(crate) fn with_column(mut self, column: impl Into<Cow<'static, str>>) -> Error {
        self.0.column.get_or_insert(column.into());
        self
    }

    /// Gives a hint, unless the error already has one.
    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Error {
        self.0.hint.get_or_insert(hint.into());
        self
    }

    /// Replaces the hint by this one.
    pub(crate) fn hinting(mut self, hint: &'static str) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the entities that were found stale.
    pub(crate) fn with_stale(mut self, entities: Vec<AnyHandle>) -> Error {
        self.0.stale = entities;
        self
    }

    /// Names the error that this one is made of.
    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Returns a copy of the error without the driver's error, which cannot be copied.
    pub(crate) fn without_source(&self) -> Error {
        let Inner {
            kind,
            message,
            table,
            column,
            constraint,
            sqlstate,
            hint,
            came_first,
            stale,
            entity,
            source: _,
        } = &*self.0;
        Error(Box::new(Inner {
            kind: *kind,
            message: message.clone(),
            table: table.clone(),
            column: column.clone(),
            constraint: constraint.clone(),
            sqlstate: sqlstate.clone(),
            hint: hint.clone(),
            came_first: *came_first,
            stale: stale.clone(),
            entity: *entity,
            source: None,
        }))
    }

    /// Puts what was being done in front of the message.
    pub(crate) fn while_doing(mut self, what: &str) -> Error {
        self.0.message = format!("{what}: {}", self.0.message).into();
        self
    }

    /// Returns an error for a strategy from outside this crate. Its kind is [`ErrorKind::Other`].
    ///
    /// ```
    /// let error = onetrip::Error::other("this strategy writes one table only");
    /// assert_eq!(error.to_string(), "this strategy writes one table only");
    /// ```
    pub fn other(source: impl Into<BoxError>) -> Error {
        let source = source.into();
        Error::new(ErrorKind::Other, source.to_string()).with_source(source)
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the table that the error is about, without its schema.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// Returns the column that the error is about.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// Returns the constraint that was violated.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// Returns the server's five-character code, when the server reported the error.
    ///
    /// ```
    /// use postgres::error::{DbError, Severity, SqlState};
    ///
    /// fn is_duplicate(error: &onetrip::Error) -> bool {
    ///     error.sqlstate() == Some(&SqlState::UNIQUE_VIOLATION)
    /// }
    /// # let _ = is_duplicate;
    /// ```
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.0.sqlstate.as_ref()
    }

    /// Returns the suggestion of the server, or of this crate, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the entities of this model that an update or a delete found stale: their rows are
    /// not in the database any more, or have another version. There are at most 100.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "accounts")]
    /// # struct Account { #[model(key)] id: Option<i32>, balance: i64 }
    /// fn commit(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     if let Err(error) = uow.commit() {
    ///         for account in error.stale_entities::<Account>() {
    ///             eprintln!("account {:?} was changed by somebody else", uow[account].id);
    ///         }
    ///         return Err(error);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = commit;
    /// ```
    #[must_use]
    pub fn stale_entities<T: 'static>(&self) -> Vec<Handle<T>> {
        self.0.stale.iter().filter_map(|entity| entity.typed()).collect()
    }

    /// Returns the entity of this model that cannot be written as it is, if the error names the entity
    /// by itself. The error names an entity with a reference that is not set or leads nowhere, an
    /// entity with fields that disagree on a column that they share, and an entity that the server has
    /// refused as the row of a `COPY` or as the one row of a statement. In other cases,
    /// [`diagnose`](crate::UnitOfWork::diagnose) finds the entity.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn save(uow: &mut UnitOfWork<'_>) -> Result<(), onetrip::Error> {
    ///     if let Err(error) = uow.commit() {
    ///         if let Some(user) = error.entity::<User>() {
    ///             eprintln!("it was {}", uow[user].name);
    ///         }
    ///         return Err(error);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = save;
    /// ```
    #[must_use]
    pub fn entity<T: 'static>(&self) -> Option<Handle<T>> {
        self.0.entity.and_then(AnyHandle::typed)
    }

    /// Returns `true` if the same work, done again from its reads on, may succeed: after a
    /// serialization failure, a deadlock, or where entities were [stale](ErrorKind::Stale).
    ///
    /// It is never `true` when the outcome is unknown, because a repetition could write everything
    /// twice.
    ///
    /// [`Retry`](crate::Retry) does the work again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let code = self.0.sqlstate.as_ref();
        self.0.kind == ErrorKind::Stale
            || self.0.kind == ErrorKind::Database
                && (code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
                    || code == Some(&SqlState::T_R_DEADLOCK_DETECTED))
    }
}

/// Returns `true` if the session ends with this error. Its severity says so, whatever its code: an
/// ordinary ERROR can have any code, as with `RAISE` or a foreign server, and so can a message that
/// ends the session, such as a PANIC for a full disk.
fn ends_session(error: &DbError) -> bool {
    match error.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        // Poolers may send only the text, which they do not translate.
        None => matches!(error.severity(), "FATAL" | "PANIC"),
    }
}

/// Returns `true` if the session ended before it has taken the statement: by a time-out of sessions that
/// are idle, or because PgBouncer gave up a client that it had no server for, or that was idle.
fn comes_before_a_statement(error: &DbError) -> bool {
    let code = error.code();
    matches!(code.code(), "57P05" | "25P03")
        || (code == &SqlState::PROTOCOL_VIOLATION && is_of_waiting_client(error.message()))
}

/// Returns `true` if PgBouncer says this only to clients of whose statement it has sent nothing on. A
/// statement that runs for too long is the "query timeout", and its outcome is unknown.
fn is_of_waiting_client(message: &str) -> bool {
    const WAITING: [&str; 5] = [
        "query_wait_timeout",
        "query_timeout",
        "client_idle_timeout",
        "idle transaction timeout",
        "server shutting down",
    ];
    // The rest depends on the version.
    WAITING.contains(&message) || message.starts_with("server login has been failing, ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, table, column, hint, sqlstate, .. } = &*self.0;
        match (table, column) {
            (Some(table), Some(column)) => write!(f, "table {table}, column {column}: ")?,
            (Some(table), None) => write!(f, "table {table}: ")?,
            (None, Some(column)) => write!(f, "column {column}: ")?,
            (None, None) => {}
        }
        f.write_str(message)?;
        if let Some(sqlstate) = sqlstate {
            write!(f, " (SQLSTATE {})", sqlstate.code())?;
        }
        if let Some(hint) = hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("table", &self.0.table)
            .field("column", &self.0.column)
            .field("constraint", &self.0.constraint)
            .field("sqlstate", &self.0.sqlstate)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}
