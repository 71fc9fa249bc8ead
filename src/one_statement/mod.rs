//! All steps of a plan as one statement, or those that have to be written at once.

mod answer;
mod blame;
mod checks;
mod group_insert;
mod guard;
mod missing;
mod names;
mod render;

use std::ops::Range;

use indexmap::IndexMap;

pub(crate) use blame::conflicting;
use group_insert::GroupInsert;
use names::Names;
use render::Renderer;

use crate::assignments::RowsOf;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::array_source::{Group, KeyArray, KeyName};
use crate::flush::find_or_add::FindOrAdd;
use crate::flush::locks::Locks;
use crate::flush_plan::{
    DeleteStep, FindOrAddStep, FlushPlan, GroupOrder, PlannedStatement, Step, Suspects, UpdateStep,
    counted,
};
use crate::model::Table;

/// The steps of one statement.
#[derive(Debug)]
struct Statement<'a> {
    /// The keys that parts refer to, each array for one column of one table: first those that the
    /// statement takes, then those of rows that are found or added.
    keys: Vec<KeyArray>,
    /// So many of these arrays the statement takes.
    taken: usize,
    /// The steps that find or add rows.
    found: Vec<&'a FindOrAddStep>,
    /// The rows to insert.
    groups: Vec<Group>,
    /// The rows to delete.
    deletes: Vec<&'a DeleteStep>,
    /// The rows to update, and to set aside.
    updates: Vec<&'a UpdateStep>,
    /// Every delete, update and group once, in the order in which they are written.
    parts: Vec<Part>,
    /// The locks that are taken ahead, if there are any to take.
    locks: Option<Locks>,
    /// The names of the parts.
    names: Names,
}

/// A part of the statement, by its position among those of its kind.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// One of [`Statement::deletes`].
    Delete(usize),
    /// One of [`Statement::updates`].
    Update(usize),
    /// One of [`Statement::groups`].
    Insert(usize),
    FindOrAdd(usize),
}

impl Part {
    /// Returns the name of the part in the statement.
    fn name(self, names: &Names) -> String {
        match self {
            Part::Delete(at) => names.delete(at),
            Part::Update(at) => names.update(at),
            Part::Insert(at) => names.insert(at),
            Part::FindOrAdd(at) => names.found(at),
        }
    }

    /// Returns `true` if both parts delete, update or insert.
    fn is_like(self, other: Part) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// What has become of a statement that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has written all rows.
    Written,
    /// Its guard has found a reason not to write anything: it is no transaction of its own, as it
    /// was to be, or a foreign key acts on what is taken away.
    Refused,
}

/// What guards a statement from being written where it would mean something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guarded<'a> {
    /// The tables of which the database has to be asked.
    pub(crate) suspects: Option<&'a Suspects>,
    /// The triggers that act on what refers to them, and the tables other than ordinary ones, that are
    /// known to do no harm, by their OIDs.
    pub(crate) harmless: &'a [u32],
}

/// When the rows that a statement changes are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Before any of them is changed, in the order that all commits keep to.
    Ahead,
    /// As they are changed.
    AsChanged,
}

impl Locking {
    /// Returns `Ahead` if rows are to be locked ahead.
    pub(crate) fn ahead_if(is_ahead: bool) -> Locking {
        if is_ahead { Locking::Ahead } else { Locking::AsChanged }
    }
}

/// Writes steps of a plan, by their positions, in one statement.
///
/// # Errors
///
/// Those of the server, and those of values that cannot be sent.
pub(crate) fn write(
    flush: &mut Flush<'_, '_>,
    steps: Range<usize>,
    guarded: Guarded<'_>,
    locking: Locking,
) -> Result<Outcome, Error> {
    let plan = flush.plan();
    let locks = match locking {
        Locking::Ahead => Some(Locks::new(flush)).filter(|locks| !locks.is_empty()),
        Locking::AsChanged => None,
    };
    let statement = Statement::new(flush, &plan.steps()[steps], locks);
    let (sql, params) = Renderer::new(&statement, flush).render(guarded)?;
    let rows = flush
        .query(sql.as_str(), &params)
        .map_err(|error| checks::explain(error, &params, &statement, flush))?;
    let outcome = answer::take(&statement, flush, &rows)?;
    if flush.checks_defaults() && outcome == Outcome::Written {
        let columns = statement.key_columns(flush);
        flush.has_checked_defaults(&columns);
    }
    Ok(outcome)
}

/// Returns what [`write()`] would send for some steps of a plan.
pub(crate) fn plan(plan: &FlushPlan, steps: Range<usize>) -> PlannedStatement {
    let mut clauses = Vec::new();
    let mut inserts: Vec<(&'static str, usize)> = Vec::new();
    for step in &plan.steps()[steps] {
        let (table, rows) = (step.table().name(), step.len());
        match step {
            Step::Delete(_) => clauses.push(format!("delete {} from {table}", counted(rows))),
            Step::Update(update) => clauses.push(format!("{} in {table}", update.description())),
            Step::Insert(_) => match inserts.iter_mut().find(|(name, _)| *name == table) {
                Some((_, all)) => *all += rows,
                None => inserts.push((table, rows)),
            },
            Step::FindOrAdd(step) => clauses.push(format!("{} in {table}", step.description())),
        }
    }
    if !inserts.is_empty() {
        let tables = inserts.iter().map(|(table, rows)| format!("{} into {table}", counted(*rows)));
        clauses.push(format!("insert {}", tables.collect::<Vec<_>>().join(", ")));
    }
    PlannedStatement::new(clauses.join("; "))
}

impl<'a> Statement<'a> {
    /// Returns the statement of some steps.
    ///
    /// They are written in the order of the steps, but for what is deleted: foreign keys are checked when
    /// the statement ends, so everything that is deleted goes first, and makes room. Citus checks them after
    /// each part, as if it were a statement of its own, and so there it keeps its place.
    fn new(flush: &Flush<'_, '_>, steps: &'a [Step], locks: Option<Locks>) -> Statement<'a> {
        let (mut deletes, mut updates, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let mut inserted: IndexMap<usize, Vec<u32>> = IndexMap::new();
        let (mut first, mut parts, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Delete(step) => {
                    let goes_first = !flush.is_distributed();
                    let list = if goes_first { &mut first } else { &mut parts };
                    list.push(Part::Delete(deletes.len()));
                    deletes.push(step);
                }
                Step::Update(step) => {
                    parts.push(Part::Update(updates.len()));
                    updates.push(step);
                }
                Step::FindOrAdd(step) => {
                    parts.push(Part::FindOrAdd(found.len()));
                    found.push(step);
                }
                Step::Insert(step) => {
                    inserted.entry(step.table()).or_default().extend_from_slice(step.rows());
                    let planned = &flush.plan().tables()[step.table()];
                    let is_taken = |column| !is_reserved(flush, step.table(), column, step.rows());
                    for group in planned.groups(step.rows(), GroupOrder::Free, is_taken) {
                        parts.push(Part::Insert(groups.len()));
                        groups.push(Group {
                            of: RowsOf::New(step.table()),
                            left_columns: group.left,
                            rows: group.rows,
                        });
                    }
                }
            }
        }
        let names = Names::new(steps.iter().map(Step::table));
        let mut keys = Vec::new();
        for (&table, rows) in &mut inserted {
            rows.sort_unstable();
            Self::add_keys(flush, table, rows, &mut keys);
        }
        let parts = first.into_iter().chain(parts).collect();
        let taken = keys.len();
        for (at, &step) in found.iter().enumerate() {
            keys.extend(FindOrAdd { step, at, prefix: names.prefix() }.key_arrays());
        }
        Statement { keys, taken, found, groups, deletes, updates, parts, locks, names }
    }

    /// Adds the keys that the statement takes for rows of a table.
    fn add_keys(flush: &Flush<'_, '_>, table: usize, rows: &[u32], keys: &mut Vec<KeyArray>) {
        let planned = &flush.plan().tables()[table];
        for column in planned.assigned_columns() {
            let is_left = |row: &u32| planned.left_by(*row).contains(&column);
            let rows: Vec<u32> = rows.iter().copied().filter(is_left).collect();
            if !rows.is_empty() && !is_reserved(flush, table, column, &rows) {
                let name = KeyName::Taken(keys.len());
                keys.push(KeyArray { name, table, column, rows });
            }
        }
    }

    /// Returns the keys that the statement takes from sequences and expressions.
    fn taken_keys(&self) -> &[KeyArray] {
        &self.keys[..self.taken]
    }

    /// Returns the columns whose keys the statement takes.
    fn key_columns(&self, flush: &Flush<'_, '_>) -> Vec<(&'static Table, usize)> {
        let table = |array: &KeyArray| flush.plan().tables()[array.table].table();
        self.taken_keys().iter().map(|array| (table(array), array.column)).collect()
    }

    /// Returns the step at this position among those that find or add rows.
    fn find_or_add(&self, at: usize) -> FindOrAdd<'_> {
        FindOrAdd { step: self.found[at], at, prefix: self.names.prefix() }
    }

    /// Returns the insert of the group at this position.
    fn insert(&self, at: usize, flush: &Flush<'_, '_>) -> GroupInsert<'_> {
        let group = &self.groups[at];
        GroupInsert { table: flush.plan().tables()[group.table()].table(), group }
    }
}

/// Returns `true` if the keys of these rows were reserved for steps before.
fn is_reserved(flush: &Flush<'_, '_>, table: usize, column: usize, rows: &[u32]) -> bool {
    let is_known = |&row: &u32| flush.assigned().get(RowsOf::New(table), column, row).is_some();
    flush.plan().tables()[table].table().columns()[column].assigned_by().is_some()
        && rows.iter().any(is_known)
}
