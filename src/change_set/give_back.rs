//! What entities get back of what was written.

use std::sync::Arc;

use bytes::BytesMut;

use super::{CellAt, CellRange, CellValue, ChangeSet, Place};
use crate::arena::{CellSource, Frame};
use crate::assignments::{Assignments, RowsOf};
use crate::error::{Error, ErrorKind};
use crate::model::Source;
use crate::write_back::WriteBack;

/// How much is given back to entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Keys, and the keys of what is referred to.
    Keys,
    /// The columns with server defaults as well.
    Everything,
}

impl ChangeSet<'_> {
    /// Returns what the entities of some rows get back: the values of the columns that the database
    /// assigned, and the keys of what they refer to. `left` are the columns that every new row
    /// leaves to the database.
    ///
    /// # Errors
    ///
    /// When a value that the database was to assign is not there.
    pub(crate) fn write_back(
        &self,
        rows: RowsOf,
        left: &[usize],
        assigned: &Assignments,
        extent: Extent,
    ) -> Result<WriteBack, Error> {
        let (model, slots) = self.slots_of(rows);
        let description = self.arenas[model].table();
        let is_found = match rows {
            RowsOf::New(table) => self.tables[table].resolution.is_some(),
            RowsOf::Changed(_) => false,
        };
        // What was found has all its values from the database.
        let is_new = matches!(rows, RowsOf::New(_)) && !is_found;
        let mut columns: Vec<_> =
            description.foreign_keys().flat_map(|fk| fk.columns).copied().collect();
        columns.extend(
            (0..description.columns().len()).filter(|&c| description.columns()[c].is_optional()),
        );
        if extent == Extent::Keys {
            columns.retain(|&column| {
                let is_key = description.key().contains(&column);
                is_key || !description.columns()[column].is_optional()
            });
        }
        if is_found && extent == Extent::Everything {
            columns.extend(0..description.columns().len());
        } else if !is_new {
            columns.extend(description.version());
        }
        columns.sort_unstable();
        columns.dedup();
        if is_new {
            // What the database has assigned in every row is there as it is needed. The other cells
            // are what the entities do not know themselves.
            let mut whole = Vec::new();
            columns.retain(|&column| {
                let values = left
                    .contains(&column)
                    .then(|| assigned.whole_column(rows, column, slots.len()));
                let Some(values) = values.flatten() else { return true };
                whole.push((column, Arc::clone(values)));
                false
            });
            let mut result = WriteBack::new(columns.clone(), whole, slots.len());
            if columns.is_empty() {
                return Ok(result);
            }
            let all: Vec<u32> = (0..slots.len() as u32).collect();
            let columns: Vec<_> = columns.into_iter().map(CellSource::Entities).collect();
            let range = CellRange { of: rows, rows: &all, columns: &columns };
            let frame = Frame { omits_known: true, ..Frame::NONE };
            self.encode_cells(range, frame, assigned, result.cells_mut(), &mut |at, column, _| {
                let cell = CellAt { rows, row: at as u32, column };
                let message = "the strategy did not return the value that the database assigned";
                Err(self.error(self.place(cell), ErrorKind::RowMismatch, message))
            })?;
            return Ok(result);
        }
        let mut result = WriteBack::new(columns.clone(), Vec::new(), slots.len());
        let mut buffer = BytesMut::new();
        for row in 0..slots.len() as u32 {
            for &column in &columns {
                buffer.clear();
                let cell = CellAt { rows, row, column };
                match self.updated_value(cell, assigned, &mut buffer)? {
                    Some(CellValue::Value) => result.push_value(&buffer),
                    Some(CellValue::Null) => result.push_null(),
                    _ => result.push_absent(),
                }
            }
        }
        Ok(result)
    }

    /// Returns what an updated entity gets back in a cell: what the database assigned, the key of
    /// what it refers to by a handle, and the key that a foreign key has followed.
    fn updated_value(
        &self,
        cell: CellAt,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<Option<CellValue>, Error> {
        match assigned.get(cell.rows, cell.column, cell.row) {
            Some(Some(raw)) => {
                buffer.extend_from_slice(raw);
                return Ok(Some(CellValue::Value));
            }
            Some(None) => return Ok(Some(CellValue::Null)),
            None => {}
        }
        let place = self.place(cell);
        let is_open = |source| !matches!(source, Source::Value { .. } | Source::Null);
        if !self.is_of_followed_reference(place) && !self.any_source(place, is_open)? {
            return Ok(None);
        }
        match self.value_at(place, assigned, buffer)? {
            // It was not read back.
            CellValue::Default => Ok(None),
            value => Ok(Some(value)),
        }
    }

    /// Returns `true` if the cell belongs to a foreign key that follows, be it in another column.
    fn is_of_followed_reference(&self, place: Place) -> bool {
        let follows = |&column: &usize| self.followed.contains_key(&Place { column, ..place });
        let mut foreign_keys = self.arenas[place.entity.model].table().foreign_keys();
        !self.followed.is_empty()
            && foreign_keys
                .any(|fk| fk.columns.contains(&place.column) && fk.columns.iter().any(follows))
    }
}
