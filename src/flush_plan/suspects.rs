//! `Suspects`: the tables of which the database has to be asked before one statement is trusted.
//!
//! Foreign keys act when a *statement* ends: `ON DELETE CASCADE` deletes what refers to the value
//! that a row had. Where another row has taken the value by then, or new rows refer to it, one
//! statement leaves something else than its steps one after the other.

use std::collections::HashSet;

use super::links::models;
use super::rows::{deleted, inserted, updated};
use crate::change_set::ChangeSet;
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
    /// Tables with new rows that are not in the order in which they refer to each other: a trigger that
    /// runs before a row is inserted would look in vain for what it refers to.
    pub(crate) merged: Vec<&'static Table>,
    /// All tables that are written, where a row takes the key that another gives up: a trigger that
    /// runs when the statement ends would take the one for the other.
    pub(crate) replaced: Vec<&'static Table>,
    /// All tables that are written. Where one is a view or a partition, foreign keys and triggers are
    /// those of another.
    pub(crate) written: Vec<&'static Table>,
}

impl Suspects {
    /// Returns what foreign keys make suspect, without triggers.
    pub(crate) fn of_foreign_keys(&self) -> Suspects {
        Suspects { merged: Vec::new(), replaced: Vec::new(), ..self.clone() }
    }

    /// Finds what has to be asked for, if anything has.
    pub(super) fn find(
        changes: &ChangeSet<'_>,
        merged: Vec<&'static Table>,
    ) -> Result<Option<Suspects>, Error> {
        let changed = changes.changed();
        let has_deletes = changed.iter().any(|rows| !rows.deleted().is_empty());
        let has_updates = changed.iter().any(|rows| !rows.updated().is_empty());
        let has_writes = has_updates || !changes.tables().is_empty();
        let mut suspects = Suspects { merged, ..Suspects::default() };
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
        let is_any = !suspects.merged.is_empty()
            || !suspects.deleted.is_empty()
            || !suspects.updated.is_empty()
            || !suspects.replaced.is_empty();
        suspects.written = models(changes).into_iter().map(|(_, table)| table).collect();
        Ok(is_any.then_some(suspects))
    }
}

/// Returns `true` if a row takes the key that another gives up.
fn passes_keys_on(changes: &ChangeSet<'_>) -> Result<bool, Error> {
    for (model, table) in models(changes) {
        let key = table.key();
        let mut given_up = HashSet::new();
        let givers = deleted(changes, model).into_iter().chain(updated(changes, model, key));
        for row in givers {
            given_up.extend(changes.key_bytes(row.entity, key)?);
        }
        if given_up.is_empty() {
            continue;
        }
        // A model may name the schema that another leaves to the search path.
        let is_same = |other: &&'static Table| other.name() == table.name();
        for (other, same) in models(changes).into_iter().filter(|(_, other)| is_same(other)) {
            let takers = updated(changes, other, same.key());
            for row in takers.into_iter().chain(inserted(changes, other)) {
                let key = changes.new_key_bytes(row.entity, same.key())?;
                if key.is_some_and(|key| given_up.contains(&key)) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}
