//! Statements: their text, their parameters and their results.

mod array;
mod params;
mod rows;
mod select;
mod text;

pub(crate) use array::ArrayParam;
pub use params::Params;
pub use rows::Rows;
pub(crate) use rows::WholeRow;
pub(crate) use select::select_by_key;
pub(crate) use text::Sql;
