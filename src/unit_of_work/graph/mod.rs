//! Loading graphs: `GraphQuery` asks for one, `Relations` says what is in it, `Graph` is what comes of it.

mod entities;
mod query;
mod relations;
mod result;

pub use query::GraphQuery;
pub use relations::{Relations, ToMany, ToOne};
pub use result::{Graph, Handles};
