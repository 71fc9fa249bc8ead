//! Graphs that are loaded: which rows belong to which, and the one statement that reads all of them.
//!
//! A [`Levels`] says what is to be loaded. `render.rs` makes statements of it, `columns.rs` reads what
//! comes back, and `edges.rs` finds out which row belongs to which. `indexes.rs` remembers which foreign keys
//! have an index.

mod columns;
mod edges;
mod indexes;
mod level;
mod load_plan;
mod render;

pub(crate) use columns::LevelRows;
pub(crate) use edges::{Edge, Matches, NOBODY};
pub(crate) use indexes::{Answer, COLUMNS as INDEX_COLUMNS, Found, Indexes};
pub(crate) use level::{CONDITION, Level, Levels, Relation, Root, Selection};
pub use load_plan::LoadPlan;
pub(crate) use render::{Statement, match_apart, one_level, whole_graph};
