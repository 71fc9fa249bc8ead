//! Brings what an insert has returned to the rows that it belongs to.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::BytesMut;

use super::answer::Answer;
use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellValue, ChangeSet};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::PlannedTable;
use crate::model::{SqlType, Table};

/// The columns that an insert of some rows has returned.
pub(super) struct ReturnedRows<'a> {
    /// The table of the rows.
    pub(super) planned: &'a PlannedTable,
    /// The position of the table among the new ones.
    pub(super) table: usize,
    /// The rows that were sent.
    pub(super) sent: &'a [u32],
    /// The columns that were returned, among them those of the key.
    pub(super) columns: &'a [usize],
    /// What has come back.
    pub(super) answer: Answer<'a>,
}

impl ReturnedRows<'_> {
    /// Stages the columns that the rows have left to the database.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RowMismatch`] when other rows came back than were sent; [`ErrorKind::Decode`] when a
    /// column has another type than the model says.
    pub(super) fn assign(
        &self,
        changes: &ChangeSet<'_>,
        assigned: &mut Assignments,
    ) -> Result<(), Error> {
        let ReturnedRows { planned, table, sent, columns, answer } = *self;
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
                let cell = CellAt { rows: RowsOf::New(table), row, column };
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
                let is_unassigned = assigned.get(RowsOf::New(table), column, row).is_none();
                if is_unassigned && planned.left_by(row).contains(&column) {
                    assigned.set(RowsOf::New(table), column, row, returned[index][at]);
                }
            }
        }
        Ok(())
    }
}

/// Returns the error for rows that were sent and are not there.
pub(super) fn not_all_stored(sent: usize, stored: u64) -> Error {
    let message = format!(
        "of {sent} rows sent, {stored} were stored: a trigger, a rule or a policy has interfered"
    );
    Error::new(ErrorKind::RowMismatch, message)
}

/// Returns bytes that are the same for values that are equal: 1.5 is 1.50 for `numeric`.
///
/// Its binary form has the number of digits, four to a digit, the weight of the first, the sign, the
/// number of decimal places to show, and the digits. Zeros in front and behind say nothing.
fn canonical(ty: SqlType, value: &[u8]) -> Cow<'_, [u8]> {
    let (true, Some((header, digits))) = (ty == SqlType::NUMERIC, value.split_at_checked(8)) else {
        return Cow::Borrowed(value);
    };
    let mut digits: Vec<&[u8]> = digits.chunks(2).collect();
    let mut weight = i16::from_be_bytes([header[2], header[3]]);
    while digits.last() == Some(&&[0, 0][..]) {
        digits.pop();
    }
    while digits.first() == Some(&&[0, 0][..]) {
        digits.remove(0);
        weight = weight.wrapping_sub(1);
    }
    if digits.is_empty() {
        weight = 0;
    }
    let bytes = [&weight.to_be_bytes()[..], &header[4..6], &digits.concat()].concat();
    Cow::Owned(bytes)
}

/// The parts of a key, as [canonical] bytes.
type ReturnedKey<'a> = Vec<Option<Cow<'a, [u8]>>>;

/// Finds the returned row of a key.
struct KeyMatch<'a> {
    /// The types of the parts of the key.
    types: Vec<SqlType>,
    /// The returned columns that make up the key.
    key: Vec<&'a [Option<&'a [u8]>]>,
    /// The returned rows by their keys, once a row has come back out of order.
    by_key: Option<HashMap<ReturnedKey<'a>, usize>>,
}

impl<'a> KeyMatch<'a> {
    /// Returns a match of the rows that came back in these columns.
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
        let ty = |&column: &usize| description.columns()[column].ty();
        let types = description.key().iter().map(ty).collect();
        Ok(KeyMatch { types, key, by_key: None })
    }

    /// Returns the position of the returned row with this key; parts that are not known match anything.
    ///
    /// Rows mostly come back in the order in which they were sent, so that position is looked at
    /// first; but it is the key that decides.
    fn find(&mut self, position: usize, key: &[Option<Vec<u8>>]) -> Result<usize, Error> {
        let mut parts = key.iter().zip(&self.key);
        if parts.all(|(part, column)| part.is_none() || column[position] == part.as_deref()) {
            return Ok(position);
        }
        let (columns, types) = (&self.key, &self.types);
        let by_key = self.by_key.get_or_insert_with(|| {
            let rows = columns.first().map_or(0, |column| column.len());
            let key_of = |row: usize| {
                let parts = columns.iter().zip(types);
                parts.map(|(column, ty)| Some(canonical(*ty, column[row]?))).collect()
            };
            (0..rows).map(|row| (key_of(row), row)).collect()
        });
        let parts = key.iter().zip(types);
        let key: Vec<_> = parts.map(|(part, ty)| Some(canonical(*ty, part.as_deref()?))).collect();
        by_key.get(&key).copied().ok_or_else(|| {
            let message = "a row came back with another key than it was sent with: a trigger has \
                           changed it, or its type stores it differently";
            Error::new(ErrorKind::RowMismatch, message)
        })
    }
}
