//! `Parameter`: values of conditions.

use bytes::BytesMut;

use super::{SqlType, Value};
use crate::error::BoxError;

/// A value that [`Query::bind`](crate::Query::bind) takes: any [`Value`], `&str`, references to the
/// usual types, and an `Option` of any of these, whose `None` is NULL.
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
pub trait Parameter {
    /// The type that the parameter is declared with.
    #[doc(hidden)]
    const TYPE: SqlType;

    /// Appends the value's bytes, or gives `false` for NULL.
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

macro_rules! references {
    ($($ty:ty),*) => {
        $(
            impl Parameter for &$ty {
                const TYPE: SqlType = <$ty as Value>::TYPE;

                fn encode_parameter(&self, out: &mut BytesMut) -> Result<bool, BoxError> {
                    (**self).encode_parameter(out)
                }
            }
        )*
    };
}

references!(bool, i16, i32, i64, f32, f64, String, Vec<u8>, Vec<i32>, Vec<i64>, Vec<String>);

#[cfg(feature = "with-uuid-1")]
references!(uuid::Uuid, Vec<uuid::Uuid>);
