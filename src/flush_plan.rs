//! `FlushPlan`: who is written before whom.

use std::fmt;

use bytes::BytesMut;

use crate::change_set::{ChangeSet, NewCell, NewRows};
use crate::error::Error;
use crate::model::Table;
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

/// How many of a table's new rows give a column that the database could supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalColumn {
    /// The column's position in [`Table::columns`].
    pub column: usize,
    /// The number of rows that give it a value; the others leave it to the database.
    pub given: usize,
}

/// The new rows of one table.
#[derive(Debug, Clone)]
pub struct PlannedTable {
    table: &'static Table,
    rows: usize,
    optional: Vec<OptionalColumn>,
}

impl PlannedTable {
    /// The table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The number of new rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns that the database could supply, in the table's order.
    #[must_use]
    pub fn optional_columns(&self) -> &[OptionalColumn] {
        &self.optional
    }

    /// How many rows leave this column to the database.
    #[must_use]
    pub fn left_to_database(&self, column: usize) -> usize {
        let optional = self.optional.iter().find(|optional| optional.column == column);
        optional.map_or(0, |optional| self.rows - optional.given)
    }
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
#[derive(Debug, Clone)]
pub struct FlushPlan {
    tables: Vec<PlannedTable>,
    steps: Vec<Step>,
}

impl FlushPlan {
    /// Orders a change set.
    ///
    /// Tables are ordered by their declared foreign keys. Only tables that refer to themselves or
    /// to each other are ordered row by row.
    ///
    /// # Errors
    ///
    /// A circle of rows that `cycles` does not allow; a reference to an entity that is not there;
    /// a value that cannot be encoded.
    pub(crate) fn new(changes: &ChangeSet<'_>, cycles: Cycles) -> Result<FlushPlan, Error> {
        let tables = changes
            .tables()
            .iter()
            .enumerate()
            .map(|(index, rows)| planned_table(changes, index, rows))
            .collect::<Result<Vec<_>, Error>>()?;
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
                    rows: (0..tables[table as usize].rows as u32).collect(),
                }));
            }
        }
        Ok(FlushPlan { tables, steps })
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
        self.tables.iter().map(|table| table.rows).sum()
    }
}

impl fmt::Display for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let table = self.tables[step.table].table;
            let rows = step.rows.len();
            let plural = if rows == 1 { "" } else { "s" };
            write!(f, "{}. {}: {rows} row{plural}", index + 1, table.name())?;
            let mut separator = ", after ";
            for (position, parent) in self.tables.iter().enumerate() {
                let written = self.steps[..index].iter().any(|step| step.table == position);
                let refers = table.foreign_keys().any(|fk| fk.target.is(parent.table));
                if written && refers && position != step.table {
                    write!(f, "{separator}{}", parent.table.name())?;
                    separator = ", ";
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Counts what is left to the database, and finds references that lead nowhere.
fn planned_table(
    changes: &ChangeSet<'_>,
    table: usize,
    rows: &NewRows<'_>,
) -> Result<PlannedTable, Error> {
    let description = rows.table();
    let mut buffer = BytesMut::new();
    let mut optional = Vec::new();
    for (column, _) in description.columns().iter().enumerate().filter(|(_, c)| c.is_optional()) {
        let mut given = 0;
        for row in 0..rows.len() as u32 {
            buffer.clear();
            let cell = NewCell { table, row, column };
            given += usize::from(!changes.is_default(cell, &mut buffer)?);
        }
        optional.push(OptionalColumn { column, given });
    }
    for foreign_key in description.foreign_keys() {
        for row in 0..rows.len() as u32 {
            for &column in foreign_key.columns {
                buffer.clear();
                changes.check_references(NewCell { table, row, column }, &mut buffer)?;
            }
        }
    }
    Ok(PlannedTable { table: description, rows: rows.len(), optional })
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
