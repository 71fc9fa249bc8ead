//! `Levels`: what a graph consists of.

use super::Edge;
use crate::error::{Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Bound, Params};

/// The levels of a graph. Each but the first hangs below one that comes before it.
#[derive(Debug)]
pub(crate) struct Levels(Vec<Level>);

/// The rows of one table that are loaded for one reason.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) table: &'static Table,
    pub(crate) relation: Relation,
    /// Which rows, of those that the relation leads to.
    pub(crate) selection: Selection,
}

/// What leads to the rows of a level. The columns are those of a foreign key, by position.
#[derive(Debug)]
pub(crate) enum Relation {
    /// Nothing: the graph begins here.
    Root(Root),
    /// Each row refers to a row of the level above.
    Children { above: usize, columns: &'static [usize], through: Option<usize> },
    /// Rows of the level above refer to each row.
    Parent { above: usize, columns: &'static [usize] },
    /// Each row refers to a row of the level above, or to another of this level. All are of one table.
    Descendants { above: usize, columns: &'static [usize] },
    /// Rows of the level above refer to each row, or others of this level do. All are of one table.
    Ancestors { above: usize, columns: &'static [usize] },
}

/// Where a graph begins.
#[derive(Debug)]
pub(crate) enum Root {
    /// With the rows that a condition selects.
    Query,
    /// With rows that are loaded already: their keys, an array for each part.
    Keys { arrays: Vec<ArrayParam>, len: usize },
}

/// A condition, an order and limits, as the caller has given them.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The text behind `WHERE`.
    pub(crate) condition: Option<String>,
    /// The text behind `ORDER BY`.
    pub(crate) order: Option<String>,
    /// The most rows; below the first level, the most for each row of the level above.
    pub(crate) limit: Option<u64>,
    /// The number of rows that are skipped.
    pub(crate) offset: Option<u64>,
    /// The values of the parameters of these texts.
    pub(crate) bound: Bound,
}

impl Selection {
    /// Returns what selects everything.
    pub(crate) fn all() -> Selection {
        Selection { condition: None, order: None, limit: None, offset: None, bound: Bound::new() }
    }

    /// Returns the texts that the caller has written.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.condition.iter().chain(&self.order).map(String::as_str)
    }

    /// Checks what can be checked before anything is sent, but the parameters.
    ///
    /// # Errors
    ///
    /// Mistakes of the model, and a limit or an offset that is too large.
    pub(crate) fn check(&self, table: &'static Table) -> Result<(), Error> {
        table.validate()?;
        for (name, rows) in [("LIMIT", self.limit), ("OFFSET", self.offset)] {
            if let Some(rows) = rows.filter(|&rows| i32::try_from(rows).is_err()) {
                let message = format!("{name} {rows} is more than 2,147,483,647");
                return Err(Error::new(ErrorKind::Encode, message).with_table(table.name()));
            }
        }
        Ok(())
    }

    /// Returns `true` if every row is selected, in whatever order.
    pub(crate) fn is_all(&self) -> bool {
        self.condition.is_none() && self.order.is_none() && self.limit.is_none()
    }

    /// Returns the parameters.
    ///
    /// # Errors
    ///
    /// Those of [`Bound::check`].
    pub(crate) fn params(&self, table: &'static Table) -> Result<&Params, Error> {
        self.bound.check(CONDITION, self.texts()).map_err(|error| error.with_table(table.name()))
    }
}

/// What errors call the texts of a selection.
pub(crate) const CONDITION: &str = "condition";

impl Relation {
    /// Returns the position of the level above, unless this is the first.
    pub(crate) fn above(&self) -> Option<usize> {
        match *self {
            Relation::Root(_) => None,
            Relation::Children { above, .. }
            | Relation::Parent { above, .. }
            | Relation::Descendants { above, .. }
            | Relation::Ancestors { above, .. } => Some(above),
        }
    }

    /// Returns the columns of the foreign key; none for the first level.
    pub(crate) fn columns(&self) -> &'static [usize] {
        match *self {
            Relation::Root(_) => &[],
            Relation::Children { columns, .. }
            | Relation::Parent { columns, .. }
            | Relation::Descendants { columns, .. }
            | Relation::Ancestors { columns, .. } => columns,
        }
    }

    /// Returns `true` if the foreign key is that of the level above.
    pub(crate) fn leads_to_parents(&self) -> bool {
        matches!(self, Relation::Parent { .. } | Relation::Ancestors { .. })
    }
}

impl Levels {
    /// Returns the level at which a graph begins.
    pub(crate) fn new(root: Level) -> Levels {
        Levels(vec![root])
    }

    /// Appends a level, and returns its position.
    pub(crate) fn push(&mut self, table: &'static Table, relation: Relation) -> usize {
        self.0.push(Level { table, relation, selection: Selection::all() });
        self.0.len() - 1
    }

    /// Returns the number of levels.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the level at this position.
    pub(crate) fn at(&self, level: usize) -> &Level {
        &self.0[level]
    }

    /// Returns the level at this position, to be changed.
    pub(crate) fn at_mut(&mut self, level: usize) -> &mut Level {
        &mut self.0[level]
    }

    /// Returns all levels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Level> {
        self.0.iter()
    }

    /// Returns `true` if a level is a tree.
    pub(crate) fn is_recursive(&self) -> bool {
        let is_tree = |level: &Level| {
            matches!(level.relation, Relation::Descendants { .. } | Relation::Ancestors { .. })
        };
        self.0.iter().any(is_tree)
    }

    /// Returns `true` if the graph begins with rows that are loaded already.
    pub(crate) fn begins_with_keys(&self) -> bool {
        matches!(self.0[0].relation, Relation::Root(Root::Keys { .. }))
    }

    /// Returns the level of the rows by which the links of this level are selected or put in order.
    pub(crate) fn picked_by(&self, level: usize) -> Option<usize> {
        match self.at(level).relation {
            Relation::Children { through, .. } => {
                through.filter(|&target| !self.at(target).selection.is_all())
            }
            _ => None,
        }
    }

    /// Returns `true` if the children of each row are to be put in the order of their keys here: the keys
    /// are integers, and the caller wants no other order. The server would sort all of them at once.
    pub(crate) fn is_sorted_here(&self, level: usize) -> bool {
        let Level { table, relation, selection } = self.at(level);
        let is_of_children =
            matches!(relation, Relation::Children { .. } | Relation::Descendants { .. });
        let is_integer = |&column: &usize| {
            table.columns()[column].ty().is_integer() && table.cast(column).is_none()
        };
        is_of_children
            && selection.order.is_none()
            && self.picked_by(level).is_none()
            && table.key().len() == 1
            && table.key().iter().all(is_integer)
    }

    /// Returns `true` if rows of this level are left out for a condition, that of the level itself or, for
    /// links, that of the rows that they lead to.
    pub(crate) fn has_condition(&self, level: usize) -> bool {
        let of = |level: usize| self.at(level).selection.condition.is_some();
        match self.at(level).relation {
            Relation::Children { through: Some(target), .. } => of(level) || of(target),
            _ => of(level) && !self.is_target(level),
        }
    }

    /// Returns `true` if what is read of a column compares as the column does.
    pub(crate) fn is_read_as_it_is(&self, level: usize, column: usize) -> bool {
        let table = self.at(level).table;
        let ty = table.columns()[column].ty();
        (ty.is_integer() || ty == SqlType::UUID) && table.cast(column).is_none()
    }

    /// Returns `true` if a level is joined with the rows of the level above, and not with their arrays. An array
    /// counts as ten keys. For a condition, the server would then read another index once for each key.
    pub(crate) fn is_joined_by_rows(&self, level: usize) -> bool {
        let relation = &self.at(level).relation;
        matches!(relation, Relation::Children { .. } | Relation::Parent { .. })
            && self.has_condition(level)
    }

    /// Returns `true` if a statement of all levels needs the rows of this level, and not only their arrays.
    pub(crate) fn are_rows_needed(&self, level: usize) -> bool {
        let is_below = |below: &usize| self.at(*below).relation.above() == Some(level);
        self.is_numbered(level)
            || (1..self.len()).filter(is_below).any(|below| self.is_joined_by_rows(below))
    }

    /// Returns `true` if links lead to the rows of this level, and were selected by them.
    pub(crate) fn is_target(&self, level: usize) -> bool {
        let Relation::Parent { above, .. } = self.at(level).relation else { return false };
        match self.at(above).relation {
            Relation::Children { through, .. } => through == Some(level),
            _ => false,
        }
    }

    /// Returns the columns of the level above by which the rows of this level belong to it.
    pub(crate) fn columns_above(&self, level: usize) -> &'static [usize] {
        let relation = &self.at(level).relation;
        match relation.above() {
            Some(above) if !relation.leads_to_parents() => self.at(above).table.key(),
            _ => relation.columns(),
        }
    }

    /// Returns the columns of a level that are read: all, but of rows that are loaded already only those
    /// by which others belong to them.
    pub(crate) fn read_columns(&self, level: usize) -> Vec<usize> {
        match self.at(level).relation {
            Relation::Root(Root::Keys { .. }) => self.join_columns(level),
            _ => (0..self.at(level).table.columns().len()).collect(),
        }
    }

    /// Returns the columns of a level by which its rows and those of other levels belong together, in
    /// ascending order.
    pub(crate) fn join_columns(&self, level: usize) -> Vec<usize> {
        let mut columns = Vec::new();
        for other in 1..self.len() {
            let edge = Edge::of(self, other);
            if edge.one.contains(&level) {
                columns.extend(edge.key);
            }
            if edge.many.contains(&level) {
                columns.extend(edge.foreign_key);
            }
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Returns `true` if the rows of a level are numbered: another numbering is told by the server.
    pub(crate) fn is_numbered(&self, level: usize) -> bool {
        let is_root_of_keys = level == 0 && self.begins_with_keys();
        is_root_of_keys
            || (1..self.len()).map(|other| Edge::of(self, other)).any(|edge| {
                !edge.is_exact() && (edge.one.contains(&level) || edge.many.contains(&level))
            })
    }

    /// Returns the texts that the caller has written.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|level| level.selection.texts())
    }

    /// Returns the error of the first value that could not be encoded, if there is one.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.0.iter_mut().find_map(|Level { table, selection, .. }| {
            selection.bound.take_error().map(|error| error.with_table(table.name()))
        })
    }

    /// Checks everything that can be checked before anything is sent.
    ///
    /// # Errors
    ///
    /// Mistakes of a model, and of parameters.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.0.iter().try_for_each(|Level { table, selection, .. }| {
            selection.check(table)?;
            selection.params(table).map(drop)
        })
    }
}
