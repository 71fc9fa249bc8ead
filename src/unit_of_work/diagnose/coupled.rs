//! Whether a constraint that is looked at in the end holds for the rows one after the other.

use std::collections::HashMap;

use crate::change_set::{ChangeSet, EntityAt, KeyBytes};
use crate::error::Error;
use crate::flush_plan::{Constraints, Done, FlushPlan, RowAt, are_sent_as_compared, positions};
use crate::model::Table;

/// The rows of a plan in their order, and what the database says of them.
pub(super) struct Rows<'a> {
    pub(super) changes: &'a ChangeSet<'a>,
    pub(super) plan: &'a FlushPlan,
    pub(super) constraints: &'a Constraints,
    pub(super) units: &'a [Vec<RowAt>],
}

/// The position of a row, and a value of it before and after.
type BeforeAndAfter = (usize, KeyBytes, KeyBytes);

/// The positions at which values come and go.
#[derive(Default)]
struct Moves {
    arriving: HashMap<Vec<u8>, usize>,
    leaving: HashMap<Vec<u8>, usize>,
}

impl Rows<'_> {
    /// Returns `true` if rows may violate a constraint of this name until others are written, or where that
    /// cannot be known.
    ///
    /// # Errors
    ///
    /// A value that cannot be encoded.
    pub(super) fn are_coupled(&self, name: &str) -> Result<bool, Error> {
        for unique in self.constraints.unique.iter().filter(|unique| unique.plain_name == name) {
            if !self.has_changes(unique.table) {
                continue;
            }
            let moves = self.moves(unique.table, &unique.columns)?;
            let Some(moves) = moves.filter(|_| unique.is_exact) else { return Ok(true) };
            if moves.leaving.keys().any(|value| moves.arriving.contains_key(value)) {
                return Ok(true);
            }
        }
        for fk in self.constraints.foreign_keys.iter().filter(|fk| fk.name == name) {
            let parents = self.moves(fk.parent, &fk.parent_columns)?;
            let children = self.each(fk.child, &fk.child_columns)?;
            let (Some(parents), Some(children)) = (parents, children) else { return Ok(true) };
            for (at, old, new) in children {
                let comes_late = |value| parents.arriving.get(value).is_some_and(|&p| p > at);
                let goes_early = |value| parents.leaving.get(value).is_some_and(|&p| p < at);
                if new.as_ref().is_some_and(comes_late) || old.as_ref().is_some_and(goes_early) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns `true` if rows of a table are updated or deleted.
    fn has_changes(&self, table: u32) -> bool {
        let is_changed = |&row: &RowAt| {
            let (entity, done) = self.plan.entity(self.changes, row);
            let model = self.changes.table_of(entity.model);
            done != Done::Inserted && self.constraints.relation(model) == Some(table)
        };
        self.units.iter().flatten().any(is_changed)
    }

    /// Returns where values of these columns come and go; nothing where they cannot be compared.
    fn moves(&self, table: u32, columns: &[String]) -> Result<Option<Moves>, Error> {
        let Some(rows) = self.each(table, columns)? else { return Ok(None) };
        let mut moves = Moves::default();
        for (at, old, new) in rows {
            if old != new {
                moves.arriving.extend(new.map(|value| (value, at)));
                moves.leaving.extend(old.map(|value| (value, at)));
            }
        }
        Ok(Some(moves))
    }

    /// Returns the rows of a table by their positions, with the values of these columns before and after.
    fn each(&self, table: u32, columns: &[String]) -> Result<Option<Vec<BeforeAndAfter>>, Error> {
        let mut columns_of: HashMap<usize, Option<Vec<usize>>> = HashMap::new();
        let mut rows = Vec::new();
        for (at, unit) in self.units.iter().enumerate() {
            for &row in unit {
                let (entity, done) = self.plan.entity(self.changes, row);
                let model = self.changes.table_of(entity.model);
                if self.constraints.relation(model) != Some(table) {
                    continue;
                }
                let known = columns_of.entry(entity.model);
                let columns = known.or_insert_with(|| comparable(model, columns));
                let Some(columns) = columns else { return Ok(None) };
                let old = match done {
                    Done::Inserted => None,
                    _ => self.changes.key_bytes(entity, columns)?,
                };
                let new = match done {
                    Done::Deleted => None,
                    _ => self.new_value(entity, columns)?,
                };
                rows.push((at, old, new));
            }
        }
        Ok(Some(rows))
    }

    fn new_value(&self, entity: EntityAt, columns: &[usize]) -> Result<KeyBytes, Error> {
        self.changes.new_key_bytes(entity, columns)
    }
}

/// Returns the columns, by position, where equal values have equal bytes.
pub(super) fn comparable(table: &Table, columns: &[String]) -> Option<Vec<usize>> {
    positions(table, columns).filter(|columns| are_sent_as_compared(table, columns))
}
