//! The cells of many rows at once.

use std::any::TypeId;

use bytes::BytesMut;

use super::{CellValue, ChangeSet, NewCell, Survey, UNKNOWN_KEY_BYTES};
use crate::arena::{Encoded, Frame};
use crate::assignments::Assignments;
use crate::error::{Error, ErrorKind};
use crate::handle::AnyHandle;
use crate::model::Source;

/// Some columns of some rows of one table.
#[derive(Clone, Copy)]
pub(crate) struct CellRange<'r> {
    pub(crate) table: usize,
    pub(crate) rows: &'r [u32],
    pub(crate) columns: &'r [usize],
}

impl ChangeSet<'_> {
    /// Looks at every cell of the new rows of a table before anything is written: appends the size
    /// of each row, and calls `left` for every cell that is left to the database.
    ///
    /// # Errors
    ///
    /// When a cell refers to an entity that is not there, and when a value cannot be encoded.
    pub(crate) fn survey(
        &self,
        table: usize,
        sizes: &mut Vec<u32>,
        mut left: impl FnMut(u32, usize),
    ) -> Result<(), Error> {
        let (model, slots) = self.slots_of(table);
        let arena = &self.arenas[model];
        let (mut buffer, mut parents) = (BytesMut::new(), NewParents::default());
        let mut open = |row: usize, column: usize, source: Option<Source>| {
            if let Some(Source::Pending { entity, .. }) = source {
                if parents.find(self, entity.handle).is_some() {
                    return Ok(UNKNOWN_KEY_BYTES);
                }
            }
            let place = self.place(NewCell { table, row: row as u32, column });
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
            if survey.is_default && arena.table().columns()[column].is_optional() {
                left(row as u32, column);
            }
            Ok(survey.bytes)
        };
        arena.measure(slots, sizes, &mut open)
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
        let CellRange { table, rows, columns } = range;
        let (model, of_table) = self.slots_of(table);
        // Where foreign keys follow keys that change, what an entity says of itself is not what it is
        // to become: without a slot, every cell is open.
        let follows = !self.followed.is_empty() && table >= self.tables.len();
        let slot = |&row: &u32| if follows { u32::MAX } else { of_table[row as usize] };
        let mut slots = rows.iter().map(slot);
        let is_key = |column| self.arenas[model].table().key().contains(&column);
        let mut parents = NewParents::default();
        let mut take = |at: usize, column: usize, source: Option<Source>, out: &mut BytesMut| {
            let cell = NewCell { table, row: rows[at], column };
            // Nearly all open cells are keys that have been assigned by now.
            let key = match source {
                Some(Source::Default) => assigned.get(table, column, cell.row),
                Some(Source::Pending { entity, part }) => parents
                    .find(self, entity.handle)
                    .and_then(|(table, key, row)| assigned.get(table, *key.get(part)?, row)),
                _ => None,
            };
            if let Some(Some(key)) = key {
                out.extend_from_slice(key);
                return Ok(true);
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

/// Finds the new rows that references lead to. Mostly all references of a column lead to one table,
/// which is remembered.
#[derive(Default)]
struct NewParents {
    last: Option<(TypeId, usize)>,
}

impl NewParents {
    /// The table, its key, and the row, if the entity is new. It is in the unit of work then.
    fn find(
        &mut self,
        changes: &ChangeSet<'_>,
        entity: AnyHandle,
    ) -> Option<(usize, &'static [usize], u32)> {
        let table = match self.last {
            Some((model, table)) if model == entity.model => table,
            _ => {
                let model = changes.arenas.get_index_of(&entity.model)?;
                let table = changes.table_of_model[model]?;
                self.last = Some((entity.model, table));
                table
            }
        };
        let rows = &changes.tables[table];
        let row = rows.row_of(entity.slot).filter(|_| entity.stamp == changes.stamp)?;
        Some((table, rows.table().key(), row))
    }
}
