//! `Assignments`: values that the database has assigned to new rows, before anyone gets to see
//! them.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

/// Values by rows, column and row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignments {
    /// The columns of new rows, by the position in `ChangeSet::tables`.
    new: Vec<AssignedColumns>,
    /// The columns of changed rows, by the position in `ChangeSet::changed`.
    changed: Vec<AssignedColumns>,
    /// The new rows that were there already: the position of their table, and theirs.
    found: Vec<(usize, u32)>,
}

/// The values of the columns of some rows, shared only once everything is assigned.
type AssignedColumns = Vec<Option<Arc<AssignedColumn>>>;

/// Rows of one model that a flush writes: those of a [`ChangeSet`](crate::change_set::ChangeSet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RowsOf {
    /// New rows, by the position in `ChangeSet::tables`.
    New(usize),
    /// Rows that are updated or deleted, by the position in `ChangeSet::changed`.
    Changed(usize),
}

impl Assignments {
    /// Stages a value; `None` is NULL. A later value replaces an earlier one.
    ///
    /// # Panics
    ///
    /// When the value is 4 GiB or longer: the server sends none that is.
    pub(crate) fn set(&mut self, of: RowsOf, column: usize, row: u32, raw: Option<&[u8]>) {
        let column = self.column_mut(of, column);
        *column.start_mut(row) = match raw {
            None => NULL,
            Some(raw) => {
                let start = column.bytes.len();
                column.bytes.put_u32(u32::try_from(raw.len()).expect("values are below 4 GiB"));
                column.bytes.put_slice(raw);
                start
            }
        };
    }

    /// Notes that a new row was there already.
    pub(crate) fn note_found(&mut self, table: usize, row: u32) {
        self.found.push((table, row));
    }

    /// Returns the rows of a table that were there already.
    pub(crate) fn found(&self, table: usize) -> impl Iterator<Item = u32> {
        self.found.iter().filter(move |(other, _)| *other == table).map(|&(_, row)| row)
    }

    /// Stages the values of some rows, and returns the number of NULLs; `None` where there is not
    /// one value for each row. The values stand one after the other, each after its length, as in
    /// an array of the server; the length of NULL is below 0.
    pub(crate) fn set_all(
        &mut self,
        of: RowsOf,
        column: usize,
        rows: impl Iterator<Item = u32> + Clone,
        values: &[u8],
    ) -> Option<usize> {
        let column = self.column_mut(of, column);
        let base = column.bytes.len();
        column.bytes.extend_from_slice(values);
        // Mostly they are all rows, in their order, and the values are keys of a fixed size.
        let count = rows.clone().count();
        let is_first = matches!(&column.places, Places::Each(starts) if starts.is_empty());
        if is_first && rows.clone().eq(0..count as u32) {
            if let Some(places) = Places::even(count, values) {
                column.places = places;
                return Some(0);
            }
        }
        let (mut rest, mut nulls) = (values, 0);
        for row in rows {
            let start = base + values.len() - rest.len();
            let (len, after) = rest.split_first_chunk()?;
            (*column.start_mut(row), rest) = match usize::try_from(i32::from_be_bytes(*len)) {
                Ok(len) => (start, after.get(len..)?),
                Err(_) => {
                    nulls += 1;
                    (NULL, after)
                }
            };
        }
        rest.is_empty().then_some(nulls)
    }

    /// Returns the value of a cell, if there is one; `Some(None)` is NULL.
    #[inline]
    pub(crate) fn get(&self, of: RowsOf, column: usize, row: u32) -> Option<Option<&[u8]>> {
        self.columns(of)?.get(column)?.as_ref()?.get(row)
    }

    /// Returns the values of a column, if each of `rows` rows has one that is not NULL.
    pub(crate) fn whole_column(
        &self,
        of: RowsOf,
        column: usize,
        rows: usize,
    ) -> Option<&Arc<AssignedColumn>> {
        let column = self.columns(of)?.get(column)?.as_ref()?;
        column.is_whole(rows).then_some(column)
    }

    /// Returns the columns of these rows, if any has been assigned.
    #[inline]
    fn columns(&self, of: RowsOf) -> Option<&AssignedColumns> {
        match of {
            RowsOf::New(at) => self.new.get(at),
            RowsOf::Changed(at) => self.changed.get(at),
        }
    }

    /// Returns the values of a column, with room for them.
    fn column_mut(&mut self, of: RowsOf, column: usize) -> &mut AssignedColumn {
        let (all, at) = match of {
            RowsOf::New(at) => (&mut self.new, at),
            RowsOf::Changed(at) => (&mut self.changed, at),
        };
        if all.len() <= at {
            all.resize_with(at + 1, Vec::new);
        }
        let columns = &mut all[at];
        if columns.len() <= column {
            columns.resize_with(column + 1, || None);
        }
        Arc::make_mut(columns[column].get_or_insert_default())
    }
}

/// The values of one column of the new rows of one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssignedColumn {
    /// The values, each after its length.
    bytes: BytesMut,
    /// Where in them the value of each row is.
    places: Places,
}

/// Where the values are.
#[derive(Debug, Clone)]
enum Places {
    /// So many rows have a value each, one after the other and, with their lengths, of one size.
    Even { rows: usize, size: usize },
    /// For each row where its value starts, or one of the two below.
    Each(Vec<usize>),
}

const UNKNOWN: usize = usize::MAX;
const NULL: usize = usize::MAX - 1;

impl Default for Places {
    fn default() -> Places {
        Places::Each(Vec::new())
    }
}

impl Places {
    /// Returns the places of values that stand one after the other, if all values are of one size.
    fn even(rows: usize, values: &[u8]) -> Option<Places> {
        let size = values.len().checked_div(rows)?;
        let len = i32::try_from(size.checked_sub(LENGTH)?).ok()?.to_be_bytes();
        let is_even = values.len() == rows * size
            && values.chunks_exact(size).all(|value| value.starts_with(&len));
        is_even.then_some(Places::Even { rows, size })
    }

    /// Returns the place of each row's value, and keeps the places in that form from now on.
    fn each(&mut self) -> &mut Vec<usize> {
        if let Places::Even { rows, size } = *self {
            *self = Places::Each((0..rows).map(|row| row * size).collect());
        }
        match self {
            Places::Each(starts) => starts,
            Places::Even { .. } => unreachable!("it has just been replaced"),
        }
    }
}

/// The size of a length.
const LENGTH: usize = size_of::<u32>();

impl AssignedColumn {
    /// Returns the value of a row, if there is one; `Some(None)` is NULL.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> Option<Option<&[u8]>> {
        let row = row as usize;
        match &self.places {
            Places::Even { rows, size } => {
                let start = row * size;
                (row < *rows).then(|| Some(&self.bytes[start + LENGTH..start + size]))
            }
            Places::Each(starts) => match *starts.get(row)? {
                UNKNOWN => None,
                NULL => Some(None),
                start => {
                    let (len, rest) = self.bytes[start..].split_first_chunk()?;
                    Some(Some(&rest[..u32::from_be_bytes(*len) as usize]))
                }
            },
        }
    }

    /// Returns the value of a row after its length.
    ///
    /// # Panics
    ///
    /// When it has none.
    #[inline]
    pub(crate) fn cell(&self, row: u32) -> &[u8] {
        let row = row as usize;
        match &self.places {
            Places::Even { size, .. } => &self.bytes[row * size..(row + 1) * size],
            Places::Each(starts) => {
                let cell = &self.bytes[starts[row]..];
                let len = cell.first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
                &cell[..LENGTH + len as usize]
            }
        }
    }

    /// Returns `true` if each of `rows` rows has a value that is not NULL.
    fn is_whole(&self, rows: usize) -> bool {
        match &self.places {
            Places::Even { rows: known, .. } => *known == rows,
            Places::Each(starts) => {
                let is_value = |&start: &usize| start != UNKNOWN && start != NULL;
                starts.len() == rows && starts.iter().all(is_value)
            }
        }
    }

    /// Returns the place of a row's value, with room for it.
    fn start_mut(&mut self, row: u32) -> &mut usize {
        let (row, starts) = (row as usize, self.places.each());
        if starts.len() <= row {
            starts.resize(row + 1, UNKNOWN);
        }
        &mut starts[row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: [RowsOf; 2] = [RowsOf::New(0), RowsOf::Changed(0)];

    #[test]
    fn a_value_stays_with_its_row() {
        let mut assignments = Assignments::default();
        assert_eq!(assignments.get(NEW[0], 0, 0), None);
        assert_eq!(assignments.get(NEW[1], 2, 3), None);
        assignments.set(NEW[1], 2, 3, Some(b"three"));
        assignments.set(NEW[1], 2, 0, Some(b""));
        assignments.set(NEW[1], 2, 1, None);
        assert_eq!(assignments.get(NEW[1], 2, 3), Some(Some(&b"three"[..])));
        assert_eq!(assignments.get(NEW[1], 2, 0), Some(Some(&b""[..])));
        assert_eq!(assignments.get(NEW[1], 2, 1), Some(None));
        assert_eq!(assignments.get(NEW[1], 2, 2), None);
        assert_eq!(assignments.get(NEW[1], 0, 0), None);
        assignments.set(NEW[1], 2, 3, Some(b"four"));
        assert_eq!(assignments.get(NEW[1], 2, 3), Some(Some(&b"four"[..])));
    }

    #[test]
    fn values_of_many_rows_are_one_for_each() {
        let values = b"\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0";
        let mut assignments = Assignments::default();
        assignments.set(NEW[0], 0, 1, Some(b"before"));
        assert_eq!(assignments.set_all(NEW[0], 0, [3, 0, 1].into_iter(), values), Some(1));
        assert_eq!(assignments.get(NEW[0], 0, 3), Some(Some(&b"a"[..])));
        assert_eq!(assignments.get(NEW[0], 0, 0), Some(None));
        assert_eq!(assignments.get(NEW[0], 0, 1), Some(Some(&b""[..])));
        assert_eq!(assignments.get(NEW[0], 0, 2), None);
        for (rows, values) in [(2, &values[..]), (4, values), (3, &values[..11]), (1, &values[..4])]
        {
            assert_eq!(assignments.set_all(NEW[0], 0, 0..rows, values), None);
        }
    }

    #[test]
    fn values_of_one_size_can_be_replaced_one_by_one() {
        let values = b"\0\0\0\x02aa\0\0\0\x02bb\0\0\0\x02cc";
        let mut assignments = Assignments::default();
        assert_eq!(assignments.set_all(NEW[0], 0, 0..3, values), Some(0));
        assert!(assignments.whole_column(NEW[0], 0, 3).is_some());
        assert!(assignments.whole_column(NEW[0], 0, 2).is_none());
        assert_eq!(assignments.get(NEW[0], 0, 2), Some(Some(&b"cc"[..])));
        assert_eq!(assignments.get(NEW[0], 0, 3), None);
        assignments.set(NEW[0], 0, 1, Some(b"b"));
        assignments.set(NEW[0], 0, 4, None);
        let all: Vec<_> = (0..5).map(|row| assignments.get(NEW[0], 0, row)).collect();
        let [a, b, c] = [&b"aa"[..], b"b", b"cc"].map(|value| Some(Some(value)));
        assert_eq!(all, [a, b, c, None, Some(None)]);
        assignments.set(NEW[0], 3, 4, None);
        assert_eq!(assignments.set_all(NEW[0], 3, 0..3, values), Some(0));
        assert_eq!(assignments.get(NEW[0], 3, 4), Some(None), "what was there stays");
        // Rows in another order are not those from the first on.
        assert_eq!(assignments.set_all(NEW[0], 1, [2, 0, 1].into_iter(), values), Some(0));
        assert_eq!(assignments.get(NEW[0], 1, 2), Some(Some(&b"aa"[..])));
        // One of the same size all in all.
        let values = b"\0\0\0\x01a\0\0\0\x03bbb";
        assert_eq!(assignments.set_all(NEW[0], 2, 0..2, values), Some(0));
        assert_eq!(assignments.get(NEW[0], 2, 1), Some(Some(&b"bbb"[..])));
    }
}
