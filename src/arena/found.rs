//! `Found`: what an arena has under a key.

/// The entity that a unit of work has under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The entity in this slot is there.
    Entity(u32),
    /// The entity in this slot is marked for deletion.
    MarkedForDeletion(u32),
}
