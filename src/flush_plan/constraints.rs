//! `Constraints`: what the database's catalog says of the tables of a flush.

use std::collections::{HashMap, HashSet};

use super::step::SetAside;
use crate::model::Table;

/// What a foreign key has done to the rows that refer to a row that is deleted, or gets another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the names are those of SQL")]
pub(crate) enum Action {
    /// An error, when the constraint is looked at.
    NoAction,
    /// An error at once.
    Restrict,
    Cascade,
    /// `SET NULL` and `SET DEFAULT`.
    Set,
}

impl Action {
    /// Returns `true` if the rows that refer to the row change.
    pub(crate) fn acts(self) -> bool {
        matches!(self, Action::Cascade | Action::Set)
    }
}

/// A foreign key of the database.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKeyConstraint {
    pub(crate) name: String,
    /// The referring table, by its OID.
    pub(crate) child: u32,
    pub(crate) child_columns: Vec<String>,
    /// The table that is referred to, by its OID.
    pub(crate) parent: u32,
    pub(crate) parent_columns: Vec<String>,
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
    /// It is looked at when the transaction ends.
    pub(crate) is_deferred: bool,
    /// Values are equal for it exactly if they have the same bytes.
    pub(crate) is_exact: bool,
}

/// A unique index, or an exclusion constraint.
#[derive(Debug, Clone)]
pub(crate) struct UniqueConstraint {
    /// The table, by its OID.
    pub(crate) table: u32,
    /// Its name, as errors have it.
    pub(crate) plain_name: String,
    /// Its name with its schema, quoted.
    pub(crate) name: String,
    /// The columns that it depends on.
    pub(crate) columns: Vec<String>,
    /// Two rows are in each other's way exactly if all of these columns have the same bytes: it has
    /// no expressions and no condition, excludes nothing else, and takes nothing else for equal.
    pub(crate) is_exact: bool,
    /// It can be looked at when the transaction ends.
    pub(crate) is_deferrable: bool,
    /// It is looked at when the transaction ends.
    pub(crate) is_deferred: bool,
}

/// What the catalog says of some tables, and of those that their foreign keys reach.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constraints {
    /// The tables that were asked for, by their quoted names: two names can be those of one table.
    pub(crate) relations: HashMap<String, u32>,
    /// Those of them that are tables, whose foreign keys and triggers are known here: no views, no
    /// partitions, and none that inherits.
    pub(crate) plain: Vec<u32>,
    /// The columns that the database makes of others.
    pub(crate) generated: HashSet<(u32, String)>,
    pub(crate) foreign_keys: Vec<ForeignKeyConstraint>,
    pub(crate) unique: Vec<UniqueConstraint>,
    /// The constraints that are looked at when the transaction ends: their names as errors have them, and
    /// with their schemas, quoted.
    pub(crate) deferred: Vec<(String, String)>,
    /// The values that nobody has in a column of a table, if there are any for its type.
    pub(crate) room: HashMap<(u32, String), SetAside>,
    /// The triggers by which foreign keys act on rows that refer to these tables, by their OIDs.
    pub(crate) actions: Vec<u32>,
    /// The triggers of these tables that run when a statement ends, by their OIDs.
    pub(crate) late_triggers: Vec<u32>,
    /// Those that run before each row.
    pub(crate) early_triggers: Vec<u32>,
    /// The names of the constraints that other attempts have violated.
    pub(crate) violated: Vec<String>,
    /// Rows of the tables may lie on several servers.
    pub(crate) is_distributed: bool,
    /// The server has Citus, which may run the parts of a statement one after the other.
    pub(crate) is_citus: bool,
}

impl Constraints {
    /// Returns the foreign keys that may be the one that another attempt has violated: their names are
    /// unique within a table only.
    pub(crate) fn violated_foreign_keys(&self) -> impl Iterator<Item = &ForeignKeyConstraint> {
        self.foreign_keys.iter().filter(|foreign_key| self.violated.contains(&foreign_key.name))
    }

    /// Returns what is known to do no harm: triggers by which foreign keys act, and tables, by their
    /// OIDs.
    pub(crate) fn harmless(&self) -> Vec<u32> {
        [&self.actions[..], &self.plain].concat()
    }

    /// Returns a unique constraint of a model's table by the name that errors have.
    pub(crate) fn unique_of(&self, table: &Table, name: &str) -> Option<&UniqueConstraint> {
        let oid = self.relation(table)?;
        self.unique.iter().find(|unique| unique.table == oid && unique.plain_name == name)
    }

    /// Returns the columns of a unique constraint or a foreign key of a model's table, by the name
    /// that errors have.
    pub(crate) fn columns_of(&self, table: &Table, name: &str) -> Option<&[String]> {
        let oid = self.relation(table)?;
        let of_table = |fk: &&ForeignKeyConstraint| fk.child == oid && fk.name == name;
        let foreign_key = self.foreign_keys.iter().find(of_table);
        let unique = self.unique_of(table, name).map(|unique| &unique.columns);
        unique.or(foreign_key.map(|fk| &fk.child_columns)).map(|columns| &columns[..])
    }

    /// Returns the OID of a model's table, if it was asked for and is there.
    pub(crate) fn relation(&self, table: &Table) -> Option<u32> {
        self.relations.get(&table.qualified_name().to_string()).copied()
    }
}

/// Returns `true` if values of these columns are sent with the bytes that the server compares.
pub(crate) fn are_sent_as_compared(table: &Table, columns: &[usize]) -> bool {
    let is_sent = |&column: &usize| {
        table.columns()[column].ty().is_equal_by_bytes() && table.cast(column).is_none()
    };
    columns.iter().all(is_sent)
}

/// Returns the positions of columns in a model that has all of them.
pub(crate) fn positions(table: &Table, names: &[String]) -> Option<Vec<usize>> {
    let position = |name: &String| table.columns().iter().position(|c| c.name() == *name);
    names.iter().map(position).collect()
}
