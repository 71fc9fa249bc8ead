//! Graphs: what is loaded, in how many round trips, and what is refused.

#[path = "../common/mod.rs"]
mod common;
mod kinds;
mod loading;
mod models;
mod plans;
#[path = "../common/relayed.rs"]
mod relayed;
mod snapshots;
mod trees;
