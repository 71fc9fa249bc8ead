//! `Encoder`: what a model writes the value of a column into.

use std::fmt;

use bytes::BytesMut;

use super::value::append;
use super::{Column, DefaultField, Field, KeyField, Model, Table, Value};
use crate::error::{BoxError, Error, ErrorKind};
use crate::handle::{AnyHandle, Handle};

/// The place to which an entity writes the value of one column; see [`Model::encode`].
///
/// Values are encoded here, in memory, before the statement that carries them is sent: a value that
/// cannot be encoded, or an implementation that panics, never leaves half a message on the wire.
pub struct Encoder<'a> {
    /// The bytes of the values, one after the other.
    buffer: &'a mut BytesMut,
    /// What the first field has said of the column.
    first: Option<Source>,
    /// What the other fields have said. This is filled only for a column that several fields share.
    rest: Vec<Source>,
    /// Why a value could not be encoded.
    error: Option<BoxError>,
}

impl<'a> Encoder<'a> {
    /// Returns an encoder that appends the bytes of values to `buffer`.
    #[inline]
    pub(crate) fn new(buffer: &'a mut BytesMut) -> Encoder<'a> {
        Encoder { buffer, first: None, rest: Vec::new(), error: None }
    }

    /// Begins the next cell, where many cells are written one after the other.
    #[inline]
    pub(crate) fn begin_cell(&mut self) {
        self.first = None;
        self.rest.clear();
        self.error = None;
    }

    /// Returns the buffer that the bytes of values go to.
    #[inline]
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.buffer
    }

    /// Writes column `part` of an ordinary field. `part` is 0 for every field that is one column.
    ///
    /// A column that several fields share gets one call for each of these fields. The fields that have
    /// a value must agree.
    pub fn put<F: Field>(&mut self, field: &F, part: usize) {
        field.encode(part, self);
    }

    /// Writes column `part` of a field of the key. `None` leaves the column to the database.
    pub fn key<F: KeyField>(&mut self, field: &F, part: usize) {
        field.encode_key(part, self);
    }

    /// Writes column `part` of a field with a server default: `None` takes the default.
    pub fn put_or_default<F: DefaultField>(&mut self, field: &F, part: usize) {
        field.encode_or_default(part, self);
    }

    /// Leaves the column to the database, whatever its field holds: for a column that is
    /// [`generated`](Column::generated).
    ///
    /// ```
    /// # use onetrip::{Assigned, Column, Error, Model, Row, SqlType, Table};
    /// use onetrip::Encoder;
    ///
    /// #[derive(Clone)]
    /// struct Task {
    ///     id: Option<i32>,
    ///     hours: i32,
    ///     minutes: Option<i32>, // GENERATED ALWAYS AS (hours * 60) STORED
    /// }
    ///
    /// impl Model for Task {
    ///     // …
    /// #   type Key = i32;
    /// #   fn table() -> &'static Table {
    /// #       static TABLE: Table = Table::new(
    /// #           "tasks",
    /// #           &[
    /// #               Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence),
    /// #               Column::new("hours", SqlType::INT4),
    /// #               Column::new("minutes", SqlType::INT4).generated(),
    /// #           ],
    /// #           &[0],
    /// #       );
    /// #       &TABLE
    /// #   }
    /// #   fn key(&self) -> Option<i32> {
    /// #       self.id
    /// #   }
    ///     fn encode(&self, column: usize, out: &mut Encoder<'_>) {
    ///         match column {
    ///             0 => out.key(&self.id, 0),
    ///             1 => out.put(&self.hours, 0),
    ///             _ => out.generated(),
    ///         }
    ///     }
    /// #   fn decode(row: &Row<'_>) -> Result<Task, Error> {
    /// #       Ok(Task { id: row.get(&[0])?, hours: row.get(&[1])?, minutes: row.get(&[2])? })
    /// #   }
    /// #   fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
    /// #       row.update(&[0], &mut self.id)?;
    /// #       row.update(&[1], &mut self.hours)?;
    /// #       row.update(&[2], &mut self.minutes)
    /// #   }
    /// }
    /// ```
    pub fn generated(&mut self) {
        self.server_default();
    }

    #[inline]
    pub(crate) fn value<V: Value>(&mut self, value: &V) {
        let start = self.buffer.len();
        match append(value, self.buffer) {
            Ok(()) => {
                let end = self.buffer.len();
                self.add(Source::Value { start, end });
            }
            Err(error) => {
                // Nothing is sent of it, so that it does not matter what it has become.
                self.buffer.resize(start, 0);
                self.error.get_or_insert(error);
            }
        }
    }

    #[inline]
    pub(crate) fn null(&mut self) {
        self.add(Source::Null);
    }

    #[inline]
    pub(crate) fn server_default(&mut self) {
        self.add(Source::Default);
    }

    #[inline]
    pub(crate) fn pending<T: Model>(&mut self, handle: Handle<T>, part: usize) {
        self.add(Source::Pending { entity: EntityRef::new(handle), part });
    }

    #[inline]
    pub(crate) fn unset(&mut self) {
        self.add(Source::Unset);
    }

    #[inline]
    fn add(&mut self, source: Source) {
        if self.first.is_none() {
            self.first = Some(source);
        } else {
            self.rest.push(source);
        }
    }

    /// Returns what the fields said, if exactly one field wrote to the column, and without an error.
    #[inline]
    pub(crate) fn single(&self) -> Option<Source> {
        if self.rest.is_empty() && self.error.is_none() { self.first } else { None }
    }

    /// Returns the error of a value that could not be encoded.
    ///
    /// # Errors
    ///
    /// That error.
    pub(crate) fn check(&mut self, table: &'static Table, column: usize) -> Result<(), Error> {
        match self.error.take() {
            Some(error) => Err(cannot_send(table, column, error)),
            None => Ok(()),
        }
    }

    /// Returns what the fields said of this column, in the order of the fields.
    ///
    /// # Errors
    ///
    /// When a value could not be encoded, or when no field wrote anything.
    pub(crate) fn sources(
        self,
        table: &'static Table,
        column: usize,
    ) -> Result<Vec<Source>, Error> {
        if let Some(error) = self.error {
            return Err(cannot_send(table, column, error));
        }
        let mut sources = Vec::with_capacity(1 + self.rest.len());
        sources.extend(self.first);
        sources.extend(self.rest);
        if sources.is_empty() {
            let message = "the model's `encode` wrote nothing for it";
            return Err(of_column(table, column, message.to_owned()));
        }
        Ok(sources)
    }
}

fn cannot_send(table: &'static Table, column: usize, error: BoxError) -> Error {
    of_column(table, column, format!("cannot send the value: {error}")).with_source(error)
}

fn of_column(table: &'static Table, column: usize, message: String) -> Error {
    let column = table.columns().get(column).map_or("?", Column::name);
    Error::new(ErrorKind::Encode, message).with_table(table.name()).with_column(column)
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values stay out of logs.
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// What one field says of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The server's default is taken.
    Default,
    /// The value is NULL.
    Null,
    /// The value's bytes, as a range of the encoder's buffer.
    Value { start: usize, end: usize },
    /// Part `part` of the key of an entity that may have no key yet.
    Pending { entity: EntityRef, part: usize },
    /// The field is a reference that is not set yet. An entity that has one cannot be written.
    Unset,
}

/// A handle whose model is known at run time only, and the model's table.
#[derive(Clone, Copy)]
pub(crate) struct EntityRef {
    pub(crate) handle: AnyHandle,
    pub(crate) table: fn() -> &'static Table,
}

// By hand, since pointers to functions have no equality to rely on.
impl PartialEq for EntityRef {
    fn eq(&self, other: &EntityRef) -> bool {
        self.handle == other.handle
    }
}

impl Eq for EntityRef {}

impl fmt::Debug for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", (self.table)().name(), self.handle.slot)
    }
}

impl EntityRef {
    pub(crate) fn new<T: Model>(handle: Handle<T>) -> EntityRef {
        EntityRef { handle: AnyHandle::new(handle), table: T::table }
    }
}
