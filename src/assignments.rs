//! `Assignments`: values that the database has assigned to new rows, before anyone gets to see
//! them.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

/// The values of one column of the new rows of one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssignedColumn {
    /// The values, each after its length.
    bytes: BytesMut,
    /// For each row where its value starts, or one of the two below.
    cells: Vec<usize>,
}

impl AssignedColumn {
    /// The value of a row, if there is one; `Some(None)` is NULL.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> Option<Option<&[u8]>> {
        match *self.cells.get(row as usize)? {
            UNKNOWN => None,
            NULL => Some(None),
            start => {
                let (len, rest) = self.bytes[start..].split_first_chunk()?;
                Some(Some(&rest[..u32::from_be_bytes(*len) as usize]))
            }
        }
    }

    fn cell_mut(&mut self, row: u32) -> &mut usize {
        let row = row as usize;
        if self.cells.len() <= row {
            self.cells.resize(row + 1, UNKNOWN);
        }
        &mut self.cells[row]
    }
}

const UNKNOWN: usize = usize::MAX;
const NULL: usize = usize::MAX - 1;

/// Values by table, column and row. Tables and rows are those of a
/// [`ChangeSet`](crate::change_set::ChangeSet).
#[derive(Debug, Default)]
pub(crate) struct Assignments {
    /// Shared only once everything is assigned.
    tables: Vec<Vec<Option<Arc<AssignedColumn>>>>,
}

impl Assignments {
    /// Stages a value; `None` is NULL. A later value replaces an earlier one.
    ///
    /// # Panics
    ///
    /// When the value is 4 GiB or longer: the server sends none that is.
    pub(crate) fn set(&mut self, table: usize, column: usize, row: u32, raw: Option<&[u8]>) {
        let column = self.column_mut(table, column);
        *column.cell_mut(row) = match raw {
            None => NULL,
            Some(raw) => {
                let start = column.bytes.len();
                column.bytes.put_u32(u32::try_from(raw.len()).expect("values are below 4 GiB"));
                column.bytes.put_slice(raw);
                start
            }
        };
    }

    /// Stages the values of some rows, which stand one after the other, each after its length, as in
    /// an array of the server; the length of NULL is below 0. Gives the number of NULLs, and nothing
    /// where there is not one value for each row.
    pub(crate) fn set_all(
        &mut self,
        table: usize,
        column: usize,
        rows: impl Iterator<Item = u32>,
        values: &[u8],
    ) -> Option<usize> {
        let column = self.column_mut(table, column);
        let base = column.bytes.len();
        column.bytes.extend_from_slice(values);
        // Mostly the rows are all that there are, from the first on.
        let room = rows.size_hint().1.unwrap_or_default();
        column.cells.resize(column.cells.len().max(room), UNKNOWN);
        let (mut rest, mut nulls) = (values, 0);
        for row in rows {
            let start = base + values.len() - rest.len();
            let (len, after) = rest.split_first_chunk()?;
            (*column.cell_mut(row), rest) = match usize::try_from(i32::from_be_bytes(*len)) {
                Ok(len) => (start, after.get(len..)?),
                Err(_) => {
                    nulls += 1;
                    (NULL, after)
                }
            };
        }
        rest.is_empty().then_some(nulls)
    }

    /// The value, if there is one; `Some(None)` is NULL.
    #[inline]
    pub(crate) fn get(&self, table: usize, column: usize, row: u32) -> Option<Option<&[u8]>> {
        self.tables.get(table)?.get(column)?.as_ref()?.get(row)
    }

    /// The values of a column, if each of so many rows has one that is not NULL.
    pub(crate) fn whole_column(
        &self,
        table: usize,
        column: usize,
        rows: usize,
    ) -> Option<Arc<AssignedColumn>> {
        let column = self.tables.get(table)?.get(column)?.as_ref()?;
        let is_value = |&start: &usize| start != UNKNOWN && start != NULL;
        let is_whole = column.cells.len() == rows && column.cells.iter().all(is_value);
        is_whole.then(|| Arc::clone(column))
    }

    fn column_mut(&mut self, table: usize, column: usize) -> &mut AssignedColumn {
        if self.tables.len() <= table {
            self.tables.resize_with(table + 1, Vec::new);
        }
        let columns = &mut self.tables[table];
        if columns.len() <= column {
            columns.resize_with(column + 1, || None);
        }
        Arc::make_mut(columns[column].get_or_insert_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_with_its_row() {
        let mut assignments = Assignments::default();
        assert_eq!(assignments.get(0, 0, 0), None);
        assert_eq!(assignments.get(1, 2, 3), None);
        assignments.set(1, 2, 3, Some(b"three"));
        assignments.set(1, 2, 0, Some(b""));
        assignments.set(1, 2, 1, None);
        assert_eq!(assignments.get(1, 2, 3), Some(Some(&b"three"[..])));
        assert_eq!(assignments.get(1, 2, 0), Some(Some(&b""[..])));
        assert_eq!(assignments.get(1, 2, 1), Some(None));
        assert_eq!(assignments.get(1, 2, 2), None);
        assert_eq!(assignments.get(1, 0, 0), None);
        assignments.set(1, 2, 3, Some(b"four"));
        assert_eq!(assignments.get(1, 2, 3), Some(Some(&b"four"[..])));
    }

    #[test]
    fn values_of_many_rows_are_one_for_each() {
        let values = b"\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0";
        let mut assignments = Assignments::default();
        assignments.set(0, 0, 1, Some(b"before"));
        assert_eq!(assignments.set_all(0, 0, [3, 0, 1].into_iter(), values), Some(1));
        assert_eq!(assignments.get(0, 0, 3), Some(Some(&b"a"[..])));
        assert_eq!(assignments.get(0, 0, 0), Some(None));
        assert_eq!(assignments.get(0, 0, 1), Some(Some(&b""[..])));
        assert_eq!(assignments.get(0, 0, 2), None);
        for (rows, values) in [(2, &values[..]), (4, values), (3, &values[..11]), (1, &values[..4])]
        {
            assert_eq!(assignments.set_all(0, 0, 0..rows, values), None);
        }
    }
}
