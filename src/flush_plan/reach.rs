//! What foreign keys do of their own accord, from table to table.

use super::constraints::{Action, Constraints, ForeignKeyConstraint};

/// A table of which rows go, or change in some columns, because others do: the foreign key leads
/// from row to row. Which rows these are is not known, but for the values that lead back to what has
/// been given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) table: u32,
    pub(super) goes: bool,
    /// The columns that refer to what has gone or changed, each with the position of the column
    /// among those of the first foreign key whose value it has, if it has one.
    pub(super) columns: Vec<(String, Option<usize>)>,
}

impl Reached {
    pub(super) fn first(foreign_key: &ForeignKeyConstraint, goes: bool) -> Reached {
        let columns = foreign_key.child_columns.iter().cloned().zip((0..).map(Some)).collect();
        Reached { table: foreign_key.child, goes, columns }
    }

    fn further(&self, foreign_key: &ForeignKeyConstraint, goes: bool) -> Reached {
        let ForeignKeyConstraint { child_columns, parent_columns, .. } = foreign_key;
        let origin = |parent: &String| {
            self.columns.iter().find(|(column, _)| column == parent).and_then(|(_, at)| *at)
        };
        let columns = child_columns.iter().cloned().zip(parent_columns.iter().map(origin));
        Reached { table: foreign_key.child, goes, columns: columns.collect() }
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
            if !of.goes && !foreign_key.parent_columns.iter().any(changes) {
                continue;
            }
            leading.push((foreign_key, of.clone()));
            let action = if of.goes { foreign_key.on_delete } else { foreign_key.on_update };
            let further = of.further(foreign_key, of.goes && action == Action::Cascade);
            if action.acts() && !reached.contains(&further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    leading
}
