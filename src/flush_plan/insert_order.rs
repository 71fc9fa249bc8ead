//! The order of rows in tables that refer to themselves or to each other.

use std::collections::HashMap;

use bytes::BytesMut;

use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, ChangeSet, key_bytes};
use crate::error::{Error, ErrorKind};
use crate::model::Table;
use crate::toposort::Graph;

/// How many columns of a circle an error spells out.
const SHOWN: usize = 8;

/// When the keys of new rows are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysAre {
    /// Before any of the rows is written.
    Reserved,
    /// As each row is written.
    Returned,
}

/// Orders the new rows of these tables in runs of one table each, so that a row comes after those
/// that it refers to.
///
/// A row can refer to itself only where its key is known before it is written.
///
/// # Errors
///
/// A circle of rows; a value that cannot be encoded.
pub(crate) fn order_rows(
    changes: &ChangeSet<'_>,
    tables: &[u32],
    keys: KeysAre,
) -> Result<Vec<(usize, Vec<u32>)>, Error> {
    let mut rows = RowGraph::new(changes, tables);
    rows.index_given_keys()?;
    rows.collect_edges(keys)?;
    match Graph::new(rows.group_of.len(), &rows.edges).grouped_order(&rows.group_of) {
        Ok(runs) => Ok(runs
            .into_iter()
            .map(|(group, nodes)| {
                let first = rows.first[group as usize];
                (rows.tables[group as usize], nodes.into_iter().map(|node| node - first).collect())
            })
            .collect()),
        Err(cycle) => Err(rows.describe(&cycle)),
    }
}

/// The rows of some tables, numbered through, and which of them refers to which.
struct RowGraph<'a> {
    changes: &'a ChangeSet<'a>,
    /// The table of each group.
    tables: Vec<usize>,
    /// The number of the first row of each group.
    first: Vec<u32>,
    group_of: Vec<u32>,
    edges: Vec<(u32, u32)>,
    /// The column of each edge.
    columns: Vec<usize>,
    /// Rows whose whole key is given, by group and the bytes of the key.
    given: HashMap<(usize, Vec<u8>), u32>,
    is_given: Vec<bool>,
}

impl<'a> RowGraph<'a> {
    fn new(changes: &'a ChangeSet<'a>, tables: &[u32]) -> RowGraph<'a> {
        let (mut first, mut group_of) = (Vec::new(), Vec::new());
        for (group, &table) in (0_u32..).zip(tables) {
            first.push(group_of.len() as u32);
            let rows = changes.tables()[table as usize].len();
            group_of.extend(std::iter::repeat_n(group, rows));
        }
        RowGraph {
            changes,
            tables: tables.iter().map(|&table| table as usize).collect(),
            first,
            is_given: vec![false; group_of.len()],
            group_of,
            edges: Vec::new(),
            columns: Vec::new(),
            given: HashMap::new(),
        }
    }

    fn table(&self, group: usize) -> &'static Table {
        self.changes.tables()[self.tables[group]].table()
    }

    fn rows(&self, group: usize) -> std::ops::Range<u32> {
        0..self.changes.tables()[self.tables[group]].len() as u32
    }

    fn index_given_keys(&mut self) -> Result<(), Error> {
        for group in 0..self.tables.len() {
            for row in self.rows(group) {
                if let Some(key) = self.key_bytes(group, row, self.table(group).key())? {
                    let node = self.first[group] + row;
                    self.is_given[node as usize] = true;
                    self.given.insert((group, key), node);
                }
            }
        }
        Ok(())
    }

    /// Returns the bytes of these columns, if all of them have a known value.
    fn key_bytes(
        &self,
        group: usize,
        row: u32,
        columns: &[usize],
    ) -> Result<Option<Vec<u8>>, Error> {
        let none = Assignments::default();
        key_bytes(self.table(group), columns, |column, value| {
            let cell = CellAt { rows: RowsOf::New(self.tables[group]), row, column };
            self.changes.value(cell, &none, value)
        })
    }

    fn collect_edges(&mut self, keys: KeysAre) -> Result<(), Error> {
        for group in 0..self.tables.len() {
            for foreign_key in self.table(group).foreign_keys() {
                for row in self.rows(group) {
                    for parent in
                        self.parents(group, row, foreign_key.columns, foreign_key.target)?
                    {
                        let node = self.first[group] + row;
                        let writable = keys == KeysAre::Reserved || self.is_given[node as usize];
                        if node != parent || !writable {
                            self.edges.push((node, parent));
                            self.columns.push(foreign_key.columns[0]);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the rows that a foreign key of this row refers to: through handles, and through a
    /// key that was given to a new row.
    fn parents(
        &self,
        group: usize,
        row: u32,
        columns: &[usize],
        target: &Table,
    ) -> Result<Vec<u32>, Error> {
        let mut parents = Vec::new();
        let mut buffer = BytesMut::new();
        for &column in columns {
            buffer.clear();
            let cell = CellAt { rows: RowsOf::New(self.tables[group]), row, column };
            for parent in self.changes.new_parents(cell, &mut buffer)? {
                let group = self.tables.iter().position(|&table| RowsOf::New(table) == parent.rows);
                parents.extend(group.map(|group| self.first[group] + parent.row));
            }
        }
        if !self.given.is_empty() {
            if let Some(key) = self.key_bytes(group, row, columns)? {
                for other in (0..self.tables.len()).filter(|&group| self.table(group).is(target)) {
                    parents.extend(self.given.get(&(other, key.clone())));
                }
            }
        }
        parents.sort_unstable();
        parents.dedup();
        Ok(parents)
    }

    /// Returns the error for a circle, as `a.x → b.y → a`.
    fn describe(&self, cycle: &[u32]) -> Error {
        let table = |node: u32| self.table(self.group_of[node as usize] as usize);
        let mut text = String::new();
        for (index, &node) in cycle.iter().enumerate().take(SHOWN) {
            let next = cycle[(index + 1) % cycle.len()];
            let edge = self.edges.iter().position(|&edge| edge == (node, next));
            let column = edge.map_or("?", |edge| table(node).columns()[self.columns[edge]].name());
            text.push_str(&format!("{}.{column} → ", table(node).name()));
        }
        if cycle.len() > SHOWN {
            text.push_str(&format!("… ({} rows in all) → ", cycle.len()));
        }
        let first = table(cycle[0]).name();
        let message = format!(
            "new rows refer to each other in a circle, which this strategy cannot write: \
             {text}{first}"
        );
        Error::new(ErrorKind::Cycle, message).with_table(first)
    }
}
