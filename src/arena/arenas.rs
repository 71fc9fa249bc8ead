//! `Arenas`: the arenas of a unit of work, by their models.

use std::any::TypeId;
use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;

use super::AnyArena;

/// The arenas of a unit of work, in the order in which their models first appeared.
pub(crate) type Arenas = IndexMap<TypeId, Box<dyn AnyArena>, BuildHasherDefault<TypeIdHasher>>;

/// Takes a `TypeId` as its own hash, which it is. Every reference is looked up by it.
#[derive(Default)]
pub(crate) struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
