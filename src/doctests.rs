//! The README and the chapters of the book: their samples are run as documentation tests.

#[doc = include_str!("../README.md")]
mod readme {}

#[doc = include_str!("../docs/src/introduction.md")]
mod introduction {}

#[doc = include_str!("../docs/src/getting-started.md")]
mod getting_started {}

#[doc = include_str!("../docs/src/models.md")]
mod models {}

#[doc = include_str!("../docs/src/models-from-database.md")]
mod models_from_database {}

#[doc = include_str!("../docs/src/unit-of-work.md")]
mod unit_of_work {}

#[doc = include_str!("../docs/src/loading.md")]
mod loading {}

#[doc = include_str!("../docs/src/changing.md")]
mod changing {}

#[doc = include_str!("../docs/src/transactions.md")]
mod transactions {}

#[doc = include_str!("../docs/src/failures.md")]
mod failures {}

#[doc = include_str!("../docs/src/many-to-many.md")]
mod many_to_many {}

#[doc = include_str!("../docs/src/natural-keys.md")]
mod natural_keys {}

#[doc = include_str!("../docs/src/flush-graph.md")]
mod flush_graph {}

#[doc = include_str!("../docs/src/strategies.md")]
mod strategies {}

#[doc = include_str!("../docs/src/concurrency.md")]
mod concurrency {}

#[doc = include_str!("../docs/src/verify.md")]
mod verify {}

#[doc = include_str!("../docs/src/recipes.md")]
mod recipes {}

#[doc = include_str!("../docs/src/troubleshooting.md")]
mod troubleshooting {}

#[doc = include_str!("../docs/src/comparison.md")]
mod comparison {}

#[doc = include_str!("../docs/src/peers.md")]
mod peers {}

#[doc = include_str!("../docs/src/coming-from-sqlalchemy.md")]
mod coming_from_sqlalchemy {}

#[doc = include_str!("../docs/src/citus.md")]
mod citus {}
