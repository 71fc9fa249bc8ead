//! What becomes a reference by `From`.
//!
//! An implementation for `T::Key` itself would be in the way of that for handles: the compiler cannot
//! know that no key is a handle. So there is one for each type that keys have. `#[value(key)]` writes
//! the one for a type of the user's.

use super::ForeignKey;
use crate::handle::Handle;
use crate::model::{Key, Model};

impl<T: Model> From<Handle<T>> for ForeignKey<T> {
    fn from(handle: Handle<T>) -> ForeignKey<T> {
        ForeignKey::Pending(handle)
    }
}

impl<T: Model> From<Handle<T>> for Option<ForeignKey<T>> {
    fn from(handle: Handle<T>) -> Option<ForeignKey<T>> {
        Some(ForeignKey::Pending(handle))
    }
}

macro_rules! from_key {
    ($($key:ty),* $(,)?) => {
        $(
            impl<T: Model<Key = $key>> From<$key> for ForeignKey<T> {
                fn from(key: $key) -> ForeignKey<T> {
                    ForeignKey::Key(key)
                }
            }
        )*
    };
}

from_key!(i16, i32, i64, String, Box<str>, std::sync::Arc<str>, Vec<u8>);
#[cfg(feature = "with-uuid-1")]
from_key!(uuid::Uuid);
#[cfg(feature = "with-chrono-0_4")]
from_key!(chrono::NaiveDate);
#[cfg(feature = "with-jiff-0_2")]
from_key!(jiff::civil::Date);
#[cfg(feature = "with-time-0_3")]
from_key!(time::Date);

impl<'a, T: Model> From<&'a str> for ForeignKey<T>
where
    T::Key: From<&'a str>,
{
    fn from(key: &'a str) -> ForeignKey<T> {
        ForeignKey::Key(key.into())
    }
}

macro_rules! from_tuple {
    ($($part:ident)*) => {
        impl<T: Model<Key = ($($part),*)>, $($part: Key),*> From<($($part),*)> for ForeignKey<T> {
            fn from(key: ($($part),*)) -> ForeignKey<T> {
                ForeignKey::Key(key)
            }
        }
    };
}

from_tuple!(A B);
from_tuple!(A B C);
from_tuple!(A B C D);
from_tuple!(A B C D E);
from_tuple!(A B C D E F);
from_tuple!(A B C D E F G);
from_tuple!(A B C D E F G H);
