//! `PlannedTable`: what is known of the new rows of one table before anything is written.

use bytes::BytesMut;
use indexmap::IndexSet;

use crate::change_set::{ChangeSet, NewCell};
use crate::error::Error;
use crate::model::Table;

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
    bytes: usize,
    optional: Vec<OptionalColumn>,
    /// The sets of columns that rows leave to the database. There is at least one.
    left: Vec<Vec<usize>>,
    /// For each row its set's position in `left`; empty where there is one set.
    left_of_row: Vec<u32>,
    /// The size of each row, where they are large together.
    row_bytes: Option<Vec<u32>>,
}

/// Rows that leave the same columns to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowGroup {
    /// The columns, in the table's order.
    pub(crate) left: Vec<usize>,
    pub(crate) rows: Vec<u32>,
}

/// Below this size, a table is never split by the size of its rows.
const SMALL: usize = 1 << 20;

impl PlannedTable {
    /// Looks at every cell of the new rows of a table.
    ///
    /// # Errors
    ///
    /// A reference to an entity that is not there; a value that cannot be encoded.
    pub(crate) fn survey(changes: &ChangeSet<'_>, index: usize) -> Result<PlannedTable, Error> {
        let (table, rows) = (changes.tables()[index].table(), changes.tables()[index].len());
        let columns = table.columns();
        let mut given = vec![0; columns.len()];
        let mut sets = IndexSet::new();
        let (mut left_of_row, mut row_bytes) = (Vec::new(), Vec::with_capacity(rows));
        let (mut buffer, mut left) = (BytesMut::new(), Vec::new());
        let (mut total, mut last_set) = (0, 0);
        for row in 0..rows as u32 {
            buffer.clear();
            left.clear();
            let mut bytes = 0;
            for (column, description) in columns.iter().enumerate() {
                let survey = changes.survey(NewCell { table: index, row, column }, &mut buffer)?;
                bytes += survey.bytes;
                if description.is_optional() {
                    if survey.is_default {
                        left.push(column);
                    } else {
                        given[column] += 1;
                    }
                }
            }
            total += bytes;
            row_bytes.push(u32::try_from(bytes).unwrap_or(u32::MAX));
            if sets.get_index(last_set) != Some(&left) {
                last_set = match sets.get_index_of(&left) {
                    Some(set) => set,
                    None => sets.insert_full(left.clone()).0,
                };
                if sets.len() == 2 && left_of_row.is_empty() {
                    left_of_row = vec![0; row as usize];
                }
            }
            if sets.len() > 1 {
                left_of_row.push(last_set as u32);
            }
        }
        let optional = (0..columns.len()).filter(|&column| columns[column].is_optional());
        Ok(PlannedTable {
            table,
            rows,
            bytes: total,
            optional: optional
                .map(|column| OptionalColumn { column, given: given[column] })
                .collect(),
            left: sets.into_iter().collect(),
            left_of_row,
            row_bytes: (total > SMALL).then_some(row_bytes),
        })
    }

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

    /// The size of the values of the new rows, in bytes and as they are sent. Keys that are yet to
    /// be assigned count for nothing in their own row, and 4 bytes where they are referred to.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
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

    /// The columns that the database assigns to some of the rows, as it does keys.
    pub(crate) fn assigned_columns(&self) -> impl Iterator<Item = usize> {
        let is_assigned = |column: &usize| {
            self.table.columns()[*column].assigned_by().is_some()
                && self.left_to_database(*column) > 0
        };
        (0..self.table.columns().len()).filter(is_assigned)
    }

    /// The columns that a row leaves to the database, in the table's order.
    pub(crate) fn left_by(&self, row: u32) -> &[usize] {
        let set = self.left_of_row.get(row as usize).copied().unwrap_or(0);
        &self.left[set as usize]
    }

    /// Some rows, grouped by the columns that they leave to the database. `leaves` says which
    /// columns count.
    ///
    /// Where `in_order` is asked for, a group ends where the next row belongs to another.
    pub(crate) fn groups(
        &self,
        rows: &[u32],
        in_order: bool,
        leaves: impl Fn(usize) -> bool,
    ) -> Vec<RowGroup> {
        let counting: Vec<Vec<usize>> = self
            .left
            .iter()
            .map(|left| left.iter().copied().filter(|&column| leaves(column)).collect())
            .collect();
        let mut groups: Vec<RowGroup> = Vec::new();
        if counting.iter().all(|left| *left == counting[0]) {
            groups.push(RowGroup { left: counting[0].clone(), rows: rows.to_vec() });
            return groups;
        }
        for &row in rows {
            let left = &counting[self.left_of_row[row as usize] as usize];
            let known = match groups.last_mut() {
                Some(last) if in_order => (last.left == *left).then_some(last),
                _ if in_order => None,
                _ => groups.iter_mut().find(|group| group.left == *left),
            };
            match known {
                Some(group) => group.rows.push(row),
                None => groups.push(RowGroup { left: left.clone(), rows: vec![row] }),
            }
        }
        groups
    }

    /// Splits rows into parts of at most so many rows and bytes. A row that is larger alone has a
    /// part of its own.
    pub(crate) fn parts<'r>(
        &self,
        rows: &'r [u32],
        max_rows: usize,
        max_bytes: usize,
    ) -> Vec<&'r [u32]> {
        let Some(row_bytes) = self.row_bytes.as_ref().filter(|_| self.bytes > max_bytes) else {
            return rows.chunks(max_rows).collect();
        };
        let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
        for (at, &row) in rows.iter().enumerate() {
            let size = row_bytes[row as usize] as usize;
            if at > start && (at - start == max_rows || bytes + size > max_bytes) {
                parts.push(&rows[start..at]);
                (start, bytes) = (at, 0);
            }
            bytes += size;
        }
        if start < rows.len() {
            parts.push(&rows[start..]);
        }
        parts
    }
}
