//! What can tie rows of a flush to each other: foreign keys between its models, and columns in which
//! no two rows have the same values.

use super::constraints::{Action, Constraints, positions};
use super::step::SetAside;
use crate::change_set::ChangeSet;
use crate::model::Table;

/// A foreign key between two models.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) child: usize,
    pub(super) child_columns: Vec<usize>,
    pub(super) parent: usize,
    pub(super) parent_columns: Vec<usize>,
    /// What refers to a row has to find it there.
    pub(super) is_immediate: bool,
    /// What is deleted, or gets another key, has to find nothing that refers to it.
    pub(super) holds_deletes: bool,
    pub(super) holds_updates: bool,
    /// The database changes, or deletes, what refers to a row that is deleted, or gets another key.
    pub(super) acts_on_delete: bool,
    pub(super) acts_on_update: bool,
    /// It has rows follow a key that changes.
    pub(super) cascades: bool,
    /// Only a model declares it, as of a view: the order is better so, and need not be.
    pub(super) is_declared_only: bool,
}

/// Columns in which no two rows of a table have the same values.
#[derive(Debug)]
pub(super) struct Unique {
    /// The models of the table, each with the positions of the columns.
    pub(super) models: Vec<(usize, Vec<usize>)>,
    /// The values that nobody has, by the position among the columns; none where nothing is known.
    pub(super) room: Vec<Option<SetAside>>,
    /// Equal values are the only ones that are in each other's way.
    pub(super) is_exact: bool,
    /// Its name, where the transaction can put the check off until its steps are done.
    pub(super) deferrable: Option<String>,
    /// Another attempt has violated it.
    pub(super) is_violated: bool,
}

/// Returns the models that have something to write, by position, with their tables.
pub(super) fn models(changes: &ChangeSet<'_>) -> Vec<(usize, &'static Table)> {
    let new = changes.tables().iter().map(|rows| (rows.model(), rows.table()));
    let changed = changes.changed().iter().map(|rows| (rows.model(), rows.table()));
    let mut models: Vec<_> = new.chain(changed).collect();
    models.sort_by_key(|&(model, _)| model);
    models.dedup_by_key(|&mut (model, _)| model);
    models
}

/// Returns the foreign keys between models that have something to write: those that the models
/// declare, and where the database was asked, those that it has.
pub(super) fn links(changes: &ChangeSet<'_>, constraints: Option<&Constraints>) -> Vec<Link> {
    let models = models(changes);
    match constraints {
        None => declared(&models),
        Some(constraints) => found(&models, constraints),
    }
}

fn declared(models: &[(usize, &'static Table)]) -> Vec<Link> {
    let mut links = Vec::new();
    for &(child, table) in models {
        for foreign_key in table.foreign_keys() {
            for &(parent, target) in models.iter().filter(|(_, other)| foreign_key.target.is(other))
            {
                links.push(Link {
                    child,
                    child_columns: foreign_key.columns.to_vec(),
                    parent,
                    parent_columns: target.key().to_vec(),
                    is_immediate: true,
                    holds_deletes: true,
                    holds_updates: true,
                    acts_on_delete: false,
                    acts_on_update: false,
                    cascades: false,
                    is_declared_only: false,
                });
            }
        }
    }
    links
}

fn found(models: &[(usize, &'static Table)], constraints: &Constraints) -> Vec<Link> {
    let of = |relation: u32, names: &[String]| {
        let models =
            models.iter().filter(|(_, table)| constraints.relation(table) == Some(relation));
        let with = models.filter_map(|&(model, table)| Some((model, positions(table, names)?)));
        with.collect::<Vec<_>>()
    };
    let mut links = Vec::new();
    for foreign_key in &constraints.foreign_keys {
        // Only what NO ACTION says is looked at later.
        let holds = |action: Action| !(foreign_key.is_deferred && action == Action::NoAction);
        let children = of(foreign_key.child, &foreign_key.child_columns);
        let parents = of(foreign_key.parent, &foreign_key.parent_columns);
        for (child, child_columns) in &children {
            for (parent, parent_columns) in &parents {
                links.push(Link {
                    child: *child,
                    child_columns: child_columns.clone(),
                    parent: *parent,
                    parent_columns: parent_columns.clone(),
                    is_immediate: !foreign_key.is_deferred,
                    holds_deletes: holds(foreign_key.on_delete),
                    holds_updates: holds(foreign_key.on_update),
                    acts_on_delete: foreign_key.on_delete.acts(),
                    acts_on_update: foreign_key.on_update.acts(),
                    cascades: foreign_key.on_update == Action::Cascade,
                    is_declared_only: false,
                });
            }
        }
    }
    let is_found = |declared: &Link| {
        links.iter().any(|link: &Link| {
            (link.child, link.parent, &link.child_columns)
                == (declared.child, declared.parent, &declared.child_columns)
        })
    };
    let missing: Vec<Link> =
        declared(models).into_iter().filter(|declared| !is_found(declared)).collect();
    links.extend(missing.into_iter().map(|link| Link {
        is_immediate: false,
        is_declared_only: true,
        ..link
    }));
    links
}

/// Returns the columns in which rows of these models differ: their keys, and where the database was
/// asked, those of every unique constraint that is not looked at later anyway.
pub(super) fn unique(changes: &ChangeSet<'_>, constraints: Option<&Constraints>) -> Vec<Unique> {
    let models = models(changes);
    let Some(constraints) = constraints else {
        let mut keys: Vec<Unique> = Vec::new();
        for (at, &(_, table)) in models.iter().enumerate() {
            if models[..at].iter().any(|(_, other)| other.is(table)) {
                continue;
            }
            let names: Vec<String> =
                table.key().iter().map(|&c| table.columns()[c].name().to_owned()).collect();
            let same = models.iter().filter(|(_, other)| other.is(table));
            let with = same.filter_map(|&(model, table)| Some((model, positions(table, &names)?)));
            keys.push(Unique {
                models: with.collect(),
                room: Vec::new(),
                is_exact: true,
                deferrable: None,
                is_violated: false,
            });
        }
        return keys;
    };
    let mut all = Vec::new();
    for unique in constraints.unique.iter().filter(|unique| !unique.is_deferred) {
        let of_table =
            models.iter().filter(|(_, table)| constraints.relation(table) == Some(unique.table));
        let with = of_table
            .filter_map(|&(model, table)| Some((model, positions(table, &unique.columns)?)));
        let room = unique
            .columns
            .iter()
            .map(|name| constraints.room.get(&(unique.table, name.clone())).copied());
        all.push(Unique {
            models: with.collect(),
            room: room.collect(),
            is_exact: unique.is_exact,
            deferrable: unique.is_deferrable.then(|| unique.name.clone()),
            is_violated: constraints.violated.contains(&unique.plain_name),
        });
    }
    all
}
