//! `Key`: the types that identify a row.

use std::hash::Hash;

use super::row::{Cell, Cells, MISSING};
use super::{ColumnTypes, Encoder, Value};
use crate::error::BoxError;

/// The key of a model: a [`KeyValue`], or a tuple of up to eight keys for a composite key.
///
/// The derive makes a flat tuple, with a part for each column. If a part of the key is a reference to a
/// composite key, the parts of the composite key are parts of this key.
///
/// Equality of keys decides identity in a unit of work. It is Rust's equality, of values as they were
/// written and read. So a row can have several keys if the database compares its type more loosely
/// (`citext`, `char(n)`).
pub trait Key: Clone + Eq + Hash + Send + Sync + std::fmt::Debug + 'static {
    /// The types of the key's columns.
    const TYPES: ColumnTypes;

    #[doc(hidden)]
    fn encode(&self, part: usize, out: &mut Encoder<'_>);

    #[doc(hidden)]
    fn decode(cells: Cells<'_>) -> Result<Self, BoxError>;
}

/// A [`Value`] that can be a key: `i16`, `i32`, `i64`, strings, bytes, `Uuid`, dates, and types of
/// your own.
///
/// ```
/// use onetrip::{BytesMut, KeyValue, SqlType, Value};
///
/// /// The key of a user, which no other number can be taken for.
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// struct UserId(i64);
///
/// impl Value for UserId {
///     const TYPE: SqlType = SqlType::INT8;
///
///     fn encode(&self, out: &mut BytesMut) -> Result<(), onetrip::BoxError> {
///         self.0.encode(out)
///     }
///
///     fn decode(raw: &[u8]) -> Result<Self, onetrip::BoxError> {
///         i64::decode(raw).map(UserId)
///     }
/// }
///
/// impl KeyValue for UserId {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "not a key type",
    note = "a key is an integer, text or UUID, an `Option` of one where the database assigns it, \
            or a `ForeignKey`"
)]
pub trait KeyValue: Value + Clone + Eq + Hash + Send + Sync + std::fmt::Debug + 'static {}

impl KeyValue for i16 {}
impl KeyValue for i32 {}
impl KeyValue for i64 {}
impl KeyValue for String {}
impl KeyValue for Box<str> {}
impl KeyValue for std::sync::Arc<str> {}
impl KeyValue for Vec<u8> {}
#[cfg(feature = "with-uuid-1")]
impl KeyValue for uuid::Uuid {}
#[cfg(feature = "with-chrono-0_4")]
impl KeyValue for chrono::NaiveDate {}
#[cfg(feature = "with-jiff-0_2")]
impl KeyValue for jiff::civil::Date {}
#[cfg(feature = "with-time-0_3")]
impl KeyValue for time::Date {}

impl<V: KeyValue> Key for V {
    const TYPES: ColumnTypes = ColumnTypes::one(V::TYPE);

    fn encode(&self, _part: usize, out: &mut Encoder<'_>) {
        out.value(self);
    }

    #[inline]
    fn decode(cells: Cells<'_>) -> Result<V, BoxError> {
        match cells.get(0) {
            Cell::Value(raw) => <V as Value>::decode(raw),
            Cell::Null => Err("it is NULL, and a key never is".into()),
            _ => Err(MISSING.into()),
        }
    }
}

macro_rules! tuple_key {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Key, $($rest: Key),*> Key for ($first, $($rest),*) {
            const TYPES: ColumnTypes = $first::TYPES$(.concat($rest::TYPES))*;

            #[allow(non_snake_case, unused_assignments)]
            fn encode(&self, part: usize, out: &mut Encoder<'_>) {
                let ($first, $($rest),*) = self;
                if part < $first::TYPES.len() {
                    return $first.encode(part, out);
                }
                let mut before = $first::TYPES.len();
                $(
                    if part < before + $rest::TYPES.len() {
                        return $rest.encode(part - before, out);
                    }
                    before += $rest::TYPES.len();
                )*
            }

            #[allow(non_snake_case, unused_assignments)]
            fn decode(cells: Cells<'_>) -> Result<Self, BoxError> {
                let $first = $first::decode(cells)?;
                let mut before = $first::TYPES.len();
                $(
                    let $rest = $rest::decode(cells.skip(before))?;
                    before += $rest::TYPES.len();
                )*
                Ok(($first, $($rest),*))
            }
        }
    };
}

tuple_key!(A B);
tuple_key!(A B C);
tuple_key!(A B C D);
tuple_key!(A B C D E);
tuple_key!(A B C D E F);
tuple_key!(A B C D E F G);
tuple_key!(A B C D E F G H);

/// The part of a composite key at a position, by which the derive makes flat keys of references.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the key `{Self}` has no part {N}",
    label = "the key that this refers to is no flat tuple of as many parts as columns are named",
    note = "in a model by hand, write such a key flat: `(A, B, C)`, not `((A, B), C)`"
)]
pub trait KeyPart<const N: usize>: Key {
    /// The part's type.
    type Part: Key;
}

macro_rules! key_parts {
    ($all:tt; $($part:ident = $number:literal),*) => {
        $(key_parts!(@ $all $part $number);)*
    };
    (@ ($($all:ident),*) $part:ident $number:literal) => {
        impl<$($all: Key),*> KeyPart<$number> for ($($all),*) {
            type Part = $part;
        }
    };
}

key_parts!((A, B); A = 0, B = 1);
key_parts!((A, B, C); A = 0, B = 1, C = 2);
key_parts!((A, B, C, D); A = 0, B = 1, C = 2, D = 3);
key_parts!((A, B, C, D, E); A = 0, B = 1, C = 2, D = 3, E = 4);
key_parts!((A, B, C, D, E, F); A = 0, B = 1, C = 2, D = 3, E = 4, F = 5);
key_parts!((A, B, C, D, E, F, G); A = 0, B = 1, C = 2, D = 3, E = 4, F = 5, G = 6);
key_parts!((A, B, C, D, E, F, G, H); A = 0, B = 1, C = 2, D = 3, E = 4, F = 5, G = 6, H = 7);
