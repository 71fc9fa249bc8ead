//! Brings what an insert has returned to the rows that it belongs to.

use std::collections::HashMap;

use bytes::BytesMut;

use super::answer::Answer;
use crate::assignments::Assignments;
use crate::change_set::{CellValue, ChangeSet, NewCell};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::PlannedTable;
use crate::model::Table;

/// Stages the returned columns of `sent`, which are rows of one table.
pub(super) fn accept(
    changes: &ChangeSet<'_>,
    assigned: &mut Assignments,
    planned: &PlannedTable,
    (table, sent): (usize, &[u32]),
    columns: &[usize],
    answer: Answer<'_>,
) -> Result<(), Error> {
    let description = planned.table();
    let mut returned = Vec::with_capacity(columns.len());
    for (at, &column) in columns.iter().enumerate() {
        let column = &description.columns()[column];
        let values = answer.column(at, column.ty());
        returned.push(values.map_err(|error| error.with_column(column.name()))?);
    }
    let rows = returned.first().map_or(0, Vec::len);
    if rows != sent.len() {
        return Err(not_all_stored(sent.len(), rows as u64));
    }
    let mut matching = KeyMatch::new(description, columns, &returned)?;
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
                assigned.set(table, column, row, returned[index][at]);
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
    /// The returned columns that make up the key.
    key: Vec<&'a [Option<&'a [u8]>]>,
    by_key: Option<HashMap<Vec<Option<&'a [u8]>>, usize>>,
}

impl<'a> KeyMatch<'a> {
    fn new(
        description: &Table,
        columns: &[usize],
        returned: &'a [Vec<Option<&'a [u8]>>],
    ) -> Result<KeyMatch<'a>, Error> {
        let place = |key: &usize| {
            let at = columns.iter().position(|column| column == key)?;
            Some(&returned[at][..])
        };
        let key: Option<Vec<_>> = description.key().iter().map(place).collect();
        let Some(key) = key else {
            let message = "the strategy's statement did not return the columns of the key";
            return Err(Error::new(ErrorKind::RowMismatch, message));
        };
        Ok(KeyMatch { key, by_key: None })
    }

    /// The returned row with this key; parts that are not known match anything.
    ///
    /// Rows mostly come back in the order in which they were sent, so that position is looked at
    /// first; but it is the key that decides.
    fn find(&mut self, position: usize, key: &[Option<Vec<u8>>]) -> Result<usize, Error> {
        let mut parts = key.iter().zip(&self.key);
        if parts.all(|(part, column)| part.is_none() || column[position] == part.as_deref()) {
            return Ok(position);
        }
        let columns = &self.key;
        let by_key = self.by_key.get_or_insert_with(|| {
            let rows = columns.first().map_or(0, |column| column.len());
            let key_of = |row: usize| columns.iter().map(|column| column[row]).collect();
            (0..rows).map(|row| (key_of(row), row)).collect()
        });
        let key: Vec<_> = key.iter().map(Option::as_deref).collect();
        by_key.get(&key).copied().ok_or_else(|| {
            let message = "a row came back with another key than it was sent with: a trigger has \
                           changed it, or its type stores it differently";
            Error::new(ErrorKind::RowMismatch, message)
        })
    }
}
