//! `WriteBack`: what a flush gives back to the entities of one model, staged until it is certain.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use crate::assignments::AssignedColumn;
use crate::model::Cell;

/// For each row, in the order in which the rows were added, the cells of some columns.
#[derive(Debug)]
pub(crate) struct WriteBack {
    /// The number of rows.
    rows: usize,
    /// The columns, by their position in the table.
    columns: Vec<usize>,
    /// The columns whose cells are values that the database has assigned, in every row.
    assigned: Vec<(usize, Arc<AssignedColumn>)>,
    /// The other columns, for which each row has its cells one after the other, each after its
    /// length: a million rows cost little more than their bytes.
    staged: Vec<usize>,
    /// The cells of the staged columns.
    cells: BytesMut,
}

impl WriteBack {
    /// Returns a write-back of so many rows. `staged` are the columns whose cells are to be
    /// appended; those of the `assigned` ones are there.
    pub(crate) fn new(
        staged: Vec<usize>,
        assigned: Vec<(usize, Arc<AssignedColumn>)>,
        rows: usize,
    ) -> WriteBack {
        // Room for integers: growing while it fills would hold everything twice.
        let cells = BytesMut::with_capacity(staged.len() * rows * 2 * size_of::<i32>());
        let columns = assigned.iter().map(|&(column, _)| column).chain(staged.iter().copied());
        WriteBack { rows, columns: columns.collect(), assigned, staged, cells }
    }

    /// Returns the columns, by their position in the table.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Returns the place where cells are appended, each after its length.
    pub(crate) fn cells_mut(&mut self) -> &mut BytesMut {
        &mut self.cells
    }

    /// Appends a cell that says that the entity keeps what it has.
    pub(crate) fn push_absent(&mut self) {
        self.cells.put_i32(ABSENT);
    }

    /// Appends a cell that is NULL.
    pub(crate) fn push_null(&mut self) {
        self.cells.put_i32(NULL);
    }

    /// Appends the value of a cell.
    ///
    /// # Panics
    ///
    /// When the value is 2 GiB or longer: the server sends none that is.
    pub(crate) fn push_value(&mut self, raw: &[u8]) {
        let len = i32::try_from(raw.len()).expect("values are shorter than 2 GiB");
        self.cells.put_i32(len);
        self.cells.put_slice(raw);
    }

    /// Returns a cursor before the first row.
    pub(crate) fn rows(&self) -> Rows<'_> {
        let len = self.columns.iter().map(|column| column + 1).max().unwrap_or(0);
        Rows { write_back: self, row: 0, rest: &self.cells, cells: vec![Cell::Absent; len] }
    }
}

/// Stands in a cell's length for "the entity keeps what it has".
pub(crate) const ABSENT: i32 = -2;
const NULL: i32 = -1;

/// A cursor over the rows of a [`WriteBack`].
pub(crate) struct Rows<'a> {
    /// The rows that are read.
    write_back: &'a WriteBack,
    /// The number of rows read.
    row: usize,
    /// The staged cells that are not read yet.
    rest: &'a [u8],
    /// By the position of the column in the table.
    cells: Vec<Cell<'a>>,
}

impl<'a> Rows<'a> {
    /// Moves to the next row, and returns `false` after the last one.
    pub(crate) fn advance(&mut self) -> bool {
        let WriteBack { rows, assigned, staged, .. } = self.write_back;
        if self.row == *rows {
            return false;
        }
        for (column, values) in assigned {
            if let Some(Some(value)) = values.get(self.row as u32) {
                self.cells[*column] = Cell::Value(value);
            }
        }
        for &column in staged {
            let Some((len, rest)) = self.rest.split_first_chunk() else { return false };
            self.rest = rest;
            let cell = match i32::from_be_bytes(*len) {
                ABSENT => Cell::Absent,
                NULL => Cell::Null,
                len => {
                    let (value, rest) = self.rest.split_at(len as usize);
                    self.rest = rest;
                    Cell::Value(value)
                }
            };
            self.cells[column] = cell;
        }
        self.row += 1;
        true
    }

    /// Returns the cells of the row, by the position of the column in the table.
    pub(crate) fn cells(&self) -> &[Cell<'a>] {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignments::Assignments;
    use crate::assignments::RowsOf;

    #[test]
    fn cells_come_back_in_order() {
        let mut assigned = Assignments::default();
        assigned.set(RowsOf::New(0), 1, 1, Some(b"second"));
        assert!(
            assigned.whole_column(RowsOf::New(0), 1, 2).is_none(),
            "it has no value for the first row"
        );
        assigned.set(RowsOf::New(0), 1, 0, None);
        assert!(assigned.whole_column(RowsOf::New(0), 1, 2).is_none(), "NULL is not a value");
        assigned.set(RowsOf::New(0), 1, 0, Some(b"first"));
        assert!(
            assigned.whole_column(RowsOf::New(0), 1, 3).is_none(),
            "it has no value for the third row"
        );
        let whole = Arc::clone(assigned.whole_column(RowsOf::New(0), 1, 2).unwrap());

        let mut write_back = WriteBack::new(vec![3, 0], vec![(1, whole)], 2);
        assert_eq!(write_back.columns(), [1, 3, 0]);
        write_back.push_value(b"a");
        write_back.push_null();
        write_back.push_absent();
        write_back.push_value(b"");
        let mut rows = write_back.rows();
        assert!(rows.advance());
        assert!(matches!(rows.cells()[3], Cell::Value(b"a")));
        assert!(matches!(rows.cells()[0], Cell::Null));
        assert!(matches!(rows.cells()[1], Cell::Value(b"first")));
        assert!(matches!(rows.cells()[2], Cell::Absent), "nothing is said of this column");
        assert!(rows.advance());
        assert!(matches!(rows.cells()[3], Cell::Absent));
        assert!(matches!(rows.cells()[0], Cell::Value(b"")));
        assert!(matches!(rows.cells()[1], Cell::Value(b"second")));
        assert!(!rows.advance());
    }
}
