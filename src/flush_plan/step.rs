//! `Step`: rows of one table to which one thing is done.

use std::sync::Arc;

use crate::change_set::SetTo;
use crate::model::Table;
use crate::resolution::{Found, Resolution};

/// Rows of one table, and what is done to them when the steps before are done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Rows that are deleted.
    Delete(DeleteStep),
    /// Rows that are updated.
    Update(UpdateStep),
    /// Rows that are inserted.
    Insert(InsertStep),
    /// Rows that are looked for by a natural key, and inserted if they are not there.
    FindOrAdd(FindOrAddStep),
}

impl Step {
    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        match self {
            Step::Delete(step) => step.table,
            Step::Update(step) => step.table,
            Step::Insert(step) => step.description,
            Step::FindOrAdd(step) => step.insert.description,
        }
    }

    /// Returns the number of rows.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no step is empty")]
    pub fn len(&self) -> usize {
        match self {
            Step::Delete(step) => step.len(),
            Step::Update(step) => step.len(),
            Step::Insert(step) => step.rows.len(),
            Step::FindOrAdd(step) => step.insert.rows.len(),
        }
    }

    /// Returns `true` if the same is done to the same rows.
    pub(crate) fn is_same(&self, other: &Step) -> bool {
        match (self, other) {
            (Step::Delete(a), Step::Delete(b)) => (a.changed, &a.slots) == (b.changed, &b.slots),
            (Step::Update(a), Step::Update(b)) => {
                (a.changed, &a.rows, &a.columns, a.set_aside)
                    == (b.changed, &b.rows, &b.columns, b.set_aside)
            }
            (Step::Insert(a), Step::Insert(b)) => (a.table, &a.rows) == (b.table, &b.rows),
            (Step::FindOrAdd(a), Step::FindOrAdd(b)) => {
                (a.insert.table, &a.insert.rows) == (b.insert.table, &b.insert.rows)
            }
            _ => false,
        }
    }

    /// Returns the insert step, if the step inserts rows.
    #[must_use]
    pub fn as_insert(&self) -> Option<&InsertStep> {
        match self {
            Step::Insert(step) => Some(step),
            _ => None,
        }
    }
}

/// Rows of one table that are inserted together.
#[derive(Debug, Clone)]
pub struct InsertStep {
    pub(crate) table: usize,
    pub(crate) description: &'static Table,
    pub(crate) rows: Vec<u32>,
}

impl InsertStep {
    /// Returns the table's position in [`FlushPlan::tables`](crate::FlushPlan::tables).
    #[must_use]
    pub fn table(&self) -> usize {
        self.table
    }

    /// Returns the rows. Each row comes after the rows of the same step that it refers to. A row is
    /// named by its position among the new rows of its table, in the order of `add`.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// Rows of one table that are looked for by a natural key, together, and inserted if they are not
/// there. All these rows leave the same columns to the database, and no row refers to another row of
/// the step.
#[derive(Debug, Clone)]
pub struct FindOrAddStep {
    /// The rows, as they would be inserted, in ascending order.
    pub(crate) insert: InsertStep,
    /// The columns that the rows leave to the database, in the table's order.
    pub(crate) left: Vec<usize>,
    /// The same rows in the order of their natural keys, so that everybody locks them in one order; by
    /// their positions in `insert`.
    pub(crate) by_key: Vec<u32>,
    pub(crate) resolution: Arc<Resolution>,
}

impl FindOrAddStep {
    /// Returns the table's position in [`FlushPlan::tables`](crate::FlushPlan::tables).
    #[must_use]
    pub fn table(&self) -> usize {
        self.insert.table
    }

    /// Returns what is set in a row that is there, column by column; nothing where the row is kept. What
    /// the rows leave to the database stays as it is.
    pub(crate) fn assignments(&self) -> Vec<(usize, Assignment)> {
        let Found::Updated { set, increment } = &self.resolution.found else { return Vec::new() };
        let set = set.iter().map(|&column| (column, Assignment::Value));
        let increment = increment.iter().map(|&column| (column, Assignment::Sum));
        let given = set.chain(increment).filter(|(column, _)| !self.left.contains(column));
        let version = self.insert.description.version();
        given.chain(version.map(|column| (column, Assignment::Next))).collect()
    }

    /// Returns `true` if rows that are there are updated.
    #[must_use]
    pub fn is_upsert(&self) -> bool {
        matches!(self.resolution.found, Found::Updated { .. })
    }
}

/// What a column of a row that is there is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// The entity's value.
    Value,
    /// What the row has and the entity's value together.
    Sum,
    /// One more than the row has.
    Next,
}

/// Rows of one table that are updated together.
#[derive(Debug, Clone)]
pub struct UpdateStep {
    pub(crate) table: &'static Table,
    /// The position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed).
    pub(crate) changed: usize,
    /// The columns that change in one row or another, by position and in the table's order.
    pub(crate) columns: Vec<(usize, SetTo)>,
    /// Positions in [`ChangedRows::slots`](crate::change_set::ChangedRows::slots).
    pub(crate) rows: Vec<u32>,
    /// Which of the columns change in each row; none where all of them do.
    pub(crate) masks: Option<Vec<ColumnMask>>,
    /// Rows of this step may take a value that a row of an earlier update of the table gives up, so
    /// that it has to wait for that also where all steps are one statement.
    pub(crate) waits: bool,
    /// The parts of the rows' keys, as bits, that the database has changed by then where steps are sent
    /// one after the other, along with what these refer to.
    pub(crate) moved: u8,
    /// What the rows' values are set to, where it is not what the entities hold.
    pub(crate) set_aside: Option<SetAside>,
}

impl UpdateStep {
    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns the number of rows.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no step is empty")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the columns that are written, by their position in [`Table::columns`]. If the rows'
    /// changes [differ](UpdateStep::is_sparse), a row keeps its value in the columns that it does not
    /// change.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|&(column, _)| column)
    }

    /// Returns `true` if different columns change in different rows of the step.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.masks.is_some()
    }

    /// Returns `true` if the step gives the rows a value that they have only until a later step.
    /// Meanwhile another row can take their old value.
    #[must_use]
    pub fn is_detour(&self) -> bool {
        self.set_aside.is_some()
    }

    /// Returns `true` if the row at this position of the step changes this column, by the position
    /// in `columns`.
    pub(crate) fn changes(&self, at: usize, column: usize) -> bool {
        self.masks.as_ref().is_none_or(|masks| masks[at].has(column))
    }
}

/// Which columns of a step change in one row, by position among the step's columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ColumnMask(Vec<u64>);

impl ColumnMask {
    /// As many columns as one number has bits for. The sign is left out, so that the number is
    /// what it is in SQL.
    pub(crate) const WIDTH: usize = 63;

    pub(crate) fn new(columns: impl Iterator<Item = usize>) -> ColumnMask {
        let mut mask = ColumnMask::default();
        for column in columns {
            let word = column / ColumnMask::WIDTH;
            if mask.0.len() <= word {
                mask.0.resize(word + 1, 0);
            }
            mask.0[word] |= 1 << (column % ColumnMask::WIDTH);
        }
        mask
    }

    pub(crate) fn has(&self, column: usize) -> bool {
        self.word(column / ColumnMask::WIDTH) & (1 << (column % ColumnMask::WIDTH)) != 0
    }

    /// Returns the bits of so many columns, from `word` times that many on.
    pub(crate) fn word(&self, word: usize) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }
}

/// A value that nobody has, for a row to hold until a later step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetAside {
    Null,
    /// A number beyond the largest of the table.
    Beyond,
    Uuid,
    /// A text of at most so many characters.
    Text(usize),
}

/// Rows of one table that are deleted together.
#[derive(Debug, Clone)]
pub struct DeleteStep {
    pub(crate) table: &'static Table,
    /// The position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed).
    pub(crate) changed: usize,
    pub(crate) slots: Vec<u32>,
}

impl DeleteStep {
    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns the number of rows.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no step is empty")]
    pub fn len(&self) -> usize {
        self.slots.len()
    }
}
