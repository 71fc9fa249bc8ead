//! What foreign keys do of their own accord, from table to table.

use super::constraints::{Action, Constraints, ForeignKeyConstraint};

/// What becomes of rows that a foreign key acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are deleted.
    Deleted,
    /// They get other values.
    Changed,
}

impl Fate {
    /// Returns what becomes of the rows that refer to one that is deleted.
    pub(super) fn of_delete(action: Action) -> Fate {
        if action == Action::Cascade { Fate::Deleted } else { Fate::Changed }
    }
}

/// A table of which rows are deleted, or change in some columns, because others do: the foreign key leads
/// from row to row. Which rows these are is not known, but for the values that lead back to what has
/// been given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    /// The table, by its OID.
    pub(super) table: u32,
    /// What becomes of the rows.
    pub(super) fate: Fate,
    /// The columns that refer to what has gone or changed, each with the position of the column
    /// among those of the first foreign key whose value it has, if it has one.
    pub(super) columns: Vec<(String, Option<usize>)>,
}

impl Reached {
    /// Returns the table that refers to rows of the flush.
    pub(super) fn first(foreign_key: &ForeignKeyConstraint, fate: Fate) -> Reached {
        let columns = foreign_key.child_columns.iter().cloned().zip((0..).map(Some)).collect();
        Reached { table: foreign_key.child, fate, columns }
    }

    /// Returns the table that refers to this one.
    fn further(&self, foreign_key: &ForeignKeyConstraint, fate: Fate) -> Reached {
        let ForeignKeyConstraint { child_columns, parent_columns, .. } = foreign_key;
        let origin = |parent: &String| {
            self.columns.iter().find(|(column, _)| column == parent).and_then(|(_, at)| *at)
        };
        let columns = child_columns.iter().cloned().zip(parent_columns.iter().map(origin));
        Reached { table: foreign_key.child, fate, columns: columns.collect() }
    }
}

/// Returns the foreign keys that lead to rows that are reached, each with what it leads to.
pub(super) fn reach(
    constraints: &Constraints,
    mut reached: Vec<Reached>,
) -> Vec<(&ForeignKeyConstraint, Reached)> {
    let (mut leading, mut next) = (Vec::new(), 0);
    while let Some(of) = reached.get(next).cloned() {
        let changes = |column: &String| of.columns.iter().any(|(other, _)| other == column);
        for foreign_key in constraints.foreign_keys.iter().filter(|f| f.parent == of.table) {
            if of.fate == Fate::Changed && !foreign_key.parent_columns.iter().any(changes) {
                continue;
            }
            leading.push((foreign_key, of.clone()));
            let (action, fate) = match of.fate {
                Fate::Deleted => (foreign_key.on_delete, Fate::of_delete(foreign_key.on_delete)),
                Fate::Changed => (foreign_key.on_update, Fate::Changed),
            };
            let further = of.further(foreign_key, fate);
            if action.acts() && !reached.contains(&further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    leading
}
