//! `Suspects`: the tables of which the database has to be asked before one statement is trusted.
//!
//! Foreign keys act when a *statement* ends: `ON DELETE CASCADE` deletes what refers to the value
//! that a row had. Where another row has taken the value by then, or new rows refer to it, one
//! statement leaves something else than its steps one after the other.

use std::collections::{HashMap, HashSet};

use super::constraints::{Action, Constraints, ForeignKeyConstraint, positions};
use super::links::models;
use super::rows::{deleted, inserted, updated};
use crate::change_set::{ChangeSet, KeyBytes};
use crate::error::Error;
use crate::model::Table;

/// What a flush takes away from rows that the database has, while it writes others: whether a
/// foreign key acts on that, only the database knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Suspects {
    /// Tables of which rows are deleted.
    pub(crate) deleted: Vec<&'static Table>,
    /// Tables of which rows are updated, and the columns that change.
    pub(crate) updated: Vec<(&'static Table, Vec<&'static str>)>,
}

impl Suspects {
    /// Finds what has to be asked for, if anything has.
    pub(super) fn find(changes: &ChangeSet<'_>) -> Result<Option<Suspects>, Error> {
        let changed = changes.changed();
        let has_deletes = changed.iter().any(|rows| !rows.deleted().is_empty());
        let has_updates = changed.iter().any(|rows| !rows.updated().is_empty());
        let has_writes = has_updates || !changes.tables().is_empty();
        let mut suspects = Suspects::default();
        if has_deletes && has_writes {
            let with_deletes = changed.iter().filter(|rows| !rows.deleted().is_empty());
            suspects.deleted = with_deletes.map(|rows| rows.table()).collect();
        }
        if has_updates && changes.passes_values_on()? {
            for rows in changed.iter().filter(|rows| !rows.updated().is_empty()) {
                let columns: HashSet<usize> =
                    rows.sets().iter().flatten().map(|&(column, _)| column).collect();
                let mut columns: Vec<usize> = columns.into_iter().collect();
                columns.sort_unstable();
                let name = |column: usize| rows.table().columns()[column].name();
                suspects.updated.push((rows.table(), columns.into_iter().map(name).collect()));
            }
        }
        let is_any = !suspects.deleted.is_empty() || !suspects.updated.is_empty();
        Ok(is_any.then_some(suspects))
    }
}

/// Returns `true` if one statement leaves what the steps of a flush would leave one after the other,
/// whatever the foreign keys of the database do.
///
/// # Errors
///
/// A value that cannot be encoded.
pub(crate) fn means_the_same(
    changes: &ChangeSet<'_>,
    constraints: &Constraints,
) -> Result<bool, Error> {
    let judge = Judge { changes, constraints, models: models(changes) };
    for foreign_key in &constraints.foreign_keys {
        if !judge.is_harmless(foreign_key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Judge<'a> {
    changes: &'a ChangeSet<'a>,
    constraints: &'a Constraints,
    models: Vec<(usize, &'static Table)>,
}

impl Judge<'_> {
    fn models_of(&self, relation: u32) -> impl Iterator<Item = (usize, &'static Table)> {
        let is_of = move |(_, table): &&(usize, &'static Table)| {
            self.constraints.relation(table) == Some(relation)
        };
        self.models.iter().filter(is_of).copied()
    }

    fn is_harmless(&self, foreign_key: &ForeignKeyConstraint) -> Result<bool, Error> {
        let ForeignKeyConstraint { parent, parent_columns, child, child_columns, .. } = foreign_key;
        let (mut left, mut has_deletes) = (HashMap::new(), false);
        for (model, table) in self.models_of(*parent) {
            // A model without these columns cannot change them, but it can delete.
            let columns = positions(table, parent_columns);
            if foreign_key.on_delete != Action::Refuse {
                for row in deleted(self.changes, model) {
                    let Some(columns) = &columns else { return Ok(false) };
                    has_deletes = true;
                    if let Some(value) = self.changes.key_bytes(model, row.slot, columns)? {
                        left.insert(value, (model, row.slot));
                    }
                }
            }
            if let (true, Some(columns)) = (foreign_key.on_update != Action::Refuse, &columns) {
                for row in updated(self.changes, model, columns) {
                    if let Some(value) = self.changes.key_bytes(model, row.slot, columns)? {
                        left.insert(value, (model, row.slot));
                    }
                }
            }
        }
        if left.is_empty() {
            return Ok(true);
        }
        let is_left = |value: KeyBytes, row: (usize, u32)| {
            value.and_then(|value| left.get(&value)).is_some_and(|&giver| giver != row)
        };
        for (model, table) in self.models_of(*parent) {
            let Some(columns) = positions(table, parent_columns) else { continue };
            if self.any_written(model, &columns, false, is_left)? {
                return Ok(false);
            }
        }
        for (model, table) in self.models_of(*child) {
            match positions(table, child_columns) {
                Some(columns) => {
                    if self.any_written(model, &columns, has_deletes, is_left)? {
                        return Ok(false);
                    }
                }
                None => return Ok(false),
            }
        }
        self.is_out_of_reach(*child)
    }

    /// Whether a new row, or one in which one of these columns changes, has such a value in them;
    /// among `all` updated rows, where it matters what they go on to refer to.
    fn any_written(
        &self,
        model: usize,
        columns: &[usize],
        all: bool,
        is_such: impl Fn(KeyBytes, (usize, u32)) -> bool,
    ) -> Result<bool, Error> {
        let every: Vec<usize>;
        let changing = if all {
            let len = self.models.iter().find(|(other, _)| *other == model);
            every = (0..len.map_or(0, |(_, table)| table.columns().len())).collect();
            &every[..]
        } else {
            columns
        };
        let updates = updated(self.changes, model, changing);
        for row in updates.into_iter().chain(inserted(self.changes, model)) {
            let value = self.changes.new_key_bytes(model, row.slot, columns)?;
            if is_such(value, (model, row.slot)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing that is written refers to a row that goes, or changes, because rows of this
    /// table do. Which rows these are is not known, so only references to new rows are sure not to.
    fn is_out_of_reach(&self, first: u32) -> Result<bool, Error> {
        let (mut reached, mut next) = (vec![first], 0);
        while let Some(&relation) = reached.get(next) {
            for foreign_key in self.constraints.foreign_keys.iter().filter(|f| f.parent == relation)
            {
                for (model, table) in self.models_of(foreign_key.child) {
                    if !self.refers_to_new(model, table, &foreign_key.child_columns)? {
                        return Ok(false);
                    }
                }
                let acts = [foreign_key.on_delete, foreign_key.on_update];
                let is_new = !reached.contains(&foreign_key.child);
                if is_new && acts.iter().any(|action| *action != Action::Refuse) {
                    reached.push(foreign_key.child);
                }
            }
            next += 1;
        }
        Ok(true)
    }

    /// Whether all rows of a model that are written refer to new rows by these columns, or to none.
    fn refers_to_new(
        &self,
        model: usize,
        table: &'static Table,
        names: &[String],
    ) -> Result<bool, Error> {
        let Some(columns) = positions(table, names) else { return Ok(false) };
        let every: Vec<usize> = (0..table.columns().len()).collect();
        if !updated(self.changes, model, &every).is_empty() {
            return Ok(false);
        }
        // A reference to a new row that has its key already is not told from others.
        let is_known = |value: KeyBytes, _| value.is_some();
        Ok(!self.any_written(model, &columns, false, is_known)?)
    }
}
