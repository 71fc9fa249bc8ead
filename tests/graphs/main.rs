//! Graphs: what is loaded, in how many round trips, and what is refused.

#[path = "../common/mod.rs"]
mod common;
mod kinds;
mod loading;
mod models;
mod trees;
