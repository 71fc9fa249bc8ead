//! `ResultRow`: what the rows of the caller's own SQL are read as.

use crate::error::BoxError;
use crate::model::{SqlType, Value};

/// A row that [`SqlStatement::rows`](crate::SqlStatement::rows) returns: a [`Value`], an `Option` of a
/// `Value` if the column can be NULL, or a tuple of up to eight of these.
///
/// ```
/// # use onetrip::UnitOfWork;
/// fn stock(uow: &mut UnitOfWork<'_>) -> Result<Vec<(i32, Option<String>)>, onetrip::Error> {
///     uow.sql("SELECT id, note FROM stock ORDER BY id").rows()
/// }
/// # let _ = stock;
/// ```
pub trait ResultRow: Sized + sealed::Row {
    /// Returns the types of the columns.
    #[doc(hidden)]
    fn types() -> Vec<SqlType>;

    /// Reads a row. An error comes with the position of its column.
    #[doc(hidden)]
    fn read<'r>(value: impl Fn(usize) -> Option<&'r [u8]>) -> Result<Self, (usize, BoxError)>;
}

/// A column of a [`ResultRow`]: a [`Value`], or an `Option` of a `Value`.
pub trait ResultColumn: Sized + sealed::Column {
    /// The type of the column.
    #[doc(hidden)]
    const TYPE: SqlType;

    /// Reads a value.
    #[doc(hidden)]
    fn read_column(raw: Option<&[u8]>) -> Result<Self, BoxError>;
}

mod sealed {
    #[allow(unnameable_types, reason = "sealed: only this crate reads rows")]
    pub trait Row {}
    #[allow(unnameable_types, reason = "sealed: only this crate reads rows")]
    pub trait Column {}
}

impl<V: Value> sealed::Column for V {}
impl<V: Value> sealed::Column for Option<V> {}
impl<V: Value> sealed::Row for V {}
impl<V: Value> sealed::Row for Option<V> {}

impl<V: Value> ResultColumn for V {
    const TYPE: SqlType = V::TYPE;

    fn read_column(raw: Option<&[u8]>) -> Result<V, BoxError> {
        match raw {
            Some(raw) => V::decode(raw),
            None => Err("it is NULL: read it as an `Option`".into()),
        }
    }
}

impl<V: Value> ResultColumn for Option<V> {
    const TYPE: SqlType = V::TYPE;

    fn read_column(raw: Option<&[u8]>) -> Result<Option<V>, BoxError> {
        raw.map(V::decode).transpose()
    }
}

macro_rules! one_column {
    ($ty:ty) => {
        impl<V: Value> ResultRow for $ty {
            fn types() -> Vec<SqlType> {
                vec![V::TYPE]
            }

            fn read<'r>(
                value: impl Fn(usize) -> Option<&'r [u8]>,
            ) -> Result<Self, (usize, BoxError)> {
                <$ty>::read_column(value(0)).map_err(|error| (0, error))
            }
        }
    };
}

one_column!(V);
one_column!(Option<V>);

macro_rules! columns {
    ($($column:ident $at:literal),*) => {
        impl<$($column: ResultColumn),*> sealed::Row for ($($column,)*) {}

        impl<$($column: ResultColumn),*> ResultRow for ($($column,)*) {
            fn types() -> Vec<SqlType> {
                vec![$($column::TYPE),*]
            }

            fn read<'r>(
                value: impl Fn(usize) -> Option<&'r [u8]>,
            ) -> Result<Self, (usize, BoxError)> {
                Ok(($($column::read_column(value($at)).map_err(|error| ($at, error))?,)*))
            }
        }
    };
}

columns!(A 0);
columns!(A 0, B 1);
columns!(A 0, B 1, C 2);
columns!(A 0, B 1, C 2, D 3);
columns!(A 0, B 1, C 2, D 3, E 4);
columns!(A 0, B 1, C 2, D 3, E 4, F 5);
columns!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
columns!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
