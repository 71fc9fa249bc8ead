//! `Assignments`: values that the database has assigned to new rows, before anyone gets to see
//! them.

use bytes::BytesMut;

/// The values of one column of the new rows of one table.
#[derive(Debug, Default)]
struct AssignedColumn {
    bytes: BytesMut,
    /// For each row where its value starts, and its length; a negative length is none of the two.
    cells: Vec<(usize, i32)>,
}

const UNKNOWN: i32 = -2;
const NULL: i32 = -1;

/// Values by table, column and row. Tables and rows are those of a
/// [`ChangeSet`](crate::change_set::ChangeSet).
#[derive(Debug, Default)]
pub(crate) struct Assignments {
    tables: Vec<Vec<Option<AssignedColumn>>>,
}

impl Assignments {
    /// Stages a value; `None` is NULL. A later value replaces an earlier one.
    ///
    /// # Panics
    ///
    /// When the value is 2 GiB or longer: the server sends none that is.
    pub(crate) fn set(&mut self, table: usize, column: usize, row: u32, raw: Option<&[u8]>) {
        if self.tables.len() <= table {
            self.tables.resize_with(table + 1, Vec::new);
        }
        let columns = &mut self.tables[table];
        if columns.len() <= column {
            columns.resize_with(column + 1, || None);
        }
        let column = columns[column].get_or_insert_default();
        let row = row as usize;
        if column.cells.len() <= row {
            column.cells.resize(row + 1, (0, UNKNOWN));
        }
        column.cells[row] = match raw {
            None => (0, NULL),
            Some(raw) => {
                let len = i32::try_from(raw.len()).expect("values are shorter than 2 GiB");
                column.bytes.extend_from_slice(raw);
                (column.bytes.len() - raw.len(), len)
            }
        };
    }

    /// The value, if there is one; `Some(None)` is NULL.
    pub(crate) fn get(&self, table: usize, column: usize, row: u32) -> Option<Option<&[u8]>> {
        let column = self.tables.get(table)?.get(column)?.as_ref()?;
        match *column.cells.get(row as usize)? {
            (_, UNKNOWN) => None,
            (_, NULL) => Some(None),
            (start, len) => Some(Some(&column.bytes[start..start + len as usize])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_with_its_row() {
        let mut assignments = Assignments::default();
        assert_eq!(assignments.get(0, 0, 0), None);
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
}
