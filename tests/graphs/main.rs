//! Graphs: what is loaded, in how many round trips, and what is refused.

#[path = "../common/mod.rs"]
mod common;
mod indexes;
mod kinds;
mod loading;
mod models;
mod plans;
#[path = "../common/relayed.rs"]
mod relayed;
mod snapshots;
mod trees;

/// Whether a graph is loaded a level at a time. In one statement it is loaded three times: the strategy learns
/// of indexes from the second, and the third uses them.
const SPLIT: [bool; 4] = [false, false, false, true];
