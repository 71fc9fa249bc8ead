//! `Culprit`: an entity that a commit was refused for.

use std::fmt;

use crate::error::Error;
use crate::handle::{AnyHandle, Handle};

/// An entity for which a commit was refused, and the reason; [`Diagnosis`](crate::Diagnosis) and
/// [`ValidCommit`](crate::ValidCommit) return culprits.
///
/// It prints itself as a line:
///
/// ```text
/// addresses: row 17 of 200 (new): addresses_email_key, the same as row 3
/// ```
///
/// The line has no values of the row, except values that the server puts into its own message.
pub struct Culprit {
    pub(super) entity: AnyHandle,
    pub(super) table: &'static str,
    pub(super) column: Option<String>,
    pub(super) operation: Operation,
    /// The entity's number, counted from 1, and how many there are.
    pub(super) number: (usize, usize),
    pub(super) other: Option<OtherParty>,
    pub(super) error: Error,
}

/// The operation that the commit was to do on the row of a [`Culprit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The entity was added, and its row was to be inserted.
    Insert,
    /// The entity was changed, and its row was to be updated.
    Update,
    /// The entity was deleted, and its row was to be deleted.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Insert => "new",
            Operation::Update => "changed",
            Operation::Delete => "deleted",
        })
    }
}

/// The other entity or row because of which a [`Culprit`] was refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum OtherParty {
    /// Another entity of the commit has the same unique value.
    Same(OtherEntity),
    /// A row of the database has the same unique value.
    RowOfDatabase,
    /// The culprit refers to another entity, which was refused.
    Refused(OtherEntity),
}

/// The other entity of an [`OtherParty`].
#[derive(Debug, Clone)]
pub struct OtherEntity {
    pub(super) entity: AnyHandle,
    pub(super) table: &'static str,
    /// The entity's number, counted from 1.
    pub(super) row: usize,
}

impl OtherEntity {
    /// Returns the handle, if the entity is a `T`.
    #[must_use]
    pub fn entity<T: 'static>(&self) -> Option<Handle<T>> {
        self.entity.typed()
    }

    /// Returns the name of the entity's table.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table
    }

    /// Returns the entity's number, as [`Culprit::row`] does.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }
}

impl Culprit {
    /// Returns the handle, if the entity is a `T`.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn explain(uow: &mut UnitOfWork<'_>, error: &onetrip::Error) -> Result<(), onetrip::Error> {
    ///     for culprit in uow.diagnose(error)? {
    ///         if let Some(user) = culprit.entity::<User>() {
    ///             eprintln!("{} cannot be written: {culprit}", uow[user].name);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = explain;
    /// ```
    #[must_use]
    pub fn entity<T: 'static>(&self) -> Option<Handle<T>> {
        self.entity.typed()
    }

    /// Returns the name of the model's table, without its schema.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table
    }

    /// Returns the column, if it is known.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Returns the constraint that the row violates, if it violates a constraint.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.error.constraint()
    }

    /// Returns the number of the entity, counted from 1, among the entities of its model with the same
    /// [`operation`](Culprit::operation). New entities are counted in the order of `add`.
    #[must_use]
    pub fn row(&self) -> usize {
        self.number.0
    }

    /// Returns the number of entities of the model among which [`row`](Culprit::row) counts.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.number.1
    }

    /// Returns the operation that the commit was to do on the row.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns the other entity or row because of which the culprit was refused, if it is known.
    #[must_use]
    pub fn other(&self) -> Option<&OtherParty> {
        self.other.as_ref()
    }

    /// Returns the error for this row alone.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (row, rows) = self.number;
        write!(f, "{}: row {row} of {rows} ({})", self.table, self.operation)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        match (&self.other, self.error.constraint()) {
            (Some(OtherParty::Refused(other)), _) => {
                write!(f, ": it refers to row {} of {}, which is refused", other.row, other.table)
            }
            (other, Some(constraint)) => {
                write!(f, ": {constraint}")?;
                match other {
                    Some(OtherParty::Same(other)) if other.table == self.table => {
                        write!(f, ", the same as row {}", other.row)
                    }
                    Some(OtherParty::Same(other)) => {
                        write!(f, ", the same as row {} of {}", other.row, other.table)
                    }
                    Some(OtherParty::RowOfDatabase) => {
                        f.write_str(", the same as a row of the database")
                    }
                    _ => write!(f, ": {}", self.error.server_message()),
                }
            }
            (_, None) => write!(f, ": {}", self.error.server_message()),
        }
    }
}

impl fmt::Debug for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Culprit")
            .field("table", &self.table)
            .field("row", &self.number.0)
            .field("operation", &self.operation)
            .field("column", &self.column)
            .field("other", &self.other)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
