//! `WriteBack`: what a flush gives back to the entities of one model, staged until it is certain.

use bytes::{BufMut, BytesMut};

use crate::model::Cell;

/// Stands in a cell's length for "the entity keeps what it has".
pub(crate) const ABSENT: i32 = -2;
const NULL: i32 = -1;

/// For each new row, in the order in which the rows were added, the cells of some columns.
///
/// The cells lie one after the other, each after its length, so that a million rows cost little
/// more than their bytes.
#[derive(Debug)]
pub(crate) struct WriteBack {
    columns: Vec<usize>,
    cells: BytesMut,
}

impl WriteBack {
    /// Starts a write-back of these columns, by position in the table, with room for so many rows
    /// of integers: growing while it fills would hold everything twice.
    pub(crate) fn new(columns: Vec<usize>, rows: usize) -> WriteBack {
        let cells = BytesMut::with_capacity(columns.len() * rows * 2 * size_of::<i32>());
        WriteBack { columns, cells }
    }

    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Where cells are appended, each after its length.
    pub(crate) fn cells_mut(&mut self) -> &mut BytesMut {
        &mut self.cells
    }

    /// The entity keeps what it has.
    pub(crate) fn push_absent(&mut self) {
        self.cells.put_i32(ABSENT);
    }

    pub(crate) fn push_null(&mut self) {
        self.cells.put_i32(NULL);
    }

    /// # Panics
    ///
    /// When the value is 2 GiB or longer: the server sends none that is.
    pub(crate) fn push_value(&mut self, raw: &[u8]) {
        let len = i32::try_from(raw.len()).expect("values are shorter than 2 GiB");
        self.cells.put_i32(len);
        self.cells.put_slice(raw);
    }

    /// Reads the rows from the first on.
    pub(crate) fn rows(&self) -> Rows<'_> {
        let len = self.columns.iter().map(|column| column + 1).max().unwrap_or(0);
        Rows { columns: &self.columns, rest: &self.cells, cells: vec![Cell::Absent; len] }
    }
}

/// A cursor over the rows of a [`WriteBack`].
pub(crate) struct Rows<'a> {
    columns: &'a [usize],
    rest: &'a [u8],
    /// By the position of the column in the table.
    cells: Vec<Cell<'a>>,
}

impl<'a> Rows<'a> {
    /// Moves to the next row; false after the last one.
    pub(crate) fn advance(&mut self) -> bool {
        for &column in self.columns {
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
        true
    }

    /// The cells of the row, by the position of the column in the table.
    pub(crate) fn cells(&self) -> &[Cell<'a>] {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_in_order() {
        let mut write_back = WriteBack::new(vec![3, 0], 2);
        write_back.push_value(b"a");
        write_back.push_null();
        write_back.push_absent();
        write_back.push_value(b"");
        let mut rows = write_back.rows();
        assert!(rows.advance());
        assert!(matches!(rows.cells()[3], Cell::Value(b"a")));
        assert!(matches!(rows.cells()[0], Cell::Null));
        assert!(matches!(rows.cells()[1], Cell::Absent));
        assert!(rows.advance());
        assert!(matches!(rows.cells()[3], Cell::Absent));
        assert!(matches!(rows.cells()[0], Cell::Value(b"")));
        assert!(!rows.advance());
    }
}
