//! Who has the unique value that a row wants.

use std::collections::HashMap;

use postgres::error::SqlState;

use super::culprit::{OtherEntity, OtherParty};
use crate::change_set::{ChangeSet, EntityAt};
use crate::error::Error;
use crate::flush_plan::{
    Constraints, FlushPlan, RowAt, UniqueConstraint, are_sent_as_compared, positions,
};
use crate::model::Table;

/// The rows that were taken, by their unique values.
pub(super) struct Parties<'a> {
    changes: &'a ChangeSet<'a>,
    plan: &'a FlushPlan,
    constraints: &'a Constraints,
    taken: Vec<RowAt>,
    /// By the name of the constraint: the entities, by the bytes of their values.
    known: HashMap<String, HashMap<Vec<u8>, EntityAt>>,
}

impl<'a> Parties<'a> {
    pub(super) fn new(
        changes: &'a ChangeSet<'a>,
        plan: &'a FlushPlan,
        constraints: &'a Constraints,
        taken: Vec<RowAt>,
    ) -> Parties<'a> {
        Parties { changes, plan, constraints, taken, known: HashMap::new() }
    }

    /// Returns who has the value of a row that was refused for its sake; nothing where only the server
    /// can tell which values are the same.
    pub(super) fn of(&mut self, error: &Error, entity: EntityAt, row: RowAt) -> Option<OtherParty> {
        if error.sqlstate() != Some(&SqlState::UNIQUE_VIOLATION) {
            return None;
        }
        self.plan.values_of(row)?;
        let table = self.changes.table_of(entity.model);
        let unique = self.constraints.unique_of(table, error.constraint()?)?;
        let columns = exact_columns(table, unique)?;
        let value = self.changes.new_key_bytes(entity, &columns).ok().flatten()?;
        let known = self.known.entry(unique.name.clone()).or_insert_with(|| {
            let mut by_value = HashMap::new();
            for &row in &self.taken {
                let (entity, _) = self.plan.entity(self.changes, row);
                let other = self.changes.table_of(entity.model);
                if self.plan.values_of(row).is_none() || !other.is(table) {
                    continue;
                }
                let columns = exact_columns(other, unique);
                let value = columns.and_then(|columns| {
                    self.changes.new_key_bytes(entity, &columns).ok().flatten()
                });
                if let Some(value) = value {
                    by_value.insert(value, entity);
                }
            }
            by_value
        });
        let Some(&other) = known.get(&value) else {
            // Another entity can have the value after all: a trigger has changed it, or the column pads
            // strings with spaces, or cuts spaces off.
            let is_string = |&column: &usize| table.columns()[column].ty().is_string();
            let ends_with_space = |value: &[u8]| columns.len() > 1 || value.ends_with(b" ");
            let has_spaces = columns.iter().any(is_string)
                && (ends_with_space(&value) || known.keys().any(|other| ends_with_space(other)));
            let may_be_changed = has_spaces || !self.constraints.early_triggers.is_empty();
            let is_alone = known.is_empty();
            return (is_alone || !may_be_changed).then_some(OtherParty::RowOfDatabase);
        };
        Some(OtherParty::Same(OtherEntity {
            entity: self.changes.handle(other)?,
            table: self.changes.table_of(other.model).name(),
            row: self.changes.number(other).0,
        }))
    }
}

/// Returns the columns of a constraint, by position, where equal values have equal bytes.
fn exact_columns(table: &Table, unique: &UniqueConstraint) -> Option<Vec<usize>> {
    let columns = positions(table, &unique.columns)?;
    (unique.is_exact && are_sent_as_compared(table, &columns)).then_some(columns)
}
