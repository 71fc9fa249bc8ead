//! `FlushPlan`: what is written before what.

mod constraints;
mod display;
mod insert_order;
mod inserts;
mod judge;
mod links;
mod order;
mod part;
mod planned_statement;
mod planned_table;
mod reach;
mod resolved;
mod row_graph;
mod rows;
mod same_row;
mod step;
mod suspects;
mod updates;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use constraints::{
    Action, Constraints, ForeignKeyConstraint, UniqueConstraint, are_sent_as_compared, positions,
};
pub(crate) use display::{counted, plural};
use insert_order::{KeysAre, order_rows};
pub use inserts::Inserts;
pub(crate) use judge::{RowSet, means_the_same};
use order::{Order, Placed, Run, order, references};
pub(crate) use part::{Done, RowAt, done_to};
pub use planned_statement::PlannedStatement;
pub(crate) use planned_table::GroupOrder;
pub use planned_table::{OptionalColumn, PlannedTable};
use row_graph::Node;
pub(crate) use same_row::is_updated_twice;
pub(crate) use step::{Assignment, ColumnMask, SetAside};
pub use step::{DeleteStep, FindOrAddStep, InsertStep, Step, UpdateStep};
pub(crate) use suspects::Suspects;

use crate::change_set::{ChangeSet, EntityAt, SetTo, UpdatedRow};
use crate::error::{Error, ErrorKind};
use crate::model::Table;
use crate::toposort::Graph;

/// The circles of new rows that a strategy can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cycles {
    /// None: a row's key is known only once the row is written.
    None,
    /// A row that refers to itself: its key is known before it is written.
    OneRow,
    /// All: everything is written in one statement, in any order.
    Any,
}

/// The steps of a flush, in an order that is right when each step is sent as statements of its own.
///
/// A row that gives up a key or a unique value is written before a row that takes it. A row is written
/// after the rows that it refers to, and is deleted, or refers to another row, before such a row is
/// deleted. So the steps are mostly in this order: deletes, children first; updates; inserts, parents
/// first, among them the steps that find or add rows; updates that refer to new rows; and deletes of
/// the rows to which updated rows referred until then.
///
/// Plain data, without SQL. It prints itself:
///
/// ```text
/// 1. sessions: delete 3 rows
/// 2. users: update name of 1 row
/// 3. teams: 1 row
/// 4. users: update team_id of 20 rows
/// 5. teams: delete 1 row
/// ```
#[derive(Debug, Clone, Default)]
pub struct FlushPlan {
    tables: Arc<[PlannedTable]>,
    steps: Vec<Step>,
    /// Steps whose rows wait for each other in a circle, so that they have to be one statement.
    circles: Vec<Range<usize>>,
    has_new_in_circle: bool,
    /// The unique constraints that have to be looked at when all is done.
    deferred: Vec<String>,
    suspects: Option<Suspects>,
    needs_constraints: bool,
    passes_on: bool,
    needs_order: bool,
    refusal: Option<Arc<Error>>,
    changed_bytes: usize,
}

impl FlushPlan {
    /// Orders a change set, whose tables have been [surveyed](PlannedTable::survey). Where the
    /// database was asked for its constraints, the order is the one that they want; otherwise it is
    /// the one that the models' foreign keys and keys want.
    ///
    /// Tables are ordered by their foreign keys. Only where that does not do are they ordered row by
    /// row.
    ///
    /// # Errors
    ///
    /// A circle of new rows that `cycles` does not allow; a reference to an entity that is not
    /// there; a value that cannot be encoded.
    pub(crate) fn new(
        changes: &ChangeSet<'_>,
        tables: Arc<[PlannedTable]>,
        cycles: Cycles,
        constraints: Option<&Constraints>,
    ) -> Result<FlushPlan, Error> {
        let (inserts, merged) = insert_steps(changes, &tables, cycles)?;
        let mut plan = FlushPlan {
            tables,
            changed_bytes: changes.changed_bytes(),
            suspects: Suspects::find(changes, merged)?,
            ..FlushPlan::default()
        };
        if constraints.is_none() && is_plain(changes) {
            plan.steps = plain_steps(changes);
            plan.steps.extend(resolved::steps(changes, &plan.tables, inserts)?);
            return Ok(plan);
        }
        let Order {
            runs,
            deferred,
            needs_constraints,
            has_new_in_circle,
            passes_on,
            needs_order,
            refusal,
            ..
        } = order(changes, constraints, cycles != Cycles::Any || constraints.is_none())?;
        for run in &runs {
            let start = plan.steps.len();
            plan.add(changes, run, &inserts)?;
            if run.is_circle {
                plan.circles.push(start..plan.steps.len());
            }
        }
        plan.deferred = deferred;
        plan.needs_constraints = needs_constraints;
        plan.has_new_in_circle = has_new_in_circle;
        (plan.passes_on, plan.needs_order) = (passes_on, needs_order);
        plan.refusal = refusal.map(Arc::new);
        Ok(plan)
    }

    /// Adds the steps of a run, level by level.
    fn add(
        &mut self,
        changes: &ChangeSet<'_>,
        run: &Run,
        inserts: &[InsertStep],
    ) -> Result<(), Error> {
        // Rows that are deleted or inserted by one statement need no levels: foreign keys are
        // checked when it ends. They are in order for those who write them one by one.
        let (mut deleted, mut has_inserts) = (Vec::new(), false);
        let mut inserted: Vec<(usize, Vec<u32>)> = Vec::new();
        for placed in &run.nodes {
            match placed.node {
                Node::Delete(changed, at) => push(&mut deleted, changed, at),
                Node::Insert(table, row) => match inserted.last_mut() {
                    Some((last, rows)) if *last == table => rows.push(row),
                    _ => inserted.push((table, vec![row])),
                },
                Node::Inserts => has_inserts = true,
                Node::Update(..) | Node::SetAside(..) | Node::Escaped => {}
            }
        }
        for (changed, of_model) in deleted {
            let rows = &changes.changed()[changed];
            let slots = of_model.into_iter().map(|at| rows.deleted()[at as usize]).collect();
            self.steps.push(Step::Delete(DeleteStep { table: rows.table(), changed, slots }));
        }
        if !run.inserts_first {
            self.add_levels(changes, run);
        }
        if has_inserts {
            self.steps.extend(resolved::steps(changes, &self.tables, inserts.to_vec())?);
        }
        for (table, rows) in inserted {
            let description = self.tables[table].table();
            let insert = InsertStep { table, description, rows };
            self.steps.extend(resolved::steps(changes, &self.tables, vec![insert])?);
        }
        if run.inserts_first {
            self.add_levels(changes, run);
        }
        Ok(())
    }

    /// Adds the updates of a run, level by level.
    fn add_levels(&mut self, changes: &ChangeSet<'_>, run: &Run) {
        let levels = run.nodes.iter().map(|placed| placed.level).max().map_or(0, |last| last + 1);
        for level in 0..levels {
            let of_level = run.nodes.iter().filter(|placed| placed.level == level);
            self.add_updates(changes, of_level.clone());
            self.add_set_aside(changes, of_level);
        }
    }

    fn add_updates<'p>(
        &mut self,
        changes: &ChangeSet<'_>,
        nodes: impl Iterator<Item = &'p Placed>,
    ) {
        let mut updated: Vec<((usize, bool, u8), Vec<u32>)> = Vec::new();
        for placed in nodes {
            if let Node::Update(changed, at) = placed.node {
                push(&mut updated, (changed, placed.takes_from_update, placed.moved), at);
            }
        }
        for ((changed, waits, moved), of_model) in updated {
            let rows = &changes.changed()[changed];
            let some: Vec<UpdatedRow> =
                of_model.into_iter().map(|at| rows.updated()[at as usize]).collect();
            for step in updates::steps(changed, rows, &some) {
                self.steps.push(Step::Update(UpdateStep { waits, moved, ..step }));
            }
        }
    }

    fn add_set_aside<'p>(
        &mut self,
        changes: &ChangeSet<'_>,
        nodes: impl Iterator<Item = &'p Placed>,
    ) {
        let mut set_aside = Vec::new();
        for placed in nodes {
            if let Node::SetAside(changed, at, (column, to)) = placed.node {
                push(&mut set_aside, (changed, column, to), at);
            }
        }
        for ((changed, column, to), of_model) in set_aside {
            let rows = &changes.changed()[changed];
            self.steps.push(Step::Update(UpdateStep {
                table: rows.table(),
                changed,
                columns: vec![(column, SetTo::Value)],
                rows: of_model.into_iter().map(|at| rows.updated()[at as usize].row).collect(),
                masks: None,
                waits: false,
                moved: 0,
                set_aside: Some(to),
            }));
        }
    }

    /// Returns `true` if the database gives updated rows another key, along with what they refer to, before
    /// their own step comes.
    pub(crate) fn moves_rows(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Update(step) if step.moved != 0))
    }

    /// Returns the tables with new rows, in the order of their first appearance in the unit of work.
    #[must_use]
    pub fn tables(&self) -> &[PlannedTable] {
        &self.tables
    }

    /// Returns all steps, in an order in which they can be written.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the steps that insert rows, in their order.
    pub fn inserts(&self) -> impl Iterator<Item = &InsertStep> {
        self.steps.iter().filter_map(Step::as_insert)
    }

    /// Returns the number of new rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tables.iter().map(PlannedTable::rows).sum()
    }

    /// Returns the number of rows that are updated. A row that takes a detour counts once.
    #[must_use]
    pub fn updated_rows(&self) -> usize {
        let rows = |step: &Step| match step {
            Step::Update(step) if !step.is_detour() => step.len(),
            _ => 0,
        };
        self.steps.iter().map(rows).sum()
    }

    /// Returns the number of rows that are deleted.
    #[must_use]
    pub fn deleted_rows(&self) -> usize {
        let rows = |step: &Step| if let Step::Delete(step) = step { step.len() } else { 0 };
        self.steps.iter().map(rows).sum()
    }

    /// Returns the size of all values that are written, in bytes; see [`PlannedTable::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(PlannedTable::bytes).sum::<usize>() + self.changed_bytes
    }

    /// Returns `true` if rows are updated or deleted.
    pub(crate) fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| step.as_insert().is_none())
    }

    /// Returns `true` if another plan has the very same steps.
    pub(crate) fn has_steps_of(&self, other: &FlushPlan) -> bool {
        let same = |(a, b): (&Step, &Step)| a.is_same(b);
        self.steps.len() == other.steps.len()
            && self.circles == other.circles
            && self.steps.iter().zip(&other.steps).all(same)
    }

    /// Returns the rows of some steps.
    pub(crate) fn rows_of(&self, changes: &ChangeSet<'_>, steps: Range<usize>) -> RowSet {
        let mut rows = RowSet::new();
        for step in &self.steps[steps] {
            match step {
                Step::Delete(step) => {
                    let model = changes.changed()[step.changed].model();
                    rows.extend(step.slots.iter().map(|&slot| EntityAt { model, slot }));
                }
                Step::Update(step) => {
                    let changed = &changes.changed()[step.changed];
                    let slots = step.rows.iter().map(|&row| changed.slot_of(row));
                    rows.extend(slots.map(|slot| EntityAt { model: changed.model(), slot }));
                }
                Step::Insert(step) | Step::FindOrAdd(FindOrAddStep { insert: step, .. }) => {
                    let new = &changes.tables()[step.table];
                    let slots = step.rows.iter().map(|&row| new.slots()[row as usize]);
                    rows.extend(slots.map(|slot| EntityAt { model: new.model(), slot }));
                }
            }
        }
        rows
    }

    /// Returns the steps of the circle that a step belongs to, by their positions, if it belongs to
    /// one: their rows wait for each other, so that all of them have to be one statement.
    pub(crate) fn circle(&self, step: usize) -> Option<Range<usize>> {
        self.circles.iter().find(|circle| circle.contains(&step)).cloned()
    }

    /// Returns `true` if rows wait for each other in a circle, and new ones are among them.
    pub(crate) fn has_new_in_circle(&self) -> bool {
        self.has_new_in_circle
    }

    /// Returns the unique constraints that have to be looked at when all steps are done.
    pub(crate) fn deferred(&self) -> &[String] {
        &self.deferred
    }

    /// Returns what the database has to be asked for, lest one statement means something else than
    /// the steps one after the other.
    pub(crate) fn suspects(&self) -> Option<&Suspects> {
        self.suspects.as_ref()
    }

    /// Returns `true` if only the database's constraints can give an order.
    pub(crate) fn needs_constraints(&self) -> bool {
        self.needs_constraints
    }

    /// Returns `true` if updated rows pass unique values on.
    pub(crate) fn passes_on(&self) -> bool {
        self.passes_on
    }

    /// Returns `true` if updated rows pass unique values on to others, in an order that one statement
    /// does not have.
    pub(crate) fn needs_order(&self) -> bool {
        self.needs_order
    }

    /// Returns why there is no order, if there is none.
    pub(crate) fn refusal(&self) -> Option<&Arc<Error>> {
        self.refusal.as_ref()
    }
}

/// Adds an item to the items of its key. Keys stay in the order of their first appearance.
fn push<K: PartialEq, T>(items: &mut Vec<(K, Vec<T>)>, key: K, item: T) {
    match items.iter_mut().find(|(other, _)| *other == key) {
        Some((_, items)) => items.push(item),
        None => items.push((key, vec![item])),
    }
}

/// So many turns of tables that refer to each other are statements of their own also where all is one
/// statement. More are merged, a table at a time.
const MAX_TURNS: usize = 8;

/// Orders the new rows alone. Where all are written at once, the order is still that of the rows, for
/// the sake of triggers that look for what a row refers to; but a circle has none. Gives the tables
/// as well of which rows are out of order though there is one.
fn insert_steps(
    changes: &ChangeSet<'_>,
    tables: &[PlannedTable],
    cycles: Cycles,
) -> Result<(Vec<InsertStep>, Vec<&'static Table>), Error> {
    let descriptions: Vec<&'static Table> = tables.iter().map(PlannedTable::table).collect();
    let references = references(&descriptions);
    let (mut steps, mut merged) = (Vec::new(), Vec::new());
    let keys = match cycles {
        Cycles::None => KeysAre::Returned,
        _ => KeysAre::Reserved,
    };
    let step = |table: usize, rows| InsertStep { table, description: descriptions[table], rows };
    for component in Graph::new(tables.len(), &references).components() {
        let is_linked = component.len() > 1 || references.contains(&(component[0], component[0]));
        // What refers to a row that may be found has to wait for it, and what is one statement for the
        // others is not for those.
        let is_found = component.iter().any(|&at| tables[at as usize].resolution().is_some());
        let runs = match is_linked {
            false => None,
            true => match order_rows(changes, &component, keys) {
                Ok(runs) if cycles == Cycles::Any && runs.len() > MAX_TURNS && !is_found => {
                    merged.extend(component.iter().map(|&table| descriptions[table as usize]));
                    None
                }
                Err(error)
                    if cycles == Cycles::Any && error.kind() == ErrorKind::Cycle && !is_found =>
                {
                    None
                }
                runs => Some(runs?),
            },
        };
        match runs {
            Some(runs) => steps.extend(runs.into_iter().map(|(table, rows)| step(table, rows))),
            None => {
                let all = |table: usize| (0..tables[table].rows() as u32).collect();
                steps.extend(
                    component.iter().map(|&table| step(table as usize, all(table as usize))),
                );
            }
        }
    }
    Ok((steps, merged))
}

/// Returns `true` if tables can be ordered as a whole: nothing that is updated can be tied to
/// another row, and no tables with deleted rows refer to each other in a circle.
fn is_plain(changes: &ChangeSet<'_>) -> bool {
    let changed = changes.changed();
    let has_ties = changed.iter().any(|rows| {
        let table = rows.table();
        let references = table.foreign_keys().flat_map(|foreign_key| foreign_key.columns);
        let tied: Vec<usize> = table.key().iter().chain(references).copied().collect();
        rows.updates_any(&tied)
    });
    let deleted = tables_with_deletes(changes);
    let tables: Vec<&'static Table> = deleted.iter().map(|&at| changed[at].table()).collect();
    let references = references(&tables);
    let components = Graph::new(tables.len(), &references).components();
    let refers_to_itself = references.iter().any(|(from, to)| from == to);
    !has_ties && !refers_to_itself && components.iter().all(|component| component.len() == 1)
}

fn tables_with_deletes(changes: &ChangeSet<'_>) -> Vec<usize> {
    let has_deletes = |&at: &usize| !changes.changed()[at].deleted().is_empty();
    (0..changes.changed().len()).filter(has_deletes).collect()
}

/// Deletes, children first, and updates, by the names of their tables.
fn plain_steps(changes: &ChangeSet<'_>) -> Vec<Step> {
    let (changed, mut steps) = (changes.changed(), Vec::new());
    let deleted = tables_with_deletes(changes);
    let tables: Vec<&'static Table> = deleted.iter().map(|&at| changed[at].table()).collect();
    let components = Graph::new(tables.len(), &references(&tables)).components();
    for table in components.iter().rev().flatten() {
        let at = deleted[*table as usize];
        let slots = changed[at].deleted().to_vec();
        steps.push(Step::Delete(DeleteStep { table: changed[at].table(), changed: at, slots }));
    }
    let tables: Vec<&'static Table> = changed.iter().map(|rows| rows.table()).collect();
    let mut updated: Vec<usize> = (0..changed.len()).collect();
    updated.sort_by_key(|&at| order::by_name(&tables, at));
    for at in updated {
        let of_model = updates::steps(at, &changed[at], changed[at].updated());
        steps.extend(of_model.into_iter().map(Step::Update));
    }
    steps
}
