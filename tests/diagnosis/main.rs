//! Which row was it? Faults of every class are put into commits, and the diagnosis has to name the very
//! entity that was spoiled, or none.

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod classes;
mod deferred;
mod model;
mod random_faults;
