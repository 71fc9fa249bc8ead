//! The cells of many rows at once.

use std::any::TypeId;

use bytes::BytesMut;

use super::{CellAt, CellValue, ChangeSet, NewRows, Survey, UNKNOWN_KEY_BYTES};
use crate::arena::{CellSource, Encoded, Frame};
use crate::assignments::{Assignments, RowsOf};
use crate::error::{Error, ErrorKind};
use crate::handle::AnyHandle;
use crate::model::{Column, Encoder, Source};

/// Some columns of some rows of one table.
#[derive(Clone, Copy)]
pub(crate) struct CellRange<'r> {
    pub(crate) of: RowsOf,
    /// Their positions.
    pub(crate) rows: &'r [u32],
    pub(crate) columns: &'r [CellSource<'r>],
}

impl ChangeSet<'_> {
    /// Looks at the cells of the new rows of a table before anything is written: appends the size
    /// of each row, and calls `left` for every cell that is left to the database. Some columns can do
    /// where the sizes do not matter.
    ///
    /// # Errors
    ///
    /// When a cell refers to an entity that is not there, and when a value cannot be encoded.
    pub(crate) fn survey(
        &self,
        table: usize,
        columns: &[usize],
        sizes: &mut Vec<u32>,
        mut left: impl FnMut(u32, usize),
    ) -> Result<(), Error> {
        let of = RowsOf::New(table);
        let (model, slots) = self.slots_of(of);
        let arena = &self.arenas[model];
        let (mut buffer, mut parents) = (BytesMut::new(), NewParents::new(self));
        let is_optional: Vec<bool> =
            arena.table().columns().iter().map(Column::is_optional).collect();
        let mut open = |row: usize, column: usize, source: Option<Source>| {
            // Nearly all open cells are keys that are to be assigned, of rows of this very commit.
            match source {
                Some(Source::Default) if is_optional[column] => {
                    left(row as u32, column);
                    return Ok(0);
                }
                Some(Source::Pending { entity, part })
                    if parents.find(entity.handle, part).is_some() =>
                {
                    return Ok(UNKNOWN_KEY_BYTES);
                }
                _ => {}
            }
            let place = self.place(CellAt { rows: of, row: row as u32, column });
            let mut survey = Survey { is_default: true, bytes: 0 };
            match source {
                Some(source) => self.survey_source(place, source, &mut survey)?,
                None => {
                    buffer.clear();
                    self.each_source(place, &mut buffer, |source| {
                        self.survey_source(place, source, &mut survey)
                    })?;
                }
            }
            if survey.is_default && is_optional[column] {
                left(row as u32, column);
            }
            Ok(survey.bytes)
        };
        arena.measure(slots, columns, sizes, &mut open)
    }

    /// Appends cells as [`Frame`] says, up to its limit. `open` decides what becomes of those that
    /// have no value yet, by the position in `range.rows`; it appends one, or says that it is NULL.
    ///
    /// # Errors
    ///
    /// Those of [`value`](ChangeSet::value), and of `open`.
    pub(crate) fn encode_cells(
        &self,
        range: CellRange<'_>,
        frame: Frame<'_>,
        assigned: &Assignments,
        out: &mut BytesMut,
        open: &mut dyn FnMut(usize, usize, CellValue) -> Result<(), Error>,
    ) -> Result<Encoded, Error> {
        let CellRange { of, rows, columns } = range;
        let (model, slots_of_rows) = self.slots_of(of);
        // Where foreign keys follow keys that change, what an entity says of itself is not what it is
        // to become: without a slot, every cell is open.
        let follows = !self.followed.is_empty() && matches!(of, RowsOf::Changed(_));
        let slot = |row: u32| if follows { u32::MAX } else { slots_of_rows[row as usize] };
        let mut slots = rows.iter().map(|&row| (row, slot(row)));
        let is_key = |column| self.arenas[model].table().key().contains(&column);
        let mut parents = NewParents::new(self);
        let mut take = |at: usize, column: usize, source: Option<Source>, out: &mut BytesMut| {
            let cell = CellAt { rows: of, row: rows[at], column };
            // Nearly all open cells are keys that have been assigned by now, or that will be by the
            // statement that is being made.
            let key = match source {
                Some(Source::Default) => Some(cell),
                Some(Source::Pending { entity, part }) => parents.find(entity.handle, part),
                _ => None,
            };
            if let Some(key) = key {
                match assigned.get(key.rows, key.column, key.row) {
                    Some(Some(key)) => {
                        out.extend_from_slice(key);
                        return Ok(true);
                    }
                    None if key != cell && self.is_left(key, out) => {
                        return open(at, column, CellValue::Unassigned(key)).map(|()| false);
                    }
                    _ => {}
                }
            }
            let value = match source {
                Some(source) => self.resolve(self.place(cell), source, assigned, out)?,
                None => self.value(cell, assigned, out)?,
            };
            match value {
                CellValue::Value => Ok(true),
                CellValue::Null if frame.omits_known && is_key(column) => {
                    let message = "the key that the database assigned is NULL";
                    Err(self.error(self.place(cell), ErrorKind::RowMismatch, message))
                }
                CellValue::Null => Ok(false),
                value => open(at, column, value).map(|()| false),
            }
        };
        self.arenas[model].encode_cells(&mut slots, columns, frame, out, &mut take)
    }
}

impl ChangeSet<'_> {
    /// Returns `true` if the one field of a cell leaves it to the database. `scratch` stays as it
    /// is.
    fn is_left(&self, cell: CellAt, scratch: &mut BytesMut) -> bool {
        let (start, place) = (scratch.len(), self.place(cell));
        let mut encoder = Encoder::new(scratch);
        self.arenas[place.entity.model].encode(place.entity.slot, place.column, &mut encoder);
        let is_left = encoder.single() == Some(Source::Default);
        scratch.truncate(start);
        is_left
    }
}

/// Finds the new rows that references lead to. Mostly all references of a column lead to one table,
/// which is remembered.
struct NewParents<'c> {
    changes: &'c ChangeSet<'c>,
    last: Option<ParentTable<'c>>,
}

struct ParentTable<'c> {
    model: TypeId,
    table: usize,
    rows: &'c NewRows<'c>,
    key: &'static [usize],
    /// All new rows of the model are among these.
    is_only: bool,
}

impl<'c> NewParents<'c> {
    fn new(changes: &'c ChangeSet<'c>) -> NewParents<'c> {
        NewParents { changes, last: None }
    }

    /// Returns the cell of the key that is meant, if the entity is new. It is in the unit of work
    /// then.
    #[inline]
    fn find(&mut self, entity: AnyHandle, part: usize) -> Option<CellAt> {
        if self.last.as_ref().is_none_or(|last| last.model != entity.model || !last.is_only) {
            let model = self.changes.arenas.get_index_of(&entity.model)?;
            let tables = &self.changes.tables_of_model[model];
            let of_entity = |&&table: &&usize| {
                tables.len() == 1 || self.changes.tables[table].row_of(entity.slot).is_some()
            };
            let table = *tables.iter().find(of_entity)?;
            let rows = &self.changes.tables[table];
            let is_only = tables.len() == 1;
            let (model, key) = (entity.model, rows.table().key());
            self.last = Some(ParentTable { model, table, rows, key, is_only });
        }
        let ParentTable { table, rows, key, .. } = self.last.as_ref()?;
        if entity.stamp != self.changes.stamp {
            return None;
        }
        let (row, column) = (rows.row_of(entity.slot)?, *key.get(part)?);
        Some(CellAt { rows: RowsOf::New(*table), row, column })
    }
}
