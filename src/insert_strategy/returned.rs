//! Brings what a statement returned to the rows that it belongs to.

use std::collections::HashMap;

use bytes::BytesMut;

use crate::assignments::Assignments;
use crate::change_set::{CellValue, ChangeSet, NewCell};
use crate::error::{Error, ErrorKind};
use crate::model::Table;
use crate::planned_table::PlannedTable;
use crate::sql::Rows;

/// Stages the returned columns of `sent`, which are rows of one table.
pub(super) fn accept(
    changes: &ChangeSet<'_>,
    assigned: &mut Assignments,
    planned: &PlannedTable,
    table: usize,
    sent: &[u32],
    columns: &[usize],
    rows: &Rows,
) -> Result<(), Error> {
    let description = planned.table();
    if rows.len() != sent.len() {
        return Err(not_all_stored(sent.len(), rows.len() as u64));
    }
    let types = columns.iter().enumerate();
    let types: Vec<_> =
        types.map(|(at, &column)| (at, description.columns()[column].ty())).collect();
    rows.expect_types(&types)?;

    let mut matching = KeyMatch::new(description, columns, rows)?;
    let (mut buffer, mut key) = (BytesMut::new(), Vec::new());
    for (position, &row) in sent.iter().enumerate() {
        key.clear();
        let mut is_known = true;
        for &column in description.key() {
            buffer.clear();
            let cell = NewCell { table, row, column };
            match changes.value(cell, assigned, &mut buffer)? {
                CellValue::Value => key.push(Some(buffer.to_vec())),
                _ => {
                    is_known = false;
                    key.push(None);
                }
            }
        }
        if !is_known && sent.len() > 1 {
            let message = "several rows without known keys were sent in one statement, so what it \
                           returned cannot be told apart";
            return Err(Error::new(ErrorKind::RowMismatch, message));
        }
        let at = matching.find(position, &key)?;
        for (index, &column) in columns.iter().enumerate() {
            let is_open = assigned.get(table, column, row).is_none();
            if is_open && planned.left_by(row).contains(&column) {
                let raw = rows.raw(at, index);
                assigned.set(table, column, row, raw);
            }
        }
    }
    Ok(())
}

/// The error for rows that were sent and are not there.
pub(super) fn not_all_stored(sent: usize, stored: u64) -> Error {
    let message = format!(
        "of {sent} rows sent, {stored} were stored: a trigger, a rule or a policy has interfered"
    );
    Error::new(ErrorKind::RowMismatch, message)
}

/// Finds the returned row of a key.
struct KeyMatch<'a> {
    rows: &'a Rows,
    /// Where the columns of the key are in the result.
    key: Vec<usize>,
    by_key: Option<HashMap<Vec<Option<&'a [u8]>>, usize>>,
}

impl<'a> KeyMatch<'a> {
    fn new(description: &Table, columns: &[usize], rows: &'a Rows) -> Result<KeyMatch<'a>, Error> {
        let place = |key: &usize| columns.iter().position(|column| column == key);
        let key: Option<Vec<_>> = description.key().iter().map(place).collect();
        let Some(key) = key else {
            let message = "the strategy's statement did not return the columns of the key";
            return Err(Error::new(ErrorKind::RowMismatch, message));
        };
        Ok(KeyMatch { rows, key, by_key: None })
    }

    /// The returned row with this key; parts that are not known match anything.
    ///
    /// Rows mostly come back in the order in which they were sent, so that position is looked at
    /// first; but it is the key that decides.
    fn find(&mut self, position: usize, key: &[Option<Vec<u8>>]) -> Result<usize, Error> {
        let mut parts = key.iter().zip(&self.key);
        if parts.all(|(part, &at)| part.is_none() || self.rows.raw(position, at) == part.as_deref())
        {
            return Ok(position);
        }
        let by_key = self.by_key.get_or_insert_with(|| {
            let key_of = |row| self.key.iter().map(|&at| self.rows.raw(row, at)).collect();
            (0..self.rows.len()).map(|row| (key_of(row), row)).collect()
        });
        let key: Vec<_> = key.iter().map(Option::as_deref).collect();
        by_key.get(&key).copied().ok_or_else(|| {
            let message = "a row came back with another key than it was sent with: a trigger has \
                           changed it, or its type stores it differently";
            Error::new(ErrorKind::RowMismatch, message)
        })
    }
}
