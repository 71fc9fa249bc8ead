//! Some rows of a plan, for who sends a few at a time.

use std::ops::Range;
use std::sync::Arc;

use super::{DeleteStep, FindOrAddStep, FlushPlan, InsertStep, Step, UpdateStep};
use crate::assignments::RowsOf;
use crate::change_set::{ChangeSet, EntityAt};

/// A row of a plan: the position of its step, and its own in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RowAt {
    pub(crate) step: usize,
    pub(crate) at: usize,
}

/// What a step does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Done {
    Inserted,
    Updated,
    Deleted,
}

/// Returns what is done to an entity.
pub(crate) fn done_to(changes: &ChangeSet<'_>, entity: EntityAt) -> Done {
    for rows in changes.changed().iter().filter(|rows| rows.model() == entity.model) {
        if rows.deleted().contains(&entity.slot) {
            return Done::Deleted;
        }
        if rows.slots().binary_search(&entity.slot).is_ok() {
            return Done::Updated;
        }
    }
    Done::Inserted
}

impl FlushPlan {
    /// Returns the rows in an order in which they can be written one by one. Rows that can only be
    /// written at once stand together.
    pub(crate) fn units(&self) -> Vec<Vec<RowAt>> {
        let (mut units, mut next) = (Vec::new(), 0);
        let rows = |step: usize| (0..self.steps[step].len()).map(move |at| RowAt { step, at });
        while next < self.steps.len() {
            match self.circle(next) {
                Some(circle) => {
                    next = circle.end;
                    units.push(circle.flat_map(rows).collect());
                }
                None => {
                    units.extend(rows(next).map(|row| vec![row]));
                    next += 1;
                }
            }
        }
        units
    }

    /// Returns the plan of some of the rows, which are in the order of the plan.
    pub(crate) fn part(&self, rows: &[RowAt]) -> FlushPlan {
        let (mut steps, mut circles) = (Vec::new(), Vec::<Range<usize>>::new());
        let mut last = None;
        for of_step in rows.chunk_by(|a, b| a.step == b.step) {
            let step = of_step[0].step;
            let positions: Vec<usize> = of_step.iter().map(|row| row.at).collect();
            if let Some(circle) = self.circle(step) {
                match circles.last_mut().filter(|_| last == Some(circle.start)) {
                    Some(open) => open.end += 1,
                    None => circles.push(steps.len()..steps.len() + 1),
                }
                last = Some(circle.start);
            }
            steps.push(self.steps[step].part(&positions));
        }
        FlushPlan {
            tables: Arc::clone(&self.tables),
            steps,
            circles,
            suspects: self.suspects.clone(),
            ..FlushPlan::default()
        }
    }

    /// Returns the entity of a row, and what is done to it.
    pub(crate) fn entity(&self, changes: &ChangeSet<'_>, row: RowAt) -> (EntityAt, Done) {
        match &self.steps[row.step] {
            Step::Delete(step) => {
                let model = changes.changed()[step.changed].model();
                (EntityAt { model, slot: step.slots[row.at] }, Done::Deleted)
            }
            Step::Update(step) => {
                let rows = &changes.changed()[step.changed];
                let slot = rows.slot_of(step.rows[row.at]);
                (EntityAt { model: rows.model(), slot }, Done::Updated)
            }
            Step::Insert(step) | Step::FindOrAdd(FindOrAddStep { insert: step, .. }) => {
                let rows = &changes.tables()[step.table];
                let slot = rows.slots()[step.rows[row.at] as usize];
                (EntityAt { model: rows.model(), slot }, Done::Inserted)
            }
        }
    }

    /// Returns where a row's values are; a row that is deleted has none.
    pub(crate) fn values_of(&self, row: RowAt) -> Option<(RowsOf, u32)> {
        match &self.steps[row.step] {
            Step::Delete(_) => None,
            Step::Update(step) => Some((RowsOf::Changed(step.changed), step.rows[row.at])),
            Step::Insert(step) | Step::FindOrAdd(FindOrAddStep { insert: step, .. }) => {
                Some((RowsOf::New(step.table), step.rows[row.at]))
            }
        }
    }
}

impl Step {
    /// Returns the step of the rows at these positions, which ascend.
    fn part(&self, positions: &[usize]) -> Step {
        fn pick<T: Clone>(all: &[T], positions: &[usize]) -> Vec<T> {
            positions.iter().map(|&at| all[at].clone()).collect()
        }
        match self {
            Step::Delete(step) => {
                Step::Delete(DeleteStep { slots: pick(&step.slots, positions), ..*step })
            }
            Step::Update(step) => Step::Update(UpdateStep {
                rows: pick(&step.rows, positions),
                masks: step.masks.as_ref().map(|masks| pick(masks, positions)),
                columns: step.columns.clone(),
                ..*step
            }),
            Step::Insert(step) => {
                Step::Insert(InsertStep { rows: pick(&step.rows, positions), ..*step })
            }
            Step::FindOrAdd(step) => {
                let new_position = |at: &u32| positions.binary_search(&(*at as usize)).ok();
                let by_key = step.by_key.iter().filter_map(new_position);
                Step::FindOrAdd(FindOrAddStep {
                    by_key: by_key.map(|at| at as u32).collect(),
                    insert: InsertStep { rows: pick(&step.insert.rows, positions), ..step.insert },
                    left: step.left.clone(),
                    resolution: Arc::clone(&step.resolution),
                })
            }
        }
    }
}
