//! Statements: their text, their parameters and their results.

mod array;
mod condition;
mod copy_data;
mod params;
mod prefix;
mod rows;
mod select;
mod text;

pub(crate) use array::{ArrayParam, array_elements};
pub(crate) use condition::{parameters, renumbered};
pub(crate) use copy_data::CopyData;
pub use params::Params;
pub(crate) use params::Raw;
pub(crate) use prefix::unused_prefix;
pub use rows::Rows;
pub(crate) use select::{key_arrays, select_all, select_by_key, select_by_keys};
pub(crate) use text::Sql;
