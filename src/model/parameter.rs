//! `Parameter`: values of conditions.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;

use super::value::{array_of, encode_array};
use super::{SqlType, Value};
use crate::error::BoxError;

/// A value that [`Query::bind`](crate::Query::bind) takes: any [`Value`], `&str`, references to the
/// usual types, and an `Option` of any of these, whose `None` is NULL. Slices, arrays and vectors are
/// arrays of the database: `&[i32]`, `[i64; 3]`, `&[&str]`, `&[Option<i32>]`. Slices and arrays of `u8`
/// are `bytea`.
///
/// A string is what the same text would be as a literal: a date where the condition compares it with
/// a date, a label where it does so with an enum. Where nothing says what it is, as in `$1 IS NULL`,
/// the server asks for a type: `$1::text IS NULL`.
///
/// ```
/// # use onetrip::{Model, UnitOfWork};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32>, name: String }
/// fn born(uow: &mut UnitOfWork<'_>, day: &str, name: Option<&str>) -> Result<(), onetrip::Error> {
///     let users = uow
///         .query::<User>("born = $1 AND ($2::text IS NULL OR name = $2)")
///         .bind(day) // such as "2001-02-03"
///         .bind(name)
///         .load()?;
///     # let _ = users;
///     Ok(())
/// }
/// # let _ = born;
/// ```
///
/// An array goes with `= ANY($1)`. One of strings is of type `text[]`. Where it is compared with another
/// type, name that: `mood = ANY($1::mood[])`.
///
/// ```
/// # use onetrip::{Handle, Model, UnitOfWork};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32>, name: String }
/// fn named(uow: &mut UnitOfWork<'_>, names: &[&str]) -> Result<Vec<Handle<User>>, onetrip::Error> {
///     uow.query::<User>("name = ANY($1)").bind(names).load()
/// }
/// # let _ = named;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be bound to a parameter",
    label = "not a parameter",
    note = "a parameter is an `onetrip::Value`, `&str`, a slice of either, or an `Option` of these; \
            of a reference to another type, bind the value: `*value` or `value.clone()`"
)]
pub trait Parameter {
    /// The type that the parameter is declared with.
    #[doc(hidden)]
    const TYPE: SqlType;

    /// Appends the value's bytes, or returns `false` for NULL.
    #[doc(hidden)]
    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError>;
}

impl<V: Value> Parameter for V {
    const TYPE: SqlType = V::TYPE;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        super::value::append(self, out).map(|()| true)
    }
}

impl<P: Parameter> Parameter for Option<P> {
    const TYPE: SqlType = P::TYPE;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        match self {
            Some(value) => value.encode_parameter(out),
            None => Ok(false),
        }
    }
}

impl Parameter for &str {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        super::value::encode_text(self, out).map(|()| true)
    }
}

impl<P: Parameter> Parameter for &Option<P> {
    const TYPE: SqlType = P::TYPE;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (**self).encode_parameter(out)
    }
}

impl Parameter for Cow<'_, str> {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&**self).encode_parameter(out)
    }
}

// Arrays. Those of a `Value` in a `Vec` are a `Value` themselves.

impl<P: Parameter> Parameter for &[P] {
    const TYPE: SqlType = array_of(P::TYPE);

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        encode_array(P::TYPE, self, out, P::encode_parameter).map(|()| true)
    }
}

impl<P: Parameter, const N: usize> Parameter for [P; N] {
    const TYPE: SqlType = array_of(P::TYPE);

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&self[..]).encode_parameter(out)
    }
}

impl<P: Parameter, const N: usize> Parameter for &[P; N] {
    const TYPE: SqlType = array_of(P::TYPE);

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&self[..]).encode_parameter(out)
    }
}

impl<P: Parameter> Parameter for &Vec<P> {
    const TYPE: SqlType = array_of(P::TYPE);

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&self[..]).encode_parameter(out)
    }
}

impl Parameter for Vec<&str> {
    const TYPE: SqlType = SqlType::TEXT.array();

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&self[..]).encode_parameter(out)
    }
}

impl Parameter for &[u8] {
    const TYPE: SqlType = SqlType::BYTEA;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        out.extend_from_slice(self);
        Ok(true)
    }
}

impl<const N: usize> Parameter for &[u8; N] {
    const TYPE: SqlType = SqlType::BYTEA;

    fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
        (&self[..]).encode_parameter(out)
    }
}

// There is one for each type: a generic one would be in the way of a `Value` that is a reference.

macro_rules! references {
    ($($ty:ty),* $(,)?) => {
        $(
            impl Parameter for &$ty {
                const TYPE: SqlType = <$ty as Parameter>::TYPE;

                fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
                    (**self).encode_parameter(out)
                }
            }
        )*
    };
}

references!(bool, i8, i16, i32, i64, u32, f32, f64, IpAddr, SystemTime, Vec<u8>, Box<[u8]>);
references!(&str, String, Box<str>, Arc<str>, Cow<'_, str>);
#[cfg(feature = "with-uuid-1")]
references!(uuid::Uuid);
#[cfg(feature = "with-rust_decimal-1")]
references!(rust_decimal::Decimal);
#[cfg(feature = "with-serde_json-1")]
references!(serde_json::Value);
#[cfg(feature = "with-chrono-0_4")]
references!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::NaiveDateTime,
    chrono::DateTime<chrono::Utc>,
    chrono::DateTime<chrono::FixedOffset>,
);
#[cfg(feature = "with-jiff-0_2")]
references!(jiff::civil::Date, jiff::civil::Time, jiff::civil::DateTime, jiff::Timestamp);
#[cfg(feature = "with-time-0_3")]
references!(time::Date, time::Time, time::PrimitiveDateTime, time::OffsetDateTime);
