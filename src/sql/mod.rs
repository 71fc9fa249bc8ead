//! Statements: their text, their parameters and their results.

mod array;
mod bound;
mod condition;
mod copy_data;
mod lexeme;
mod own_text;
mod params;
mod prefix;
mod result_row;
mod rows;
mod select;
mod text;

pub(crate) use array::{ArrayParam, array_elements};
pub(crate) use bound::Bound;
pub(crate) use condition::{parameters, renumbered};
pub(crate) use copy_data::CopyData;
pub(crate) use own_text::{OwnText, Returns, wrong_type};
pub use params::Params;
pub(crate) use params::Raw;
pub(crate) use prefix::unused_prefix;
pub use result_row::{ResultColumn, ResultRow};
pub use rows::Rows;
pub(crate) use select::{
    in_order_of_locks, key_arrays, lock_by_keys, select_all, select_by_key, select_by_keys,
};
pub(crate) use text::{Sql, casts_any};
