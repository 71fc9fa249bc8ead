//! Keys that change, and the foreign keys that follow them.

use std::collections::HashMap;

use super::changed::{Drafts, SetTo};
use super::{ChangeSet, EntityAt};
use crate::error::Error;
use crate::handle::AnyHandle;
use crate::model::{ForeignKeyColumns, Source};

impl ChangeSet<'_> {
    /// Returns the entities whose keys change.
    pub(super) fn changed_keys(&self, drafts: &Drafts) -> impl Iterator<Item = EntityAt> {
        let key = |model: usize| self.arenas[model].table().key();
        drafts.iter().filter(move |(at, draft)| draft.changes(key(at.model))).map(|(&at, _)| at)
    }

    /// Has foreign keys follow the keys that they refer to, where those change. The database would
    /// do it only where the foreign key says `ON UPDATE CASCADE`, and would not tell the entities.
    pub(super) fn follow_keys(&mut self, drafts: &mut Drafts) -> Result<(), Error> {
        let mut moved: Vec<EntityAt> = self.changed_keys(drafts).collect();
        while !moved.is_empty() {
            let mut parents: HashMap<(usize, Vec<u8>), u32> = HashMap::new();
            for entity in std::mem::take(&mut moved) {
                let key = self.arenas[entity.model].table().key();
                if let Some(key) = self.key_bytes(entity, key)? {
                    parents.insert((entity.model, key), entity.slot);
                }
            }
            for child in 0..self.arenas.len() {
                moved.extend(self.follow_into(child, &parents, drafts)?);
            }
        }
        Ok(())
    }

    /// Has the foreign keys of one model follow, and gives the entities whose own keys change by
    /// that.
    fn follow_into(
        &mut self,
        child: usize,
        parents: &HashMap<(usize, Vec<u8>), u32>,
        drafts: &mut Drafts,
    ) -> Result<Vec<EntityAt>, Error> {
        let (mut moved, table) = (Vec::new(), self.arenas[child].table());
        for foreign_key in table.foreign_keys() {
            let targets: Vec<usize> = self
                .models_of(foreign_key.target)
                .filter(|&model| parents.keys().any(|(parent, _)| *parent == model))
                .collect();
            if targets.is_empty() {
                continue;
            }
            for slot in self.arenas[child].stored() {
                let entity = EntityAt { model: child, slot };
                let Some(key) = self.key_bytes(entity, foreign_key.columns)? else { continue };
                for &target in &targets {
                    let Some(&slot) = parents.get(&(target, key.clone())) else { continue };
                    let parent = EntityAt { model: target, slot };
                    if self.follow_one(&foreign_key, entity, parent, drafts)? {
                        moved.push(entity);
                    }
                }
            }
        }
        Ok(moved)
    }

    /// Has one row's foreign key follow the key that it refers to, and says whether the row's own key
    /// changes by that. One that is set to lead elsewhere follows nothing.
    fn follow_one(
        &mut self,
        foreign_key: &ForeignKeyColumns,
        child: EntityAt,
        parent: EntityAt,
        drafts: &mut Drafts,
    ) -> Result<bool, Error> {
        let changes = |drafts: &Drafts, row: EntityAt, column: usize| {
            drafts.get(&row).is_some_and(|draft| draft.changes(&[column]))
        };
        let leads_elsewhere = foreign_key.columns.iter().any(|&column| {
            changes(drafts, child, column) && !self.followed.contains_key(&child.column(column))
        });
        if leads_elsewhere || self.names_another(foreign_key, child, parent)? {
            return Ok(false);
        }
        let mut is_moved = false;
        for (&column, &part) in foreign_key.columns.iter().zip(foreign_key.target.key()) {
            // Only what changes is followed, and once: so no two follow each other.
            if changes(drafts, parent, part) && !self.followed.contains_key(&child.column(column)) {
                self.followed.insert(child.column(column), parent.column(part));
                let draft = drafts.entry(child).or_default();
                draft.columns.insert(column, SetTo::Value);
                is_moved |= self.arenas[child.model].table().key().contains(&column);
            }
        }
        Ok(is_moved)
    }

    /// Returns `true` if a foreign key leads by a handle to another entity than this one, such as a
    /// new one that takes over the key.
    fn names_another(
        &self,
        foreign_key: &ForeignKeyColumns,
        child: EntityAt,
        parent: EntityAt,
    ) -> Result<bool, Error> {
        let is_another = |source: Source| match source {
            Source::Pending { entity, .. } if (entity.table)().is(foreign_key.target) => {
                let AnyHandle { model, slot, .. } = entity.handle;
                (self.arenas.get_index_of(&model), slot) != (Some(parent.model), parent.slot)
            }
            _ => false,
        };
        for &column in foreign_key.columns {
            if self.any_source(child.column(column), is_another)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
