//! What the library's own examples have already.

#![allow(dead_code, reason = "this program uses a part of it")]

#[path = "../../../examples/support/cli.rs"]
pub(crate) mod cli;
#[path = "../../../examples/support/database.rs"]
pub(crate) mod database;
#[allow(unreachable_pub, reason = "the tests of the library have it as a module of their own")]
#[path = "../../../examples/support/relay.rs"]
pub(crate) mod relay;
