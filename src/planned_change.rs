//! `PlannedUpdate` and `PlannedDelete`: what is known of the changed rows of a flush before anything
//! is written.

use crate::change_set::ChangeSet;
use crate::model::Table;

/// Rows of one table in which the same columns are updated.
#[derive(Debug, Clone)]
pub struct PlannedUpdate {
    table: &'static Table,
    columns: Vec<usize>,
    rows: usize,
    is_late: bool,
}

impl PlannedUpdate {
    pub(crate) fn survey(changes: &ChangeSet<'_>) -> Vec<PlannedUpdate> {
        let of_table = changes.changed().iter().flat_map(|changed| {
            changed.updates().iter().map(|group| PlannedUpdate {
                table: changed.table(),
                columns: group.columns.iter().map(|&(column, _)| column).collect(),
                rows: group.rows.len(),
                is_late: group.is_late,
            })
        });
        of_table.collect()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The columns that are written, by their position in [`Table::columns`].
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Their names, as a plan prints them.
    pub(crate) fn column_names(&self) -> String {
        let name = |&column: &usize| self.table.columns()[column].name();
        self.columns.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the rows refer to new ones, so that those have to be written first where it is not
    /// all one statement.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.is_late
    }
}

/// Rows of one table that are deleted.
#[derive(Debug, Clone)]
pub struct PlannedDelete {
    table: &'static Table,
    rows: usize,
    is_late: bool,
}

impl PlannedDelete {
    pub(crate) fn survey(changes: &ChangeSet<'_>) -> Vec<PlannedDelete> {
        let of_table = changes.changed().iter().flat_map(|changed| {
            changed.deletes().iter().map(|group| PlannedDelete {
                table: changed.table(),
                rows: group.slots.len(),
                is_late: group.is_late,
            })
        });
        of_table.collect()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether rows refer to these until a [late](PlannedUpdate::is_late) update.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.is_late
    }
}
