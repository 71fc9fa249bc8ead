//! The chapter of the book about this: its samples are run as documentation tests.

#[doc = include_str!("../../../docs/src/connecting.md")]
mod connecting {}
