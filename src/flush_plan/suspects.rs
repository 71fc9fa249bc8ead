//! `Suspects`: the tables of which the database has to be asked before one statement is trusted.
//!
//! Foreign keys act when a *statement* ends: `ON DELETE CASCADE` deletes what refers to the value
//! that a row had. Where another row has taken the value by then, or new rows refer to it, one
//! statement leaves something else than its steps one after the other.

use std::collections::{HashMap, HashSet};

use super::constraints::{Action, Constraints, ForeignKeyConstraint, positions};
use super::links::models;
use super::rows::{RowOf, deleted, inserted, updated};
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
    /// All tables that are written, where a row takes the key that another gives up: a trigger that
    /// runs when the statement ends would take the one for the other.
    pub(crate) replaced: Vec<&'static Table>,
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
        if passes_keys_on(changes)? {
            suspects.replaced = models(changes).into_iter().map(|(_, table)| table).collect();
        }
        let is_any = !suspects.deleted.is_empty()
            || !suspects.updated.is_empty()
            || !suspects.replaced.is_empty();
        Ok(is_any.then_some(suspects))
    }
}

/// Whether a row takes the key that another gives up.
fn passes_keys_on(changes: &ChangeSet<'_>) -> Result<bool, Error> {
    for (model, table) in models(changes) {
        let key = table.key();
        let mut given_up = HashSet::new();
        let givers = deleted(changes, model).into_iter().chain(updated(changes, model, key));
        for row in givers {
            given_up.extend(changes.key_bytes(model, row.slot, key)?);
        }
        if given_up.is_empty() {
            continue;
        }
        for (other, same) in models(changes).into_iter().filter(|(_, other)| other.is(table)) {
            let takers = updated(changes, other, same.key());
            for row in takers.into_iter().chain(inserted(changes, other)) {
                let key = changes.new_key_bytes(other, row.slot, same.key())?;
                if key.is_some_and(|key| given_up.contains(&key)) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Rows by the positions of their models, and their slots.
pub(crate) type RowSet = HashSet<(usize, u32)>;

/// Returns `true` if one statement leaves what the steps of a flush would leave one after the other,
/// whatever the foreign keys of the database do. It writes all rows, or some.
///
/// # Errors
///
/// A value that cannot be encoded.
pub(crate) fn means_the_same(
    changes: &ChangeSet<'_>,
    some: Option<&RowSet>,
    suspects: &Suspects,
    constraints: &Constraints,
) -> Result<bool, Error> {
    if !suspects.replaced.is_empty() && !constraints.late_triggers.is_empty() {
        return Ok(false);
    }
    let judge = Judge { changes, some, constraints, models: models(changes) };
    for foreign_key in &constraints.foreign_keys {
        if !judge.is_harmless(foreign_key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Judge<'a> {
    changes: &'a ChangeSet<'a>,
    some: Option<&'a RowSet>,
    constraints: &'a Constraints,
    models: Vec<(usize, &'static Table)>,
}

impl Judge<'_> {
    /// Those of these rows that the statement writes.
    fn written(&self, model: usize, rows: Vec<RowOf>) -> impl Iterator<Item = RowOf> {
        let is_written = move |row: &RowOf| {
            self.some.is_none_or(|some| some.contains(&(model, row.slot)))
        };
        rows.into_iter().filter(is_written)
    }

    fn models_of(&self, relation: u32) -> impl Iterator<Item = (usize, &'static Table)> {
        let is_of = move |(_, table): &&(usize, &'static Table)| {
            self.constraints.relation(table) == Some(relation)
        };
        self.models.iter().filter(is_of).copied()
    }

    fn is_harmless(&self, foreign_key: &ForeignKeyConstraint) -> Result<bool, Error> {
        let ForeignKeyConstraint { parent, parent_columns, child, child_columns, .. } = foreign_key;
        let (on_delete, on_update) = (foreign_key.on_delete, foreign_key.on_update);
        let mut left = HashMap::new();
        let mut reached = Vec::new();
        for (model, table) in self.models_of(*parent) {
            // A model without these columns cannot change them, but it can delete.
            let columns = positions(table, parent_columns);
            if on_delete.acts() {
                for row in self.written(model, deleted(self.changes, model)) {
                    let Some(columns) = &columns else { return Ok(false) };
                    if let Some(value) = self.changes.key_bytes(model, row.slot, columns)? {
                        left.insert(value, (model, row.slot));
                        reached.push(Reached::new(foreign_key, on_delete == Action::Cascade));
                    }
                }
            }
            if let (true, Some(columns)) = (on_update.acts(), &columns) {
                for row in self.written(model, updated(self.changes, model, columns)) {
                    if let Some(value) = self.changes.key_bytes(model, row.slot, columns)? {
                        left.insert(value, (model, row.slot));
                        reached.push(Reached::new(foreign_key, false));
                    }
                }
            }
        }
        if left.is_empty() {
            return Ok(true);
        }
        reached.dedup();
        let goes = reached.iter().any(|reached| reached.goes);
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
                // Of a row that goes, nothing else can be changed.
                Some(columns) if !self.any_written(model, &columns, goes, is_left)? => {}
                _ => return Ok(false),
            }
        }
        self.is_out_of_reach(reached)
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
            let table = self.models.iter().find(|(other, _)| *other == model);
            every = (0..table.map_or(0, |(_, table)| table.columns().len())).collect();
            &every[..]
        } else {
            columns
        };
        let mut rows = updated(self.changes, model, changing);
        rows.extend(inserted(self.changes, model));
        for row in self.written(model, rows) {
            let value = self.changes.new_key_bytes(model, row.slot, columns)?;
            if is_such(value, (model, row.slot)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing that is written refers to a row that goes, or changes, because other rows do.
    /// Which rows these are is not known, so only references to new rows are sure not to.
    fn is_out_of_reach(&self, mut reached: Vec<Reached>) -> Result<bool, Error> {
        let mut next = 0;
        while let Some(of) = reached.get(next).cloned() {
            for foreign_key in self.constraints.foreign_keys.iter().filter(|f| f.parent == of.table)
            {
                if !of.goes && !foreign_key.parent_columns.iter().any(|c| of.columns.contains(c)) {
                    continue;
                }
                for (model, table) in self.models_of(foreign_key.child) {
                    let Some(columns) = positions(table, &foreign_key.child_columns) else {
                        return Ok(false);
                    };
                    // A reference to a new row that has its key already is not told from others.
                    let is_known = |value: KeyBytes, _| value.is_some();
                    if self.any_written(model, &columns, true, is_known)? {
                        return Ok(false);
                    }
                }
                let action = if of.goes { foreign_key.on_delete } else { foreign_key.on_update };
                let further = Reached::new(foreign_key, of.goes && action == Action::Cascade);
                if action.acts() && !reached.contains(&further) {
                    reached.push(further);
                }
            }
            next += 1;
        }
        Ok(true)
    }
}

/// A table of which rows go, or change in some columns, because others do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reached {
    table: u32,
    columns: Vec<String>,
    goes: bool,
}

impl Reached {
    fn new(foreign_key: &ForeignKeyConstraint, goes: bool) -> Reached {
        let columns = foreign_key.child_columns.clone();
        Reached { table: foreign_key.child, columns, goes }
    }
}
