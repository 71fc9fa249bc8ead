//! `Params`: the parameters of a statement, encoded before the statement is sent.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use postgres::types::{Format, IsNull, Kind, ToSql, Type};

use super::ArrayParam;
use crate::error::{Error, ErrorKind};
use crate::model::{Parameter, SqlType, Value};

/// The parameters of one statement, in their binary form.
///
/// ```
/// use onetrip::Params;
///
/// let mut params = Params::new();
/// params.push(&5_i32)?;
/// assert_eq!(params.len(), 1);
/// # Ok::<(), onetrip::BoxError>(())
/// ```
#[derive(Default)]
pub struct Params {
    /// The values that are no arrays, one after the other.
    bytes: BytesMut,
    /// The types and the places of all values, in the order of their numbers.
    params: Vec<(SqlType, Stored)>,
    /// The size of the arrays, in bytes.
    in_arrays: usize,
}

/// The type of a literal whose type the server finds out.
const UNKNOWN: SqlType = SqlType::new("unknown", 705, 0);

/// Where the bytes of a parameter are.
enum Stored {
    /// The value is NULL.
    Null,
    /// The value is at this place in [`Params::bytes`].
    Range(Range<usize>),
    /// A text whose type the server finds out, as of a literal.
    Literal(Range<usize>),
    /// An array has bytes of its own.
    Array(BytesMut),
}

impl Params {
    /// Returns a list without parameters.
    #[must_use]
    pub fn new() -> Params {
        Params::default()
    }

    /// Returns the number of parameters. A statement can have 65,535.
    #[must_use]
    pub fn len(&self) -> usize {
        self.params.len()
    }

    /// Returns `true` if there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Returns `true` if there are texts whose type the server finds out.
    pub(crate) fn has_literals(&self) -> bool {
        self.params.iter().any(|(ty, _)| *ty == UNKNOWN)
    }

    /// Returns `true` if this text is a part of a value.
    pub(crate) fn contain(&self, text: &str) -> bool {
        let is_in = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        let in_array = |(_, stored): &(SqlType, Stored)| match stored {
            Stored::Array(bytes) => is_in(bytes),
            Stored::Null | Stored::Range(_) | Stored::Literal(_) => false,
        };
        is_in(&self.bytes) || self.params.iter().any(in_array)
    }

    /// Returns the size of all values, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.in_arrays
    }

    /// Appends a value and returns its number, counted from 1 as in `$1`.
    ///
    /// # Errors
    ///
    /// Those of [`Value::encode`]; nothing is appended then.
    pub fn push<V: Value>(&mut self, value: &V) -> Result<usize, crate::BoxError> {
        self.push_encoded(V::TYPE, |out| value.encode(out).map(|()| true))
    }

    /// Appends a name, or names, of tables and columns that models have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`], as those of [`push`](Params::push).
    pub(crate) fn push_names<V: Value>(&mut self, names: &V) -> Result<usize, Error> {
        self.push(names).map_err(|error| {
            Error::new(ErrorKind::Encode, format!("cannot send names of models: {error}"))
        })
    }

    /// Appends a value of a condition. A string is what the same literal would be.
    pub(crate) fn push_parameter<P: Parameter>(
        &mut self,
        value: &P,
    ) -> Result<usize, crate::BoxError> {
        let number = self.push_encoded(P::TYPE, |out| value.encode_parameter(out))?;
        if let (SqlType::TEXT, Some((ty, stored))) = (P::TYPE, self.params.last_mut()) {
            *ty = UNKNOWN;
            if let Stored::Range(range) = stored {
                *stored = Stored::Literal(range.clone());
            }
        }
        Ok(number)
    }

    /// Appends a count, as an `int4`, the type of numbers in a statement's text: for two of different
    /// types the server would have to find a function that takes both.
    pub(crate) fn push_count(&mut self, count: u64) -> usize {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        self.push_bytes(SqlType::INT4, &count.to_be_bytes())
    }

    /// Appends a duration.
    pub(crate) fn push_interval(&mut self, duration: Duration) -> usize {
        self.push_bytes(SqlType::INTERVAL, &interval(duration))
    }

    /// Replaces a duration that was [appended](Params::push_interval).
    pub(crate) fn set_interval(&mut self, param: usize, duration: Duration) {
        if let Some((_, Stored::Range(range))) = self.params.get(param.wrapping_sub(1)) {
            self.bytes[range.clone()].copy_from_slice(&interval(duration));
        }
    }

    /// Appends a value that is encoded already.
    fn push_bytes(&mut self, ty: SqlType, bytes: &[u8]) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.params.push((ty, Stored::Range(start..self.bytes.len())));
        self.params.len()
    }

    /// Appends what `encode` writes, or NULL when it says that it wrote no value.
    pub(crate) fn push_encoded<E>(
        &mut self,
        ty: SqlType,
        encode: impl FnOnce(&mut BytesMut) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let start = self.bytes.len();
        match encode(&mut self.bytes) {
            Ok(is_value) => {
                let range = start..self.bytes.len();
                self.params.push((ty, if is_value { Stored::Range(range) } else { Stored::Null }));
                Ok(self.params.len())
            }
            Err(error) => {
                self.bytes.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends an array.
    pub(crate) fn push_array(&mut self, array: ArrayParam) -> usize {
        let (ty, bytes) = array.finish();
        self.in_arrays += bytes.len();
        self.params.push((ty, Stored::Array(bytes)));
        self.params.len()
    }

    /// Appends all parameters of another list.
    pub(crate) fn append(&mut self, other: &Params) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.in_arrays += other.in_arrays;
        let moved = |range: &Range<usize>| range.start + start..range.end + start;
        self.params.extend(other.params.iter().map(|(ty, stored)| {
            let stored = match stored {
                Stored::Null => Stored::Null,
                Stored::Range(range) => Stored::Range(moved(range)),
                Stored::Literal(range) => Stored::Literal(moved(range)),
                Stored::Array(bytes) => Stored::Array(bytes.clone()),
            };
            (*ty, stored)
        }));
    }

    /// Removes the last parameter, which is NULL.
    pub(crate) fn pop_null(&mut self) {
        self.params.pop();
    }

    /// Returns the types of the parameters, as the driver names them.
    pub(crate) fn driver_types(&self) -> impl Iterator<Item = Type> {
        self.params.iter().map(|(ty, _)| driver_type(*ty))
    }

    /// Returns the parameters as the driver takes them.
    pub(crate) fn raw(&self) -> Vec<(Raw<'_>, Type)> {
        self.params
            .iter()
            .map(|(ty, stored)| {
                let bytes = match stored {
                    Stored::Null => None,
                    Stored::Range(range) | Stored::Literal(range) => {
                        Some(&self.bytes[range.clone()])
                    }
                    Stored::Array(bytes) => Some(&bytes[..]),
                };
                let format = match stored {
                    Stored::Literal(_) => Format::Text,
                    _ => Format::Binary,
                };
                (Raw(bytes, format), driver_type(*ty))
            })
            .collect()
    }
}

/// Returns the binary form of an interval: microseconds, and no days or months.
fn interval(duration: Duration) -> [u8; 16] {
    let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&micros.to_be_bytes());
    bytes
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values stay out of logs.
        f.debug_list().entries(self.params.iter().map(|(ty, _)| ty.name())).finish()
    }
}

/// Returns the driver's name of a type.
fn driver_type(ty: SqlType) -> Type {
    Type::from_oid(ty.oid()).unwrap_or_else(|| {
        Type::new(ty.name().to_owned(), ty.oid(), Kind::Simple, "pg_catalog".to_owned())
    })
}

/// A value that is encoded already: handing it to the driver cannot fail half-way.
pub(crate) struct Raw<'a>(Option<&'a [u8]>, Format);

impl Raw<'_> {
    /// Returns a value of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Raw<'_> {
        Raw(Some(bytes), Format::Binary)
    }
}

impl ToSql for Raw<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Some(raw) => {
                out.extend_from_slice(raw);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        self.1
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
