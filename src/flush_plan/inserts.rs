//! `Inserts`: the part of a plan that a strategy writes.

use super::{FlushPlan, GroupOrder, InsertStep, PlannedTable, Step};

/// The insert steps that a strategy writes at one time: mostly all of a plan.
///
/// Tables are named by their position in [`tables`](Inserts::tables), rows by their position among
/// the new rows of their table.
#[derive(Debug, Clone, Copy)]
pub struct Inserts<'a> {
    plan: &'a FlushPlan,
    steps: &'a [Step],
    is_first: bool,
}

impl<'a> Inserts<'a> {
    /// Returns the tables with new rows, in the order of their first appearance in the unit of work.
    #[must_use]
    pub fn tables(&self) -> &'a [PlannedTable] {
        self.plan.tables()
    }

    /// Returns the steps, in an order in which they can be written.
    pub fn steps(&self) -> impl Iterator<Item = &'a InsertStep> + use<'a> {
        self.steps.iter().filter_map(Step::as_insert)
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.steps.iter().map(Step::len).sum()
    }

    /// Returns `true` if no insert step of the plan comes before these. Otherwise, the keys that were
    /// reserved and the tables that were looked at for the earlier steps hold for these steps as well.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Returns the rows of a table whose keys are reserved before any of its rows is inserted, if
    /// they are not all of them: those of a circle get their keys as they are inserted.
    pub(crate) fn reserved_rows(&self, table: usize) -> Option<Vec<u32>> {
        let steps = self.plan.steps.iter().enumerate();
        let (mut rows, mut is_all) = (Vec::new(), true);
        for (at, step) in steps {
            let Some(insert) = step.as_insert().filter(|insert| insert.table == table) else {
                continue;
            };
            if self.plan.circle(at).is_some() {
                is_all = false;
            } else {
                rows.extend_from_slice(&insert.rows);
            }
        }
        rows.sort_unstable();
        (!is_all).then_some(rows)
    }

    /// Returns the size of all values that the flush writes, in bytes; see
    /// [`PlannedTable::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.plan.bytes()
    }

    /// Returns the order of a step's rows where several statements write them. It counts if rows can
    /// refer to others of the same step.
    pub(crate) fn group_order(&self, step: &InsertStep) -> GroupOrder {
        let table = step.description;
        match table.foreign_keys().any(|foreign_key| foreign_key.target.is(table)) {
            true => GroupOrder::Kept,
            false => GroupOrder::Free,
        }
    }
}

impl FlushPlan {
    /// Returns the insert steps from this position on, up to the next step of another kind.
    pub(crate) fn inserts_from(&self, first: usize) -> Inserts<'_> {
        let is_alone =
            |at: &usize| self.steps[*at].as_insert().is_some() && self.circle(*at).is_none();
        let len = (first..self.steps.len()).take_while(is_alone).count();
        let is_first = !(0..first).any(|at| is_alone(&at));
        Inserts { plan: self, steps: &self.steps[first..first + len], is_first }
    }

    /// Returns no steps, for a flush that is not at its inserts.
    pub(crate) fn no_inserts(&self) -> Inserts<'_> {
        Inserts { plan: self, steps: &[], is_first: true }
    }
}
