//! What a model is: `Model`, its static description, and how its values are written and read.

mod encoder;
mod field;
mod foreign_key;
mod key;
mod parameter;
mod row;
mod sql_type;
mod table;
mod value;

pub use encoder::Encoder;
pub(crate) use encoder::{EntityRef, Source};
pub use field::{DefaultField, Field, KeyField};
pub use foreign_key::ForeignKey;
pub use key::{Key, KeyPart, KeyValue};
pub use parameter::Parameter;
pub(crate) use row::Cell;
pub use row::{Cells, Row};
pub use sql_type::{ColumnTypes, SqlType};
pub(crate) use table::Quoted;
pub use table::{Assigned, Column, ForeignKeyColumns, NaturalKey, QualifiedName, Reference, Table};
pub use value::Value;

use crate::error::Error;

/// A type whose values are rows of a table.
///
/// `#[derive(Model)]` writes the implementation. By hand, it is as much as here:
///
/// ```
/// use onetrip::{Assigned, Column, Encoder, Error, ForeignKey, KeyField, Model};
/// use onetrip::{Reference, Row, SqlType, Table};
///
/// #[derive(Clone)]
/// struct Comment {
///     id: Option<i64>,
///     text: String,
///     reply_to: Option<ForeignKey<Comment>>,
/// }
///
/// impl Model for Comment {
///     type Key = i64;
///
///     fn table() -> &'static Table {
///         static TABLE: Table = Table::new(
///             "comments",
///             &[
///                 Column::new("id", SqlType::INT8).assigned(Assigned::OwnedSequence),
///                 Column::new("text", SqlType::TEXT),
///                 Column::new("reply_to", SqlType::INT8),
///             ],
///             &[0],
///         )
///         .references(&[Reference::to::<Comment>(&[2])]);
///         &TABLE
///     }
///
///     fn key(&self) -> Option<i64> {
///         self.id
///     }
///
///     fn encode(&self, column: usize, out: &mut Encoder<'_>) {
///         match column {
///             0 => out.key(&self.id, 0),
///             1 => out.put(&self.text, 0),
///             _ => out.put(&self.reply_to, 0),
///         }
///     }
///
///     fn decode(row: &Row<'_>) -> Result<Comment, Error> {
///         Ok(Comment { id: row.get(&[0])?, text: row.get(&[1])?, reply_to: row.get(&[2])? })
///     }
///
///     fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
///         row.update(&[0], &mut self.id)?;
///         row.update(&[1], &mut self.text)?;
///         row.update(&[2], &mut self.reply_to)
///     }
/// }
/// # assert_eq!(Comment { id: None, text: String::new(), reply_to: None }.key(), None);
/// ```
///
/// A model has to be `Clone` because the unit of work keeps the original of a changed entity.
pub trait Model: Clone + Send + 'static {
    /// The type of the key, which identifies a row: a [`KeyValue`] or a tuple of them, without
    /// `Option`.
    type Key: Key;

    /// Returns the static description of the model. Every call must return the same description.
    fn table() -> &'static Table;

    /// Returns the key, if the entity knows all of it.
    fn key(&self) -> Option<Self::Key>;

    /// Writes the value of the column at this position of [`Table::columns`].
    ///
    /// It should write the same value at every call, as long as the entity is not changed.
    fn encode(&self, column: usize, out: &mut Encoder<'_>);

    /// Builds an entity from a row that has every column.
    ///
    /// # Errors
    ///
    /// Those of [`Row::get`].
    fn decode(row: &Row<'_>) -> Result<Self, Error>;

    /// Takes over the columns that the row has, and leaves the other fields alone.
    ///
    /// # Errors
    ///
    /// Those of [`Row::update`].
    fn update(&mut self, row: &Row<'_>) -> Result<(), Error>;
}
