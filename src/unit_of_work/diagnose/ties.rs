//! Which rows refer to which new rows, also by foreign keys that only the database knows.

use std::collections::HashMap;

use super::coupled::comparable;
use crate::assignments::RowsOf;
use crate::change_set::{ChangeSet, EntityAt, Ties};
use crate::flush_plan::{Constraints, ForeignKeyConstraint, positions};
use crate::model::Table;

/// For each new row those that refer to it.
pub(super) type Children = HashMap<EntityAt, Vec<EntityAt>>;

/// Returns what refers to each new row: by a handle, by its key, or by another value of it.
pub(super) fn children(changes: &ChangeSet<'_>, constraints: &Constraints, by: Ties) -> Children {
    let mut children = changes.references_to_new(by);
    if by == Ties::Handles {
        return children;
    }
    for fk in &constraints.foreign_keys {
        let is_of = |table: &'static Table, oid| constraints.relation(table) == Some(oid);
        let mut parents = HashMap::new();
        for rows in changes.tables().iter().filter(|rows| is_of(rows.table(), fk.parent)) {
            let Some(columns) = positions(rows.table(), &fk.parent_columns) else { continue };
            for &slot in rows.slots() {
                let entity = EntityAt { model: rows.model(), slot };
                if let Ok(Some(value)) = changes.new_key_bytes(entity, &columns) {
                    parents.insert(value, entity);
                }
            }
        }
        if parents.is_empty() {
            continue;
        }
        for of in changes.all_rows() {
            let table = match of {
                RowsOf::New(at) => changes.tables()[at].table(),
                RowsOf::Changed(at) => changes.changed()[at].table(),
            };
            if !is_of(table, fk.child) {
                continue;
            }
            let Some(columns) = positions(table, &fk.child_columns) else { continue };
            for child in changes.written_in(of) {
                let value = changes.new_key_bytes(child, &columns).ok().flatten();
                if let Some(&parent) = value.and_then(|value| parents.get(&value)) {
                    children.entry(parent).or_default().push(child);
                }
            }
        }
    }
    children
}

/// Returns `true` if a row may have lost what it refers to by a foreign key of this name, since one of these
/// new rows was refused: it is not known which rows refer to which.
pub(super) fn may_lack_parent(
    changes: &ChangeSet<'_>,
    constraints: &Constraints,
    name: &str,
    refused: impl Iterator<Item = EntityAt>,
) -> bool {
    // One that is not known refers to a table that has no rows in the flush.
    let named = |fk: &&ForeignKeyConstraint| fk.name == name;
    let open: Vec<&ForeignKeyConstraint> = constraints.foreign_keys.iter().filter(named).collect();
    // A value that the database assigns, or a trigger changes, is not known here.
    let has_triggers = !constraints.early_triggers.is_empty();
    let mut refused = refused.map(|entity| (entity, changes.table_of(entity.model)));
    refused.any(|(entity, table)| {
        open.iter().any(|fk| {
            let is_known = || {
                let columns = comparable(table, &fk.parent_columns)?;
                changes.new_key_bytes(entity, &columns).ok().flatten()
            };
            constraints.relation(table) == Some(fk.parent) && (has_triggers || is_known().is_none())
        })
    })
}
