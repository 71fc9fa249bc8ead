//! `Field` and its roles: how a field of a model becomes columns.
//!
//! The roles are decided by traits rather than by the derive looking at the spelling of a type, so
//! that type aliases and hand-written models work alike.

use super::key::{Key, KeyValue};
use super::row::{Cell, Cells, MISSING};
use super::{ColumnTypes, Encoder, EntityRef, ForeignKey, Model, Table, Value};
use crate::error::BoxError;
use crate::handle::Handle;

/// A type that a model's field can have: a [`Value`], a [`ForeignKey`], or an `Option` of either.
///
/// Implemented for every [`Value`]; a type of your own implements that.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column",
    label = "not a column type",
    note = "implement `onetrip::Value` for it, mark the field `#[model(skip)]`, or enable the \
            crate feature for its library (`with-uuid-1`, `with-time-0_3`, …)"
)]
pub trait Field: Sized + sealed::Sealed {
    /// The types of the columns that the field stands for.
    const TYPES: ColumnTypes;

    /// The table that the field refers to.
    const TARGET: Option<fn() -> &'static Table> = None;

    /// Is `true` if the field can be NULL.
    const NULLABLE: bool = false;

    #[doc(hidden)]
    fn encode(&self, part: usize, out: &mut Encoder<'_>);

    #[doc(hidden)]
    fn decode(cells: Cells<'_>) -> Result<Self, BoxError>;

    #[doc(hidden)]
    #[inline]
    fn update(&mut self, cells: Cells<'_>) -> Result<(), BoxError> {
        if !cells.iter().any(|cell| matches!(cell, Cell::Absent)) {
            *self = Self::decode(cells)?;
        }
        Ok(())
    }
}

/// A [`Field`] that can be part of a key: a key value, an `Option` of one, which the database
/// assigns when it is `None`, or a [`ForeignKey`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "not a key type",
    note = "a key is an integer, text or UUID, an `Option` of one where the database assigns it, \
            or a `ForeignKey`"
)]
pub trait KeyField: Field {
    /// The type of the field's value when the value is known.
    type Key: Key;

    /// Is `true` if `None` leaves the value to the database.
    const ASSIGNED: bool = false;

    /// Returns the value, if it is known.
    fn key(&self) -> Option<Self::Key>;

    #[doc(hidden)]
    fn encode_key(&self, part: usize, out: &mut Encoder<'_>) {
        self.encode(part, out);
    }
}

/// A [`Field`] that can have a server default: an `Option`, whose `None` takes the default. A column
/// that the database alone writes has such a field as well, whose `None` is not read yet.
///
/// `Option<Option<T>>` tells the default (`None`) from an explicit NULL (`Some(None)`).
#[diagnostic::on_unimplemented(
    message = "a column that the database fills must be an `Option`, not `{Self}`",
    label = "`None` leaves it to the database, so this must be an `Option`"
)]
pub trait DefaultField: Field {
    /// Is `true` if the field can hold NULL besides the default.
    const WRITES_NULL: bool;

    #[doc(hidden)]
    fn encode_or_default(&self, part: usize, out: &mut Encoder<'_>);
}

mod sealed {
    use super::{ForeignKey, Model, Value};

    #[allow(unnameable_types, reason = "sealed: only this crate decides what a field can be")]
    pub trait Sealed {}
    impl<V: Value> Sealed for V {}
    impl<V: Value> Sealed for Option<V> {}
    impl<V: Value> Sealed for Option<Option<V>> {}
    impl<T: Model> Sealed for ForeignKey<T> {}
    impl<T: Model> Sealed for Option<ForeignKey<T>> {}
}

#[diagnostic::do_not_recommend]
impl<V: Value> Field for V {
    const TYPES: ColumnTypes = ColumnTypes::one(V::TYPE);

    fn encode(&self, _part: usize, out: &mut Encoder<'_>) {
        out.value(self);
    }

    #[inline]
    fn decode(cells: Cells<'_>) -> Result<V, BoxError> {
        match cells.get(0) {
            Cell::Value(raw) => V::decode(raw),
            Cell::Null => Err("it is NULL, and the field is not an `Option`".into()),
            _ => Err(MISSING.into()),
        }
    }

    #[inline]
    fn update(&mut self, cells: Cells<'_>) -> Result<(), BoxError> {
        // `Default` and `Pending` reach a plain field only as the undo of a column that it shares
        // with a foreign key; its own value never changed.
        match cells.get(0) {
            Cell::Value(_) | Cell::Null => *self = <V as Field>::decode(cells)?,
            Cell::Absent | Cell::Default | Cell::Pending(_) => {}
        }
        Ok(())
    }
}

impl<V: Value> Field for Option<V> {
    const TYPES: ColumnTypes = ColumnTypes::one(V::TYPE);
    const NULLABLE: bool = true;

    fn encode(&self, _part: usize, out: &mut Encoder<'_>) {
        match self {
            Some(value) => out.value(value),
            None => out.null(),
        }
    }

    #[inline]
    fn decode(cells: Cells<'_>) -> Result<Option<V>, BoxError> {
        match cells.get(0) {
            Cell::Value(raw) => V::decode(raw).map(Some),
            Cell::Null | Cell::Default => Ok(None),
            Cell::Absent | Cell::Pending(_) => Err(MISSING.into()),
        }
    }

    #[inline]
    fn update(&mut self, cells: Cells<'_>) -> Result<(), BoxError> {
        match cells.get(0) {
            Cell::Absent | Cell::Pending(_) => {}
            _ => *self = Self::decode(cells)?,
        }
        Ok(())
    }
}

impl<V: Value> Field for Option<Option<V>> {
    const TYPES: ColumnTypes = ColumnTypes::one(V::TYPE);
    const NULLABLE: bool = true;

    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            Some(value) => value.encode(part, out),
            None => out.null(),
        }
    }

    fn decode(cells: Cells<'_>) -> Result<Option<Option<V>>, BoxError> {
        match cells.get(0) {
            Cell::Default => Ok(None),
            _ => Option::<V>::decode(cells).map(Some),
        }
    }
}

impl<T: Model> Field for ForeignKey<T> {
    const TYPES: ColumnTypes = <T::Key as Key>::TYPES;
    const TARGET: Option<fn() -> &'static Table> = Some(T::table);

    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            ForeignKey::Key(key) => key.encode(part, out),
            ForeignKey::Pending(handle) => out.pending(*handle, part),
            ForeignKey::Unset => out.unset(),
        }
    }

    #[inline]
    fn decode(cells: Cells<'_>) -> Result<ForeignKey<T>, BoxError> {
        // The rows of a query have keys; only the journal's have handles.
        match T::Key::decode(cells) {
            Ok(key) => Ok(ForeignKey::Key(key)),
            Err(error) => pending_handle(cells).map(ForeignKey::Pending).ok_or(error),
        }
    }

    #[inline]
    fn update(&mut self, cells: Cells<'_>) -> Result<(), BoxError> {
        let complete = !cells.iter().any(|cell| matches!(cell, Cell::Absent));
        if complete || pending_handle::<T>(cells).is_some() {
            *self = Self::decode(cells)?;
        }
        Ok(())
    }
}

impl<T: Model> Field for Option<ForeignKey<T>> {
    const TYPES: ColumnTypes = <T::Key as Key>::TYPES;
    const TARGET: Option<fn() -> &'static Table> = Some(T::table);
    const NULLABLE: bool = true;

    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            Some(key) => key.encode(part, out),
            None => out.null(),
        }
    }

    /// Reads NULL in any column as a reference to nothing, as SQL's `MATCH SIMPLE` does.
    fn decode(cells: Cells<'_>) -> Result<Option<ForeignKey<T>>, BoxError> {
        if cells.iter().any(|cell| matches!(cell, Cell::Null | Cell::Default)) {
            return Ok(None);
        }
        ForeignKey::decode(cells).map(Some)
    }

    #[inline]
    fn update(&mut self, cells: Cells<'_>) -> Result<(), BoxError> {
        let complete = !cells.iter().any(|cell| matches!(cell, Cell::Absent));
        if complete || pending_handle::<T>(cells).is_some() {
            *self = Self::decode(cells)?;
        }
        Ok(())
    }
}

/// Returns the handle that the undo journal has put into the cells, if it has put one there.
///
/// A column that several fields share names the entities of all of them. The entity of this field
/// is the one that every column of the field names.
fn pending_handle<T: Model>(cells: Cells<'_>) -> Option<Handle<T>> {
    let named = |cell, entity| match cell {
        Cell::Pending(entities) => <[EntityRef]>::contains(entities, entity),
        _ => false,
    };
    let Cell::Pending(candidates) = cells.get(0) else { return None };
    candidates
        .iter()
        .filter(|entity| cells.iter().all(|cell| named(cell, entity)))
        .find_map(|entity| entity.handle.typed())
}

#[diagnostic::do_not_recommend]
impl<V: KeyValue> KeyField for V {
    type Key = V;

    fn key(&self) -> Option<V> {
        Some(self.clone())
    }
}

impl<V: KeyValue> KeyField for Option<V> {
    type Key = V;
    const ASSIGNED: bool = true;

    fn key(&self) -> Option<V> {
        self.clone()
    }

    fn encode_key(&self, part: usize, out: &mut Encoder<'_>) {
        self.encode_or_default(part, out);
    }
}

impl<T: Model> KeyField for ForeignKey<T> {
    type Key = T::Key;

    fn key(&self) -> Option<T::Key> {
        match self {
            ForeignKey::Key(key) => Some(key.clone()),
            ForeignKey::Pending(_) | ForeignKey::Unset => None,
        }
    }
}

impl<F: Field> DefaultField for Option<F>
where
    Option<F>: Field,
{
    const WRITES_NULL: bool = F::NULLABLE;

    fn encode_or_default(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            Some(field) => field.encode(part, out),
            None => out.server_default(),
        }
    }
}
