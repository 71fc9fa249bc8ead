//! `PlannedTable`: what is known of the new rows of one table before anything is written.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexSet;

use crate::change_set::ChangeSet;
use crate::error::Error;
use crate::model::Table;
use crate::resolution::Resolution;

/// A column that the database could supply, with the number of new rows that give the column a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalColumn {
    /// The column's position in [`Table::columns`].
    pub column: usize,
    /// The number of rows that give the column a value. The other rows leave the column to the
    /// database.
    pub given: usize,
}

/// The new rows of one table.
#[derive(Debug, Clone)]
pub struct PlannedTable {
    table: &'static Table,
    rows: usize,
    /// None if it does not matter, and was not asked for.
    bytes: Option<usize>,
    optional: Vec<OptionalColumn>,
    /// The sets of columns that rows leave to the database. There is at least one.
    left: Vec<Vec<usize>>,
    /// For each row its set's position in `left`; empty where there is one set.
    left_of_row: Vec<u32>,
    /// The size of each row, where they are large together.
    row_bytes: Option<Vec<u32>>,
    /// How the rows are found, where they may be there already.
    resolution: Option<Arc<Resolution>>,
}

/// The sets of columns that rows leave to the database, as they come up row by row.
#[derive(Default)]
struct LeftSets {
    sets: IndexSet<Vec<usize>>,
    /// For each row its set; empty as long as there is one set.
    of_row: Vec<u32>,
    /// The row at hand, what it leaves so far, and the set of the one before.
    row: u32,
    left: Vec<usize>,
    last: usize,
}

impl LeftSets {
    fn push(&mut self, row: u32, column: usize) {
        self.end(row);
        self.left.push(column);
    }

    /// Ends the rows before this one.
    fn end(&mut self, row: u32) {
        while self.row < row {
            if self.sets.get_index(self.last) != Some(&self.left) {
                self.last = match self.sets.get_index_of(&self.left) {
                    Some(set) => set,
                    None => self.sets.insert_full(self.left.clone()).0,
                };
                if self.sets.len() == 2 && self.of_row.is_empty() {
                    self.of_row = vec![0; self.row as usize];
                }
            }
            if self.sets.len() > 1 {
                self.of_row.push(self.last as u32);
            }
            self.left.clear();
            self.row += 1;
        }
    }
}

/// The order of rows that are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrder {
    /// Rows stay in their order: a group ends where the next row belongs to another.
    Kept,
    /// Rows may change places: each set of columns has one group.
    Free,
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
    /// Looks at the new rows of a table: at every cell, or, where their sizes do not matter, at those
    /// that can be left to the database or refer to others.
    ///
    /// # Errors
    ///
    /// A reference to an entity that is not there; a value that cannot be encoded.
    pub(crate) fn survey(
        changes: &ChangeSet<'_>,
        index: usize,
        needs_bytes: bool,
    ) -> Result<PlannedTable, Error> {
        let (table, rows) = (changes.tables()[index].table(), changes.tables()[index].len());
        let (mut row_bytes, mut left) = (Vec::with_capacity(rows), LeftSets::default());
        let mut counts = vec![0; table.columns().len()];
        let refers = |column: &usize| table.foreign_keys().any(|fk| fk.columns.contains(column));
        let is_looked_at = |column: &usize| {
            needs_bytes || table.columns()[*column].is_optional() || refers(column)
        };
        let columns: Vec<usize> = (0..table.columns().len()).filter(is_looked_at).collect();
        changes.survey(index, &columns, &mut row_bytes, |row, column| {
            counts[column] += 1;
            left.push(row, column);
        })?;
        left.end(rows as u32);
        let bytes = row_bytes.iter().map(|&bytes| bytes as usize).sum();
        let optional = (0..counts.len()).filter(|&column| table.columns()[column].is_optional());
        Ok(PlannedTable {
            table,
            rows,
            bytes: needs_bytes.then_some(bytes),
            optional: optional
                .map(|column| OptionalColumn { column, given: rows - counts[column] })
                .collect(),
            left: left.sets.into_iter().collect(),
            left_of_row: left.of_row,
            row_bytes: (needs_bytes && bytes > SMALL).then_some(row_bytes),
            resolution: changes.tables()[index].resolution().cloned(),
        })
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns how the rows are found, where they may be there already.
    pub(crate) fn resolution(&self) -> Option<&Arc<Resolution>> {
        self.resolution.as_ref()
    }

    /// Returns the number of new rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the size of the values of the new rows, in bytes and as they are sent. A key that is yet
    /// to be assigned counts 0 bytes in its own row, and 4 bytes in each row that refers to it.
    ///
    /// The size is 0 in a commit whose strategy does not use it, as with `OneTrip`.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.unwrap_or(0)
    }

    /// The same with its sizes, also where they were not asked for.
    ///
    /// # Errors
    ///
    /// A value that cannot be encoded.
    pub(crate) fn measured(
        &self,
        changes: &ChangeSet<'_>,
        index: usize,
    ) -> Result<Cow<'_, PlannedTable>, Error> {
        match self.bytes {
            Some(_) => Ok(Cow::Borrowed(self)),
            None => PlannedTable::survey(changes, index, true).map(Cow::Owned),
        }
    }

    /// Returns the columns that the database could supply, in the table's order.
    #[must_use]
    pub fn optional_columns(&self) -> &[OptionalColumn] {
        &self.optional
    }

    /// Returns the number of rows that leave this column to the database.
    #[must_use]
    pub fn left_to_database(&self, column: usize) -> usize {
        let optional = self.optional.iter().find(|optional| optional.column == column);
        optional.map_or(0, |optional| self.rows - optional.given)
    }

    /// Returns the columns that every row leaves to the database.
    pub(crate) fn left_by_all(&self) -> Vec<usize> {
        self.optional.iter().filter(|left| left.given == 0).map(|left| left.column).collect()
    }

    /// Returns the columns that the database assigns to some of the rows, as it does keys.
    pub(crate) fn assigned_columns(&self) -> impl Iterator<Item = usize> {
        let is_assigned = |column: &usize| {
            self.table.columns()[*column].assigned_by().is_some()
                && self.left_to_database(*column) > 0
        };
        (0..self.table.columns().len()).filter(is_assigned)
    }

    /// Returns the columns that a row leaves to the database, in the table's order.
    pub(crate) fn left_by(&self, row: u32) -> &[usize] {
        let set = self.left_of_row.get(row as usize).copied().unwrap_or(0);
        &self.left[set as usize]
    }

    /// Returns the number of different sets of columns that rows leave to the database.
    pub(crate) fn sets(&self) -> usize {
        self.left.len()
    }

    /// Some rows, grouped by the columns that they leave to the database. `leaves` says which
    /// columns count.
    pub(crate) fn groups(
        &self,
        rows: &[u32],
        order: GroupOrder,
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
                Some(last) if order == GroupOrder::Kept => (last.left == *left).then_some(last),
                _ if order == GroupOrder::Kept => None,
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
        let Some(row_bytes) = self.row_bytes.as_ref().filter(|_| self.bytes() > max_bytes) else {
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
