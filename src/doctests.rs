//! The README and the chapters of the book: their samples are run as documentation tests.

#[doc = include_str!("../README.md")]
mod readme {}
