//! A web service that keeps customers and their orders with [`onetrip`].
//!
//! One request is one unit of work. The work runs in `spawn_blocking`, on a session of a pool:
//! [`database`] has that. The other modules are the [tables](models), the [requests](customers), and
//! what an [error](failure) is for the caller.

pub mod answer;
pub mod customers;
pub mod database;
mod doctests;
pub mod failure;
pub mod models;
pub mod serve;
pub mod session;
pub mod time_outs;
pub mod tls;
