//! `Auto`: one statement while it fits, bulk beyond.

use crate::flush_plan::PlannedTable;

/// Writes a commit of up to 20,000 new rows and 8 MiB of their values as one statement, and a larger
/// commit step by step, with the inserts of [`Copy`](struct@crate::Copy).
///
/// Rows that refer to each other in a circle take one statement, whatever their size. A commit that the
/// server cannot write in one statement, or that would have another effect as one statement, is written
/// step by step, whatever its size.
///
/// ```
/// use onetrip::{Auto, UnitOfWork};
///
/// fn unit_of_work(client: &mut postgres::Client) -> UnitOfWork<'_> {
///     UnitOfWork::new(client).with_strategy(Auto::new().max_rows(5_000))
/// }
/// # let _ = unit_of_work;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Auto {
    /// The most new rows in one statement.
    max_rows: usize,
    /// The most bytes of their values.
    max_bytes: usize,
}

/// The largest commit that is written by one statement. The server stores a row of it a little more
/// slowly than one of a `COPY`, and from here on that outweighs the further round trips of a `COPY`
/// over a link of some milliseconds. `DESIGN.md` has the figures.
const MAX_ROWS: usize = 20_000;

/// The most bytes of values in one statement, which client and server hold in memory several times.
const MAX_BYTES: usize = 8 << 20;

/// Slices of arrays of text are cut out by counting from the first element on, so that many rows
/// take time that grows with their square.
const ARRAY_ROWS: usize = 1_000;

/// Each set of columns that rows leave to their defaults is an insert of its own in the one statement.
/// The server takes about 0.2 ms to plan one.
const MAX_SETS: usize = 64;

impl Auto {
    /// Returns the strategy with its usual limits.
    #[must_use]
    pub const fn new() -> Auto {
        Auto { max_rows: MAX_ROWS, max_bytes: MAX_BYTES }
    }

    /// Sets the largest number of new rows that are written in one statement.
    #[must_use]
    pub const fn max_rows(mut self, rows: usize) -> Auto {
        self.max_rows = rows;
        self
    }

    /// Sets the most bytes that the values of new rows written in one statement can have.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Auto {
        self.max_bytes = bytes;
        self
    }

    /// Returns `true` if so many new rows are few enough for one statement, so that their size
    /// decides.
    pub(super) fn needs_bytes(&self, rows: usize) -> bool {
        rows <= self.max_rows
    }

    /// Returns `true` if one statement is the best way to write these rows, by their number and
    /// size.
    pub(super) fn fits(&self, tables: &[PlannedTable]) -> bool {
        let rows: usize = tables.iter().map(PlannedTable::rows).sum();
        let bytes: usize = tables.iter().map(PlannedTable::bytes).sum();
        let has_arrays = |planned: &&PlannedTable| {
            planned.table().columns().iter().any(|column| column.ty().is_array())
        };
        let array_rows: usize = tables.iter().filter(has_arrays).map(PlannedTable::rows).sum();
        let sets: usize = tables.iter().map(PlannedTable::sets).sum();
        rows <= self.max_rows
            && bytes <= self.max_bytes
            && array_rows <= ARRAY_ROWS
            && sets <= MAX_SETS + tables.len()
    }
}

impl Default for Auto {
    fn default() -> Auto {
        Auto::new()
    }
}

/// Whether the sizes of new rows are looked at, for which every value is encoded once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// In any case.
    Needed,
    /// Where the strategy asks for them.
    IfAsked,
}
