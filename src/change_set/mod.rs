//! `ChangeSet`: what a flush has to write, and the value of every cell of it.

mod cell_value;
mod cells;
mod changed;
mod followed;
mod give_back;
mod named;
mod new_rows;
mod passed_on;
mod place;
mod resolved;

use std::collections::{HashMap, HashSet};

use bytes::BytesMut;
pub(crate) use cell_value::{CellValue, RowKey, key_bytes};
use cell_value::{Resolved, Survey, UNKNOWN_KEY_BYTES};
pub(crate) use cells::CellRange;
pub(crate) use changed::{ChangedRows, KeyBytes, SetTo, UpdatedRow};
pub(crate) use give_back::Extent;
pub(crate) use named::Ties;
pub(crate) use new_rows::NewRows;
use passed_on::PassedOn;
use place::Place;
pub(crate) use place::{CellAt, EntityAt};
use resolved::new_rows;

use crate::arena::Arenas;
use crate::assignments::{Assignments, RowsOf};
use crate::error::{Error, ErrorKind};
use crate::handle::{AnyHandle, Stamp};
use crate::model::{Encoder, EntityRef, Source, Table};
use crate::state::State;
use crate::write_back::WriteBack;

/// Everything that a flush has to write: new rows, changes and deletions, by table.
pub(crate) struct ChangeSet<'a> {
    /// Where the entities are.
    arenas: &'a Arenas,
    /// The stamp of the handles that name entities of these arenas.
    stamp: Stamp,
    /// The new rows: those of a model together, or in one group for each way to find them.
    tables: Vec<NewRows<'a>>,
    /// The rows that are updated or deleted, those of a model together.
    changed: Vec<ChangedRows<'a>>,
    /// Foreign keys that change because the key does that they refer to: the cell, and the cell of the
    /// key. No cell follows itself, through others or not.
    followed: HashMap<Place, Place>,
    /// The size of the new values of updated rows.
    changed_bytes: usize,
    /// Hashes of values that may pass from row to row.
    passed_on: PassedOn,
    /// By the arena's position: those of its rows in `tables`.
    tables_of_model: Vec<Vec<usize>>,
    /// The entities that are not written this time.
    left_out: &'a HashSet<EntityAt>,
}

/// A chain of keys that refer to keys is hardly ever longer, so only then is a circle looked for.
const SHORT_CHAIN: usize = 16;

impl<'a> ChangeSet<'a> {
    /// Collects what has changed, but for some entities that are left out.
    ///
    /// # Errors
    ///
    /// When a model's description is wrong, when a value that may have changed cannot be encoded, and
    /// when it refers to an entity that is not there.
    pub(crate) fn collect(
        arenas: &'a Arenas,
        stamp: Stamp,
        left_out: &'a HashSet<EntityAt>,
    ) -> Result<ChangeSet<'a>, Error> {
        let mut changes = ChangeSet {
            arenas,
            stamp,
            tables: Vec::new(),
            changed: Vec::new(),
            followed: HashMap::new(),
            changed_bytes: 0,
            passed_on: PassedOn::default(),
            tables_of_model: vec![Vec::new(); arenas.len()],
            left_out,
        };
        for (model, arena) in arenas.values().enumerate() {
            arena.table().validate()?;
            for rows in new_rows(&**arena, model, left_out) {
                changes.tables_of_model[model].push(changes.tables.len());
                changes.tables.push(rows);
            }
        }
        changes.collect_natural_keys()?;
        changes.collect_changed()?;
        Ok(changes)
    }

    /// Returns the rows that are updated or deleted, by table.
    pub(crate) fn changed(&self) -> &[ChangedRows<'a>] {
        &self.changed
    }

    /// Returns the size of the new values of updated rows, in bytes and as they are sent.
    pub(crate) fn changed_bytes(&self) -> usize {
        self.changed_bytes
    }

    /// Returns all rows, the new ones first.
    pub(crate) fn all_rows(&self) -> impl Iterator<Item = RowsOf> + use<> {
        let new = (0..self.tables.len()).map(RowsOf::New);
        new.chain((0..self.changed.len()).map(RowsOf::Changed))
    }

    pub(crate) fn tables(&self) -> &[NewRows<'a>] {
        &self.tables
    }

    /// Returns `true` if there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        let nothing =
            |rows: &ChangedRows<'_>| rows.updated().is_empty() && rows.deleted().is_empty();
        self.tables.is_empty() && self.changed.iter().all(nothing)
    }

    /// Finds out whether the entities of some rows can take over what is given back to them.
    ///
    /// # Errors
    ///
    /// When a value does not fit its field.
    pub(crate) fn can_take(&self, rows: RowsOf, write_back: &WriteBack) -> Result<(), Error> {
        let (model, slots) = self.slots_of(rows);
        self.arenas[model].check_write_back(slots, write_back)
    }

    /// Adds what one field says to what is known of its cell.
    fn survey_source(
        &self,
        place: Place,
        source: Source,
        survey: &mut Survey,
    ) -> Result<(), Error> {
        survey.is_default &= source == Source::Default;
        match source {
            Source::Value { start, end } => survey.bytes = survey.bytes.max(end - start),
            Source::Pending { entity, part } => {
                self.target(place, entity, part)?;
                survey.bytes = survey.bytes.max(UNKNOWN_KEY_BYTES);
            }
            Source::Unset => return Err(self.unset(place)),
            Source::Default | Source::Null => {}
        }
        Ok(())
    }

    /// Returns the new rows that this row refers to in this column.
    ///
    /// # Errors
    ///
    /// When it refers to an entity that is not there, and when a value cannot be encoded.
    pub(crate) fn new_parents(
        &self,
        cell: CellAt,
        buffer: &mut BytesMut,
    ) -> Result<Vec<CellAt>, Error> {
        let place = self.place(cell);
        let mut parents = Vec::new();
        self.each_source(place, buffer, |source| {
            if let Source::Pending { entity, part } = source {
                parents.extend(self.new_cell_at(self.target(place, entity, part)?));
            }
            Ok(())
        })?;
        Ok(parents)
    }

    /// Returns what to write into a cell. The bytes of a value, and nothing else, are appended to
    /// `buffer`.
    ///
    /// # Errors
    ///
    /// When the value cannot be encoded, when it refers to an entity that is not there, and when
    /// fields that share the column disagree.
    pub(crate) fn value(
        &self,
        cell: CellAt,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<CellValue, Error> {
        self.value_at(self.place(cell), assigned, buffer)
    }

    fn value_at(
        &self,
        place: Place,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<CellValue, Error> {
        let (before, place) = (buffer.len(), self.followed(place));
        let arena = &self.arenas[place.entity.model];
        let mut out = Encoder::new(buffer);
        arena.encode(place.entity.slot, place.column, &mut out);
        // Nearly every cell ends here: one field, and it knows its value.
        match out.single() {
            Some(Source::Value { .. }) => Ok(CellValue::Value),
            Some(Source::Null) => Ok(CellValue::Null),
            Some(source) => self.resolve(place, source, assigned, buffer),
            None => {
                let sources = out.sources(arena.table(), place.column)?;
                let found = self.agreed(place, &sources, assigned, buffer)?;
                Ok(found.leave_value(before, buffer))
            }
        }
    }

    /// Returns the value of a cell whose one field does not know it.
    fn resolve(
        &self,
        place: Place,
        source: Source,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<CellValue, Error> {
        let target = match source {
            Source::Pending { entity, part } => self.target(place, entity, part)?,
            _ => place,
        };
        // What the database has assigned already need not be looked for.
        if let Some(cell) = self.new_cell_at(target) {
            if let Some(Some(raw)) = assigned.get(cell.rows, cell.column, cell.row) {
                buffer.extend_from_slice(raw);
                return Ok(CellValue::Value);
            }
        }
        let before = buffer.len();
        let found = self.follow(place, source, assigned, buffer)?;
        Ok(found.leave_value(before, buffer))
    }

    /// Returns the value of a column, on which all fields that share it and have one must agree.
    fn agreed(
        &self,
        place: Place,
        sources: &[Source],
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<Resolved, Error> {
        let chosen = self.choose(place, sources);
        let result = self.follow(place, sources[chosen], assigned, buffer)?;
        for (index, &source) in sources.iter().enumerate() {
            if index == chosen {
                continue;
            }
            let same = match (self.follow(place, source, assigned, buffer)?, result) {
                // A field without a value leaves the column to the others.
                (Resolved::Null | Resolved::Default, _) => true,
                (Resolved::Value(a, b), Resolved::Value(c, d)) => buffer[a..b] == buffer[c..d],
                (other, result) => other == result,
            };
            if !same {
                let message = "two fields share this column and give it different values";
                let hint = "where a key changes in the same commit, refer to it by its handle: a key \
                            is taken at its word";
                return Err(self.error(place, ErrorKind::Conflict, message).with_hint(hint));
            }
        }
        Ok(result)
    }

    /// Returns which of several sources gives the column its value.
    ///
    /// A value comes before a reference, and a reference to another model before one to its own:
    /// a chain of entities that refer to each other is then not walked from end to end for every
    /// one of them. Which one is chosen changes nothing else, since all have to agree.
    fn choose(&self, place: Place, sources: &[Source]) -> usize {
        let rank = |source: &Source| match source {
            Source::Value { .. } => 0,
            Source::Pending { entity, .. } => {
                1 + usize::from(
                    self.arenas.get_index_of(&entity.handle.model) == Some(place.entity.model),
                )
            }
            Source::Unset => 3,
            Source::Null => 4,
            Source::Default => 5,
        };
        (0..sources.len()).min_by_key(|&index| rank(&sources[index])).unwrap_or(0)
    }

    /// Follows a source through as many keys as refer to keys, by iteration.
    fn follow(
        &self,
        origin: Place,
        mut source: Source,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<Resolved, Error> {
        let mut place = origin;
        let mut steps = 0;
        loop {
            match source {
                Source::Null => return Ok(Resolved::Null),
                Source::Unset => return Err(self.unset(place)),
                Source::Value { start, end } => return Ok(Resolved::Value(start, end)),
                Source::Default => {
                    return self.assigned_or_default(origin, place, assigned, buffer);
                }
                Source::Pending { entity, part } => {
                    place = self.target(place, entity, part)?;
                    source = self.chosen_source(place, buffer)?;
                    steps += 1;
                    if steps > SHORT_CHAIN && steps > self.slots() {
                        let message = "the key refers to itself, through other entities or not";
                        return Err(self.error(origin, ErrorKind::Cycle, message));
                    }
                }
            }
        }
    }

    /// No chain of references without a circle is longer.
    fn slots(&self) -> usize {
        self.arenas.values().map(|arena| arena.slots()).sum()
    }

    /// Returns the value of a cell that the database assigns.
    fn assigned_or_default(
        &self,
        origin: Place,
        place: Place,
        assigned: &Assignments,
        buffer: &mut BytesMut,
    ) -> Result<Resolved, Error> {
        let Some(cell) = self.new_cell_at(place) else {
            if place == origin {
                return Ok(Resolved::Default);
            }
            let message = "it refers to an entity that is in the database, but whose key was set \
                           to `None` since";
            return Err(self.error(origin, ErrorKind::Handle, message));
        };
        Ok(match assigned.get(cell.rows, cell.column, cell.row) {
            Some(Some(raw)) => {
                buffer.extend_from_slice(raw);
                Resolved::Value(buffer.len() - raw.len(), buffer.len())
            }
            Some(None) => Resolved::Null,
            None if place == origin => Resolved::Default,
            None => Resolved::Unassigned(cell),
        })
    }

    /// Returns the models of a table, by position.
    fn models_of(&self, table: &Table) -> impl Iterator<Item = usize> {
        (0..self.arenas.len()).filter(|&model| self.arenas[model].table().is(table))
    }

    /// Returns where a cell gets its value from, if it follows a key that changes.
    fn followed(&self, mut place: Place) -> Place {
        while let Some(&followed) = self.followed.get(&place) {
            place = followed;
        }
        place
    }

    /// Returns the part of a key that a reference leads to.
    fn target(&self, from: Place, entity: EntityRef, part: usize) -> Result<Place, Error> {
        let table = (entity.table)();
        let fail = |what: &str| {
            let message = format!("it refers to an entity of {} {what}", table.name());
            Err(self.error(from, ErrorKind::Handle, &message))
        };
        let AnyHandle { model, stamp, slot } = entity.handle;
        if stamp != self.stamp {
            return fail("that belongs to another unit of work, or to this one before `clear`");
        }
        match self.arenas.get_index_of(&model) {
            Some(model) => match self.arenas[model].state(slot) {
                State::Detached => fail("that is not in the unit of work any more"),
                State::MarkedForDeletion(_) | State::Deleted(_) => fail("that is deleted"),
                _ => match table.key().get(part) {
                    Some(&column) => Ok(self.followed(EntityAt { model, slot }.column(column))),
                    None => fail(&format!("by part {part} of its key, which has fewer")),
                },
            },
            None => fail("that is not in the unit of work any more"),
        }
    }

    /// Calls `each` for what every field says of a cell; for most there is one field.
    fn each_source(
        &self,
        place: Place,
        buffer: &mut BytesMut,
        mut each: impl FnMut(Source) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let arena = &self.arenas[place.entity.model];
        let mut out = Encoder::new(buffer);
        arena.encode(place.entity.slot, place.column, &mut out);
        match out.single() {
            Some(source) => each(source),
            None => out.sources(arena.table(), place.column)?.into_iter().try_for_each(each),
        }
    }

    /// Returns `true` if a field says something of a cell that is such.
    fn any_source(&self, place: Place, is_such: impl Fn(Source) -> bool) -> Result<bool, Error> {
        let mut found = false;
        self.each_source(place, &mut BytesMut::new(), |source| {
            found |= is_such(source);
            Ok(())
        })?;
        Ok(found)
    }

    /// Returns what the field says that gives the cell its value.
    fn chosen_source(&self, place: Place, buffer: &mut BytesMut) -> Result<Source, Error> {
        let arena = &self.arenas[place.entity.model];
        let mut out = Encoder::new(buffer);
        arena.encode(place.entity.slot, place.column, &mut out);
        match out.single() {
            Some(source) => Ok(source),
            None => {
                let sources = out.sources(arena.table(), place.column)?;
                Ok(sources[self.choose(place, &sources)])
            }
        }
    }

    fn place(&self, cell: CellAt) -> Place {
        let (model, slots) = self.slots_of(cell.rows);
        EntityAt { model, slot: slots[cell.row as usize] }.column(cell.column)
    }

    /// Returns the model of the rows of a table.
    pub(crate) fn model_of(&self, rows: RowsOf) -> usize {
        self.slots_of(rows).0
    }

    /// Returns the model and the entities of the rows of a table.
    fn slots_of(&self, rows: RowsOf) -> (usize, &[u32]) {
        match rows {
            RowsOf::New(table) => (self.tables[table].model, &self.tables[table].slots),
            RowsOf::Changed(changed) => (self.changed[changed].model, &self.changed[changed].slots),
        }
    }

    fn new_cell_at(&self, place: Place) -> Option<CellAt> {
        self.tables_of_model[place.entity.model].iter().find_map(|&table| {
            let row = self.tables[table].row_of(place.entity.slot)?;
            Some(CellAt { rows: RowsOf::New(table), row, column: place.column })
        })
    }

    fn error(&self, place: Place, kind: ErrorKind, message: &str) -> Error {
        let table = self.arenas[place.entity.model].table();
        Error::new(kind, message.to_owned())
            .with_table(table.name())
            .with_column(table.columns()[place.column].name())
            .with_entity(self.handle(place.entity))
    }

    /// Returns the error for a reference that is not set.
    fn unset(&self, place: Place) -> Error {
        let entity = self.arenas[place.entity.model].name(place.entity.slot);
        let message = format!("the reference of {entity} is not set");
        self.error(place, ErrorKind::Encode, &message)
            .with_hint("give it a key or a handle before the entity is written")
    }
}
