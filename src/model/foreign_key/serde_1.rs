//! References as their keys, for `serde`.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Error, Serialize, Serializer};

use super::ForeignKey;
use crate::model::Model;

/// Writes the key. A reference without a key is an error: a handle means nothing outside of its unit of
/// work.
///
/// ```
/// # use onetrip::{ForeignKey, Model};
/// # #[derive(Model, Clone)]
/// # #[model(table = "users")]
/// # struct User { #[model(key)] id: Option<i32> }
/// let author: ForeignKey<User> = 7.into();
/// assert_eq!(serde_json::to_string(&author)?, "7");
/// assert_eq!(serde_json::from_str::<ForeignKey<User>>("7")?, author);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<T: Model> Serialize for ForeignKey<T>
where
    T::Key: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ForeignKey::Key(key) => key.serialize(serializer),
            ForeignKey::Pending(_) => Err(S::Error::custom(format_args!(
                "the reference to {} has no key yet: commit or flush before it is serialized",
                T::table().name()
            ))),
            ForeignKey::Unset => Err(S::Error::custom(format_args!(
                "the reference to {} is not set, so there is no key to serialize",
                T::table().name()
            ))),
        }
    }
}

/// Reads a key. A field that can be missing has `#[serde(default)]`, and is
/// [`Unset`](ForeignKey::Unset) then.
impl<'de, T: Model> Deserialize<'de> for ForeignKey<T>
where
    T::Key: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ForeignKey<T>, D::Error> {
        T::Key::deserialize(deserializer).map(ForeignKey::Key)
    }
}
