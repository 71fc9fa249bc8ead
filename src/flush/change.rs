//! `Change`: a step that updates or deletes rows, and what is common to the two.

use crate::change_set::ChangedRows;
use crate::flush_plan::{DeleteStep, UpdateStep};
use crate::model::Table;

/// A step that changes rows that are there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// Sets columns of rows, or sets rows aside.
    Update(&'a UpdateStep),
    /// Deletes rows.
    Delete(&'a DeleteStep),
}

impl Change<'_> {
    /// Returns the table of the rows.
    pub(crate) fn table(&self) -> &'static Table {
        match self {
            Change::Update(step) => step.table(),
            Change::Delete(step) => step.table(),
        }
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Change::Update(step) => step.len(),
            Change::Delete(step) => step.len(),
        }
    }

    /// Returns the position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed).
    pub(crate) fn changed(&self) -> usize {
        match self {
            Change::Update(step) => step.changed,
            Change::Delete(step) => step.changed,
        }
    }

    /// Returns the slots of the entities, row by row.
    pub(crate) fn slots(&self, rows: &ChangedRows<'_>) -> Vec<u32> {
        match self {
            Change::Update(step) => step.rows.iter().map(|&row| rows.slot_of(row)).collect(),
            Change::Delete(step) => step.slots.clone(),
        }
    }

    /// Returns the word for the change in messages: `update` or `delete`.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Change::Update(_) => "update",
            Change::Delete(_) => "delete",
        }
    }

    /// Returns the columns that are read back: those that the database can set in updated rows, and
    /// the key of rows that are set aside.
    pub(crate) fn read_back(&self) -> Vec<usize> {
        let Change::Update(step) = self else { return Vec::new() };
        let (table, columns) = (step.table(), step.table().columns());
        if step.is_detour() {
            return step.columns().filter(|column| table.key().contains(column)).collect();
        }
        let is_set = |column: &usize| {
            columns[*column].has_server_default() && !table.key().contains(column)
                || columns[*column].is_version()
        };
        (0..columns.len()).filter(is_set).collect()
    }
}
