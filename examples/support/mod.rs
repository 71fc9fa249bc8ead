//! What the examples share.

#![allow(dead_code, reason = "each example uses a part of it")]

pub(crate) mod cli;
pub(crate) mod database;
pub(crate) mod progress;
#[allow(unreachable_pub, reason = "the tests have it as a module of their own")]
pub(crate) mod relay;
pub(crate) mod strategies;
