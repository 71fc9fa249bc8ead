//! `Value`: Rust types that are one value of one PostgreSQL type.

mod array;
mod features;
mod range;
mod system_time;
mod text;

pub(super) use array::{array_of, encode_array};
pub(super) use text::encode as encode_text;

use bytes::BytesMut;
use postgres::types::{FromSql, ToSql, Type};

use super::SqlType;
use crate::error::BoxError;

/// A Rust type that is written and read as one built-in PostgreSQL type, in its binary form.
///
/// The Rust type decides the PostgreSQL type, so the server need not be asked first:
///
/// | Rust | PostgreSQL |
/// |---|---|
/// | `bool` | `bool` |
/// | `i8`, `i16`, `i32`, `i64`, `u32` | `"char"`, `int2`, `int4`, `int8`, `oid` |
/// | `f32`, `f64` | `float4`, `float8` |
/// | `String`, `Box<str>`, `Arc<str>` | `text`; any string type fits |
/// | `Vec<u8>`, `Box<[u8]>` | `bytea` |
/// | `IpAddr`, `SystemTime` | `inet`, `timestamptz` |
/// | `Vec<T>`, `Vec<Option<T>>` | an array of `T`'s type, the latter with NULLs |
/// | dates and times of `chrono`, `jiff`, `time` | `date`, `time`, `timestamp`, `timestamptz` |
/// | `Uuid`, `Decimal`, `serde_json::Value`, `Json<T>` | `uuid`, `numeric`, `jsonb`, `jsonb` |
///
/// For a type of your own, pass the calls on to a type that has an implementation:
///
/// ```
/// use onetrip::{BoxError, BytesMut, SqlType, Value};
///
/// /// A column of the enum type `mood`, declared `#[model(sql_type = "mood")]`.
/// #[derive(Debug, Clone, Copy, PartialEq)]
/// enum Mood {
///     Happy,
///     Sad,
/// }
///
/// impl Value for Mood {
///     const TYPE: SqlType = SqlType::TEXT; // sent as text, and cast to `mood` in the statement
///
///     fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
///         let label = match self {
///             Mood::Happy => "happy",
///             Mood::Sad => "sad",
///         };
///         out.extend_from_slice(label.as_bytes());
///         Ok(())
///     }
///
///     fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
///         match raw {
///             b"happy" => Ok(Mood::Happy),
///             b"sad" => Ok(Mood::Sad),
///             _ => Err("not a mood that this program knows".into()),
///         }
///     }
/// }
/// # assert_eq!(Mood::decode(b"sad").unwrap(), Mood::Sad);
/// ```
pub trait Value: Sized {
    /// The type that parameters are declared with and results are expected in.
    const TYPE: SqlType;

    /// Appends the value's binary form to `out`, without a length. The bytes that are in `out` already
    /// belong to other values: to change them is an error.
    ///
    /// # Errors
    ///
    /// When the type cannot hold the value. Leave values out of the error's text: it ends up in
    /// logs.
    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError>;

    /// Reads a value from its binary form.
    ///
    /// # Errors
    ///
    /// When the bytes are not a value of the type, or not one that Rust's type can hold.
    fn decode(raw: &[u8]) -> Result<Self, BoxError>;
}

/// Appends a value's binary form, and refuses an `encode` that has changed anything else. One that
/// cuts the buffer would damage the values before it.
#[inline]
pub(in crate::model) fn append<V: Value>(value: &V, out: &mut BytesMut) -> Result<(), BoxError> {
    let (start, before) = (out.len(), tail(out));
    value.encode(out)?;
    if out.get(..start).map(tail) == Some(before) {
        return Ok(());
    }
    Err("its `Value::encode` has changed bytes that are not its own: it may only append".into())
}

/// Returns the last bytes of a buffer. Other contents end in these bytes only by a very rare
/// chance.
#[inline]
fn tail(bytes: &[u8]) -> [u8; 8] {
    match bytes.last_chunk::<8>() {
        Some(last) => *last,
        None => {
            let mut last = [0; 8];
            last[..bytes.len()].copy_from_slice(bytes);
            last
        }
    }
}

/// Implements `Value` by the driver's own conversions.
macro_rules! driver_value {
    ($($rust:ty: $sql:ident),* $(,)?) => {
        $(
            impl $crate::model::Value for $rust {
                const TYPE: $crate::model::SqlType = $crate::model::SqlType::$sql;

                #[inline]
                fn encode(
                    &self,
                    out: &mut ::bytes::BytesMut,
                ) -> Result<(), $crate::error::BoxError> {
                    let start = out.len();
                    ::postgres::types::ToSql::to_sql(self, &::postgres::types::Type::$sql, out)?;
                    $crate::model::value::range::check(Self::TYPE, &out[start..])
                }

                #[inline]
                fn decode(raw: &[u8]) -> Result<$rust, $crate::error::BoxError> {
                    $crate::model::value::range::check(Self::TYPE, raw)?;
                    ::postgres::types::FromSql::from_sql(&::postgres::types::Type::$sql, raw)
                }
            }
        )*
    };
}
#[allow(unused_imports, reason = "used by the features")]
pub(in crate::model) use driver_value;

driver_value! {
    bool: BOOL,
    i8: CHAR,
    i16: INT2,
    i32: INT4,
    i64: INT8,
    u32: OID,
    f32: FLOAT4,
    f64: FLOAT8,
    Vec<u8>: BYTEA,
    std::net::IpAddr: INET,
}

impl Value for Box<[u8]> {
    const TYPE: SqlType = SqlType::BYTEA;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        ToSql::to_sql(&&**self, &Type::BYTEA, out)?;
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Box<[u8]>, BoxError> {
        <&[u8]>::from_sql(&Type::BYTEA, raw).map(Into::into)
    }
}
