//! Whether one statement leaves what its steps would leave one after the other, going by what the
//! catalog says of the foreign keys.

use std::collections::HashSet;

use bytes::BytesMut;

use super::constraints::{Constraints, ForeignKeyConstraint, are_sent_as_compared, positions};
use super::links::models;
use super::reach::{Fate, Reached, reach};
use super::rows::{RowOf, deleted, inserted, updated};
use super::suspects::Suspects;
use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellValue, ChangeSet, EntityAt, KeyBytes, SetTo};
use crate::error::Error;
use crate::model::Table;

/// Values of some columns, as bytes.
type Keys = HashSet<Vec<u8>>;

/// Some of the rows of a flush.
pub(crate) type RowSet = HashSet<EntityAt>;

/// Returns `true` if one statement leaves what the steps of a flush would leave one after the other,
/// whatever the foreign keys of the database do. It writes all rows, or some.
///
/// # Errors
///
/// A value that cannot be encoded.
pub(crate) fn means_the_same(
    changes: &ChangeSet<'_>,
    some: Option<&RowSet>,
    suspects: &Suspects,
    constraints: &Constraints,
) -> Result<bool, Error> {
    if !suspects.replaced.is_empty() && !constraints.late_triggers.is_empty() {
        return Ok(false);
    }
    // Of views and partitions, it is not known which foreign keys and triggers are theirs.
    let is_plain = |table: &&'static Table| -> bool {
        constraints.relation(table).is_some_and(|oid| constraints.plain.contains(&oid))
    };
    if !suspects.written.iter().all(is_plain) {
        return Ok(false);
    }
    let judge = Judge { changes, some, suspects, constraints, models: models(changes) };
    for foreign_key in &constraints.foreign_keys {
        if !judge.is_harmless(foreign_key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Judge<'a> {
    changes: &'a ChangeSet<'a>,
    some: Option<&'a RowSet>,
    suspects: &'a Suspects,
    constraints: &'a Constraints,
    models: Vec<(usize, &'static Table)>,
}

/// The rows that give up values that a foreign key refers to, and the positions of the columns.
type Givers = Vec<(EntityAt, Vec<usize>)>;

impl Judge<'_> {
    /// Those of these rows that the statement writes.
    fn written(&self, rows: Vec<RowOf>) -> impl Iterator<Item = RowOf> {
        let is_written = move |row: &RowOf| self.some.is_none_or(|some| some.contains(&row.entity));
        rows.into_iter().filter(is_written)
    }

    fn models_of(&self, relation: u32) -> impl Iterator<Item = (usize, &'static Table)> {
        let is_of = move |(_, table): &&(usize, &'static Table)| {
            self.constraints.relation(table) == Some(relation)
        };
        self.models.iter().filter(is_of).copied()
    }

    fn is_harmless(&self, foreign_key: &ForeignKeyConstraint) -> Result<bool, Error> {
        let ForeignKeyConstraint { parent, parent_columns, child, child_columns, .. } = foreign_key;
        let acts_on_delete = foreign_key.on_delete.acts() && !self.suspects.deleted.is_empty();
        let acts_on_update = foreign_key.on_update.acts() && !self.suspects.updated.is_empty();
        let (mut givers, mut reached) = (Givers::new(), Vec::new());
        for (model, table) in self.models_of(*parent) {
            // A model without these columns cannot change them, but it can delete.
            let columns = positions(table, parent_columns);
            if acts_on_delete {
                for row in self.written(deleted(self.changes, model)) {
                    let Some(columns) = &columns else { return Ok(false) };
                    givers.push((row.entity, columns.clone()));
                    reached
                        .push(Reached::first(foreign_key, Fate::of_delete(foreign_key.on_delete)));
                }
            }
            if acts_on_update && self.changes_unseen(model, table, foreign_key) {
                return Ok(false);
            }
            if let (true, Some(columns)) = (acts_on_update, &columns) {
                for row in self.written(updated(self.changes, model, columns)) {
                    givers.push((row.entity, columns.clone()));
                    reached.push(Reached::first(foreign_key, Fate::Changed));
                }
            }
        }
        if givers.is_empty() {
            return Ok(true);
        }
        reached.dedup();
        let goes = reached.iter().any(|reached| reached.fate == Fate::Deleted);
        let all: Vec<usize> = (0..parent_columns.len()).collect();
        let left = self.given_up(&givers, &all)?;
        let is_exact = self.is_exact(foreign_key);
        let is_left = |value: &KeyBytes| match value {
            Some(value) => !is_exact || left.contains(value),
            None => false,
        };
        for (model, table) in self.models_of(*child) {
            let Some(columns) = positions(table, child_columns) else { return Ok(false) };
            if self.fills_in(model, table, &columns)? {
                return Ok(false);
            }
            // Of a row that goes, nothing else can be changed.
            let rows = if goes { self.all(model) } else { self.arriving(model, &columns) };
            for row in rows {
                let value = self.changes.new_key_bytes(row.entity, &columns)?;
                if is_left(&value) {
                    return Ok(false);
                }
            }
        }
        self.is_out_of_reach(reached, &givers)
    }

    /// Returns `true` if the database sets one of these columns in rows that are written, to a
    /// value of its own.
    fn fills_in(
        &self,
        model: usize,
        table: &'static Table,
        columns: &[usize],
    ) -> Result<bool, Error> {
        let (mut buffer, none) = (BytesMut::new(), Assignments::default());
        for row in self.written(inserted(self.changes, model)) {
            for &column in columns {
                let cell = CellAt { rows: RowsOf::New(row.group), row: row.at, column };
                buffer.clear();
                let is_open = match self.changes.value(cell, &none, &mut buffer)? {
                    // The part of the key that the database assigns is that of a new row.
                    CellValue::Default => table.columns()[column].assigned_by().is_none(),
                    CellValue::Null => !self.constraints.early_triggers.is_empty(),
                    CellValue::Value | CellValue::Unassigned(_) => false,
                };
                if is_open || table.columns()[column].is_generated() {
                    return Ok(true);
                }
            }
        }
        let rows = self.written(updated(self.changes, model, columns)).collect::<Vec<_>>();
        Ok(rows.into_iter().any(|row| {
            let rows = &self.changes.changed()[row.group];
            let sets = rows.columns_of(rows.updated()[row.at as usize]);
            sets.iter().any(|(column, to)| columns.contains(column) && *to == SetTo::Default)
        }))
    }

    /// Returns `true` if values of the columns that a foreign key refers to may change along with
    /// others that are updated.
    fn changes_unseen(
        &self,
        model: usize,
        table: &'static Table,
        foreign_key: &ForeignKeyConstraint,
    ) -> bool {
        let is_generated = |column: &String| {
            self.constraints.generated.contains(&(foreign_key.parent, column.clone()))
        };
        let all: Vec<usize> = (0..table.columns().len()).collect();
        let is_unseen = foreign_key.parent_columns.iter().any(is_generated)
            || !self.constraints.early_triggers.is_empty();
        is_unseen
            && self.written(updated(self.changes, model, &all)).next().is_some()
            && self.models_of(foreign_key.child).any(|(model, _)| !self.all(model).is_empty())
    }

    /// Returns `true` if values that are equal for the foreign key have the same bytes here.
    fn is_exact(&self, foreign_key: &ForeignKeyConstraint) -> bool {
        let ForeignKeyConstraint { parent, parent_columns, child, child_columns, .. } = foreign_key;
        let sides = [(*parent, parent_columns), (*child, child_columns)];
        foreign_key.is_exact
            && sides.into_iter().all(|(relation, names)| {
                let mut tables = self.models_of(relation).map(|(_, table)| table);
                tables.all(|table| {
                    positions(table, names).is_none_or(|c| are_sent_as_compared(table, &c))
                })
            })
    }

    /// Returns the values of some columns, by their positions in the foreign key, that rows give
    /// up.
    fn given_up(&self, givers: &Givers, parts: &[usize]) -> Result<HashSet<Vec<u8>>, Error> {
        let mut values = HashSet::new();
        for (entity, columns) in givers {
            let columns: Vec<usize> = parts.iter().map(|&part| columns[part]).collect();
            values.extend(self.changes.key_bytes(*entity, &columns)?);
        }
        Ok(values)
    }

    /// Returns the new rows, and those in which one of these columns changes.
    fn arriving(&self, model: usize, columns: &[usize]) -> Vec<RowOf> {
        let mut rows = updated(self.changes, model, columns);
        rows.extend(inserted(self.changes, model));
        self.written(rows).collect()
    }

    /// Returns the new rows, and all that are updated.
    fn all(&self, model: usize) -> Vec<RowOf> {
        let table = self.models.iter().find(|(other, _)| *other == model);
        let columns: Vec<usize> = (0..table.map_or(0, |(_, t)| t.columns().len())).collect();
        self.arriving(model, &columns)
    }

    /// Returns `true` if nothing that is written refers to a row that goes, or changes, because
    /// other rows do.
    fn is_out_of_reach(&self, reached: Vec<Reached>, givers: &Givers) -> Result<bool, Error> {
        for (foreign_key, of) in reach(self.constraints, reached) {
            if self.refers(foreign_key, &of, givers)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns `true` if a row that is written may refer to one that is reached, or did so until
    /// now.
    fn refers(
        &self,
        foreign_key: &ForeignKeyConstraint,
        of: &Reached,
        givers: &Givers,
    ) -> Result<bool, Error> {
        let ForeignKeyConstraint { parent_columns, child_columns, .. } = foreign_key;
        // Where columns have the values that were given up, as positions.
        let known = parent_columns.iter().enumerate().filter_map(|(at, parent)| {
            let (_, origin) = of.columns.iter().find(|(column, _)| column == parent)?;
            Some((at, (*origin)?))
        });
        let (places, parts): (Vec<usize>, Vec<usize>) = known.unzip();
        let left = self.given_up(givers, &parts)?;
        let (before, after) = self.known_rows(of, parent_columns)?;
        let is_exact = self.is_exact(foreign_key);
        let may_refer = |whole: KeyBytes, part: KeyBytes, safe: &HashSet<Vec<u8>>| match whole {
            // A reference with a part that is NULL is none.
            None => false,
            Some(whole) if is_exact && safe.contains(&whole) => false,
            Some(_) if places.is_empty() || !is_exact => true,
            Some(_) => part.is_some_and(|part| left.contains(&part)),
        };
        for (model, table) in self.models_of(foreign_key.child) {
            let Some(columns) = positions(table, child_columns) else { return Ok(true) };
            if self.fills_in(model, table, &columns)? {
                return Ok(true);
            }
            let some: Vec<usize> = places.iter().map(|&at| columns[at]).collect();
            for row in self.all(model) {
                let whole = self.changes.new_key_bytes(row.entity, &columns)?;
                let part = self.changes.new_key_bytes(row.entity, &some)?;
                if may_refer(whole, part, &after) {
                    return Ok(true);
                }
            }
            // What is led elsewhere is led there before.
            let stays = |row: &RowOf| {
                let led = updated(self.changes, model, &columns);
                !led.iter().any(|other| other.entity == row.entity)
            };
            let every: Vec<usize> = (0..table.columns().len()).collect();
            for row in self.written(updated(self.changes, model, &every)).filter(stays) {
                let whole = self.changes.key_bytes(row.entity, &columns)?;
                let part = self.changes.key_bytes(row.entity, &some)?;
                if may_refer(whole, part, &before) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns what rows of a table that are surely not reached have in these columns, before and
    /// after: those that get other values where the others are reached by theirs.
    fn known_rows(&self, of: &Reached, columns: &[String]) -> Result<(Keys, Keys), Error> {
        let (mut before, mut after) = (HashSet::new(), HashSet::new());
        let changing: Vec<String> = of.columns.iter().map(|(column, _)| column.clone()).collect();
        for (model, table) in self.models_of(of.table) {
            let (Some(columns), Some(changing)) =
                (positions(table, columns), positions(table, &changing))
            else {
                continue;
            };
            for row in self.arriving(model, &changing) {
                after.extend(self.changes.new_key_bytes(row.entity, &columns)?);
            }
            for row in self.written(updated(self.changes, model, &changing)) {
                before.extend(self.changes.key_bytes(row.entity, &columns)?);
            }
        }
        Ok((before, after))
    }
}
