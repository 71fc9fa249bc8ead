//! `FlushPlan`: who is written before whom.

use std::fmt;
use std::sync::Arc;

use crate::change_set::ChangeSet;
use crate::error::Error;
use crate::planned_change::{PlannedDelete, PlannedUpdate};
use crate::planned_table::PlannedTable;
use crate::row_order::order_rows;
use crate::toposort::Graph;

/// Which circles of new rows a strategy can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cycles {
    /// None: a row's key is known only once the row is written.
    None,
    /// A row that refers to itself: its key is known before it is written.
    OneRow,
    /// All: everything is written in one statement, in any order.
    Any,
}

/// Rows of one table that can be written together, once the steps before are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    table: usize,
    rows: Vec<u32>,
}

impl Step {
    /// The table's position in [`FlushPlan::tables`].
    #[must_use]
    pub fn table(&self) -> usize {
        self.table
    }

    /// The rows, each after those of the same step that it refers to. A row is named by its
    /// position among the new rows of its table, in the order of `add`.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// The order in which new rows are written: parents before children, across tables and within one.
///
/// Plain data, without SQL. It prints itself:
///
/// ```text
/// 1. users: 100 rows
/// 2. addresses: 200 rows, after users
/// ```
#[derive(Debug, Clone, Default)]
pub struct FlushPlan {
    tables: Arc<[PlannedTable]>,
    steps: Vec<Step>,
    updates: Arc<[PlannedUpdate]>,
    deletes: Arc<[PlannedDelete]>,
    changed_bytes: usize,
}

impl FlushPlan {
    /// Orders a change set, whose tables have been [surveyed](PlannedTable::survey).
    ///
    /// Tables are ordered by their declared foreign keys. Only tables that refer to themselves or
    /// to each other are ordered row by row.
    ///
    /// # Errors
    ///
    /// A circle of rows that `cycles` does not allow; a reference to an entity that is not there;
    /// a value that cannot be encoded.
    pub(crate) fn new(
        changes: &ChangeSet<'_>,
        tables: Arc<[PlannedTable]>,
        cycles: Cycles,
    ) -> Result<FlushPlan, Error> {
        let references = table_references(changes);
        let mut steps = Vec::new();
        for component in Graph::new(tables.len(), &references).components() {
            let linked = component.len() > 1
                || references.contains(&(component[0], component[0])) && cycles != Cycles::Any;
            if linked && cycles != Cycles::Any {
                let runs = order_rows(changes, &component, cycles == Cycles::OneRow)?;
                steps.extend(runs.into_iter().map(|(table, rows)| Step { table, rows }));
            } else {
                steps.extend(component.iter().map(|&table| Step {
                    table: table as usize,
                    rows: (0..tables[table as usize].rows() as u32).collect(),
                }));
            }
        }
        Ok(FlushPlan {
            tables,
            steps,
            updates: PlannedUpdate::survey(changes).into(),
            deletes: PlannedDelete::survey(changes).into(),
            changed_bytes: changes.changed_bytes(),
        })
    }

    /// The tables with new rows, in the order of their first appearance in the unit of work.
    #[must_use]
    pub fn tables(&self) -> &[PlannedTable] {
        &self.tables
    }

    /// The steps, in an order in which they can be written.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The number of new rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tables.iter().map(PlannedTable::rows).sum()
    }

    /// What is updated in rows that the database has.
    #[must_use]
    pub fn updates(&self) -> &[PlannedUpdate] {
        &self.updates
    }

    /// What is deleted.
    #[must_use]
    pub fn deletes(&self) -> &[PlannedDelete] {
        &self.deletes
    }

    /// The number of rows that are updated.
    #[must_use]
    pub fn updated_rows(&self) -> usize {
        self.updates.iter().map(PlannedUpdate::rows).sum()
    }

    /// The number of rows that are deleted.
    #[must_use]
    pub fn deleted_rows(&self) -> usize {
        self.deletes.iter().map(PlannedDelete::rows).sum()
    }

    /// The size of all values that are written, in bytes; see [`PlannedTable::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(PlannedTable::bytes).sum::<usize>() + self.changed_bytes
    }

    /// Whether rows of this step can refer to others of the same step, so that their order counts
    /// where they are written by several statements.
    pub(crate) fn is_ordered(&self, step: &Step) -> bool {
        let table = self.tables[step.table].table();
        table.foreign_keys().any(|foreign_key| foreign_key.target.is(table))
    }
}

impl fmt::Display for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        self.write_changes(f, &mut number, false)?;
        for (index, step) in self.steps.iter().enumerate() {
            let table = self.tables[step.table].table();
            number += 1;
            write!(f, "{number}. {}: {}", table.name(), counted(step.rows.len()))?;
            let mut separator = ", after ";
            for (position, parent) in self.tables.iter().enumerate() {
                let written = self.steps[..index].iter().any(|step| step.table == position);
                let refers = table.foreign_keys().any(|fk| fk.target.is(parent.table()));
                if written && refers && position != step.table {
                    write!(f, "{separator}{}", parent.table().name())?;
                    separator = ", ";
                }
            }
            writeln!(f)?;
        }
        self.write_changes(f, &mut number, true)
    }
}

impl FlushPlan {
    /// Prints the changes that come before the new rows, or the late ones, which come after.
    fn write_changes(
        &self,
        f: &mut fmt::Formatter<'_>,
        number: &mut usize,
        is_late: bool,
    ) -> fmt::Result {
        let updates = self.updates.iter().filter(|update| update.is_late() == is_late);
        let updates = updates.map(|update| {
            let (table, rows) = (update.table().name(), counted(update.rows()));
            format!("{table}: update {} of {rows}", update.column_names())
        });
        let deletes = self.deletes.iter().filter(|delete| delete.is_late() == is_late);
        let deletes = deletes
            .map(|delete| format!("{}: delete {}", delete.table().name(), counted(delete.rows())));
        // What a late update leaves is deleted after it.
        let lines: Vec<String> = match is_late {
            true => updates.chain(deletes).collect(),
            false => deletes.chain(updates).collect(),
        };
        for line in lines {
            *number += 1;
            writeln!(f, "{number}. {line}")?;
        }
        Ok(())
    }
}

/// Such as `1 row` or `2 rows`.
pub(crate) fn counted(rows: usize) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

/// Which table refers to which, among those with new rows, as declared.
fn table_references(changes: &ChangeSet<'_>) -> Vec<(u32, u32)> {
    let mut references = Vec::new();
    for (child, rows) in changes.tables().iter().enumerate() {
        for foreign_key in rows.table().foreign_keys() {
            for (parent, other) in changes.tables().iter().enumerate() {
                if foreign_key.target.is(other.table()) {
                    references.push((child as u32, parent as u32));
                }
            }
        }
    }
    references
}
