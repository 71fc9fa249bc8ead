//! Which rows refer to which new rows, also by foreign keys that only the database knows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::coupled::comparable;
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
        let columns_of = |table: &'static Table, oid, columns: &[String]| {
            let is_it = constraints.relation(table) == Some(oid);
            is_it.then(|| positions(table, columns)).flatten()
        };
        let parents = changes.new_by_key(|table| columns_of(table, fk.parent, &fk.parent_columns));
        if parents.is_empty() {
            continue;
        }
        for of in changes.all_rows() {
            let table = changes.table_of(changes.model_of(of));
            let Some(columns) = columns_of(table, fk.child, &fk.child_columns) else { continue };
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

/// The entities that are left out, each with the refused one that it waits for, or itself.
pub(super) type LeftOut = HashMap<EntityAt, EntityAt>;

/// Leaves out what refers to an entity that is refused, and what refers to that, but for what is left out
/// already.
pub(super) fn leave_out_children(left_out: &mut LeftOut, children: &Children, refused: EntityAt) {
    let mut open = vec![refused];
    while let Some(next) = open.pop() {
        for &child in children.get(&next).into_iter().flatten() {
            if let Entry::Vacant(new) = left_out.entry(child) {
                new.insert(refused);
                open.push(child);
            }
        }
    }
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
