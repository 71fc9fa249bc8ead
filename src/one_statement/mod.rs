//! All steps of a plan as one statement, or those that have to be written at once.

mod answer;
mod checks;
mod guard;
mod names;

use std::ops::Range;

use indexmap::IndexMap;

use guard::Guard;
use names::Names;

use crate::assignments::RowsOf;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::arrays::{ArrayRows, ArraySource, Group, KeyArray};
use crate::flush::change::Change;
use crate::flush::keys::{check_defaults, key_array};
use crate::flush::locks::Locks;
use crate::flush::values::begin_insert;
use crate::flush_plan::{
    DeleteStep, FlushPlan, PlannedStatement, Step, Suspects, UpdateStep, counted,
};
use crate::model::{Assigned, SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// What becomes of a statement that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
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

/// The steps of one statement.
#[derive(Debug)]
struct Statement<'a> {
    keys: Vec<KeyArray>,
    groups: Vec<InsertGroup>,
    deletes: Vec<&'a DeleteStep>,
    updates: Vec<&'a UpdateStep>,
    /// Everything in its order.
    parts: Vec<Part>,
    locks: Option<Locks>,
    names: Names,
}

/// New rows of one table that one part of the statement inserts.
#[derive(Debug)]
struct InsertGroup {
    /// The position in the plan's tables.
    table: usize,
    cells: Group,
}

/// A part of the statement, by its position among those of its kind.
#[derive(Debug, Clone, Copy)]
enum Part {
    Delete(usize),
    Update(usize),
    Insert(usize),
}

impl Part {
    fn name(self, names: &Names) -> String {
        match self {
            Part::Delete(at) => names.delete(at),
            Part::Update(at) => names.update(at),
            Part::Insert(at) => names.insert(at),
        }
    }

    fn is_like(self, other: Part) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Writes steps of a plan, by their positions, in one statement. Rows are locked ahead where it
/// `locks`.
///
/// # Errors
///
/// Those of the server, and those of values that cannot be sent.
pub(crate) fn write(
    flush: &mut Flush<'_, '_>,
    steps: Range<usize>,
    guarded: Guarded<'_>,
    locks: bool,
) -> Result<Outcome, Error> {
    let plan = flush.plan();
    let locks = locks.then(|| Locks::new(flush)).filter(|locks| !locks.is_empty());
    let statement = Statement::new(flush, &plan.steps()[steps], locks);
    let (sql, params) = statement.render(flush, guarded)?;
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

/// Returns what [`write`] would send for some steps of a plan.
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
        }
    }
    if !inserts.is_empty() {
        let tables = inserts.iter().map(|(table, rows)| format!("{} into {table}", counted(*rows)));
        clauses.push(format!("insert {}", tables.collect::<Vec<_>>().join(", ")));
    }
    PlannedStatement::new(clauses.join("; "))
}

impl<'a> Statement<'a> {
    /// Groups what is to be written.
    ///
    /// It is written in the order of the steps, but for what is deleted: foreign keys are checked when
    /// the statement ends, so everything that is deleted goes first, and makes room.
    fn new(flush: &Flush<'_, '_>, steps: &'a [Step], locks: Option<Locks>) -> Statement<'a> {
        let (mut deletes, mut updates, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let mut inserted: IndexMap<usize, Vec<u32>> = IndexMap::new();
        let (mut first, mut parts) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Delete(step) => {
                    first.push(Part::Delete(deletes.len()));
                    deletes.push(step);
                }
                Step::Update(step) => {
                    parts.push(Part::Update(updates.len()));
                    updates.push(step);
                }
                Step::Insert(step) => {
                    inserted.entry(step.table()).or_default().extend_from_slice(step.rows());
                    let planned = &flush.plan().tables()[step.table()];
                    let is_taken = |column| !is_reserved(flush, step.table(), column, step.rows());
                    for group in planned.groups(step.rows(), false, is_taken) {
                        parts.push(Part::Insert(groups.len()));
                        let of = RowsOf::New(step.table());
                        let cells = Group { of, left: group.left, rows: group.rows };
                        groups.push(InsertGroup { table: step.table(), cells });
                    }
                }
            }
        }
        let mut keys = Vec::new();
        for (&table, rows) in &mut inserted {
            rows.sort_unstable();
            Self::add_keys(flush, table, rows, &mut keys);
        }
        let names = Names::new(steps.iter().map(Step::table));
        let parts = first.into_iter().chain(parts).collect();
        Statement { keys, groups, deletes, updates, parts, locks, names }
    }

    /// Adds the keys that the statement takes for rows of a table.
    fn add_keys(flush: &Flush<'_, '_>, table: usize, rows: &[u32], keys: &mut Vec<KeyArray>) {
        let planned = &flush.plan().tables()[table];
        for column in planned.assigned_columns() {
            let is_left = |row: &u32| planned.left_by(*row).contains(&column);
            let rows: Vec<u32> = rows.iter().copied().filter(is_left).collect();
            if !rows.is_empty() && !is_reserved(flush, table, column, &rows) {
                keys.push(KeyArray { table, column, rows });
            }
        }
    }

    /// The columns whose keys the statement takes.
    fn key_columns(&self, flush: &Flush<'_, '_>) -> Vec<(&'static Table, usize)> {
        let table = |array: &KeyArray| flush.plan().tables()[array.table].table();
        self.keys.iter().map(|array| (table(array), array.column)).collect()
    }

    /// The columns of a group that the statement gives values to.
    fn written(table: &Table, group: &Group) -> Vec<usize> {
        let read_back = Self::read_back(table, group);
        (0..table.columns().len()).filter(|column| !read_back.contains(column)).collect()
    }

    /// The columns of a group whose values are read back: those with a server default.
    fn read_back(table: &Table, group: &Group) -> Vec<usize> {
        let assigned = |column: &usize| table.columns()[*column].assigned_by().is_some();
        group.left.iter().copied().filter(|column| !assigned(column)).collect()
    }

    /// The columns that a group returns: its key, and what is read back. They are asked for only
    /// where something is.
    fn returned(table: &Table, group: &Group) -> Vec<usize> {
        table.key().iter().copied().chain(Self::read_back(table, group)).collect()
    }

    /// The text and the parameters.
    ///
    /// ```text
    /// WITH k AS MATERIALIZED (
    ///          SELECT ARRAY(SELECT nextval(…) FROM (SELECT generate_series(1, $1)) AS g
    ///                       ORDER BY 1) AS k0
    ///          WHERE …the guard…),
    ///      l AS MATERIALIZED (SELECT (SELECT count(*) FROM …locks…) AS done FROM k),
    ///      d0 AS (DELETE FROM … USING (SELECT … FROM k, l WHERE l.done >= 0) … RETURNING … AS n),
    ///      d AS MATERIALIZED (SELECT (SELECT count(*) FROM d0) AS done FROM k),
    ///      u0 AS (UPDATE … FROM (SELECT … FROM k, d WHERE d.done >= 0) … RETURNING … AS n),
    ///      u AS MATERIALIZED (SELECT (SELECT count(*) FROM u0) AS done FROM k, d …),
    ///      i0 AS (INSERT INTO users (id, name) SELECT unnest(k0), unnest($2) FROM k, u …
    ///             RETURNING id AS r0)
    /// SELECT (CASE WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN … END)::int4, k0 FROM k
    /// ```
    ///
    /// All keys are in the one row of `k`: however many tables there are, nothing is left for the
    /// planner to search, and without that row nothing is written.
    ///
    /// The parts of a statement run in no order of their own. `l`, `d` and `u` give them one, where
    /// it counts: rows are locked in one order, and a key or a unique value is given up before
    /// another row takes it.
    fn render(&self, flush: &Flush<'_, '_>, guarded: Guarded<'_>) -> Result<(Sql, Params), Error> {
        let (mut sql, mut checks) = (Sql::with_capacity(TEXT_BYTES), Sql::new());
        let (mut params, names) = (Params::new(), &self.names);
        sql.push("WITH ").push(&names.keys()).push(" AS MATERIALIZED (SELECT ");
        for (index, array) in self.keys.iter().enumerate() {
            let table = flush.plan().tables()[array.table].table();
            let count = params.push_count(array.rows.len() as u64);
            // Texts are ordered by the check, for columns can have other rules than constants.
            let order_by = if is_text(table, array.column) { "" } else { " ORDER BY 1" };
            sql.push(if index == 0 { "" } else { ", " });
            key_array(&mut sql, table, array.column, count, order_by);
            sql.push(" AS k").number(index);
        }
        if self.keys.is_empty() {
            // Citus cannot store a result that has no columns.
            sql.push("true AS k0");
        }
        let guard = Guard::render(flush.is_autocommit(), guarded, &mut sql, &mut params)?;
        if flush.checks_defaults() {
            let is_guarded = flush.is_autocommit() || guarded.suspects.is_some();
            let before = if is_guarded { " AND " } else { " WHERE " };
            check_defaults(&self.key_columns(flush), before, &mut sql, &mut params)?;
        }
        sql.push(")");
        let source =
            ArraySource { changes: flush.changes(), assigned: flush.assigned(), keys: &self.keys };
        let mut from = format!(" FROM {}", names.keys());
        if let Some(locks) = &self.locks {
            sql.push(", ").push(&names.locks()).push(" AS MATERIALIZED (SELECT ");
            locks.render(flush, &from, &mut sql, &mut params)?;
            sql.push(" AS done").push(&from).push(")");
            from = self.source_after(&names.locks());
        }
        let (mut before, mut barriers) = (0, 0);
        for (at, &part) in self.parts.iter().enumerate() {
            if at > 0 && self.has_to_wait(part, self.parts[at - 1]) {
                let name = names.barrier(barriers);
                self.render_barrier(&name, &self.parts[before..at], &from, &mut sql);
                from = self.source_after(&name);
                (before, barriers) = (at, barriers + 1);
            }
            let (name, output) = (part.name(names), (&mut sql, &mut params, &mut checks));
            match part {
                Part::Delete(at) => {
                    let change = (Change::Delete(self.deletes[at]), 'd', at);
                    Self::render_change(flush, (&source, &from), change, &name, output)?;
                }
                Part::Update(at) => {
                    let change = (Change::Update(self.updates[at]), 'u', at);
                    Self::render_change(flush, (&source, &from), change, &name, output)?;
                }
                Part::Insert(at) => {
                    let group = &self.groups[at];
                    let table = flush.plan().tables()[group.table].table();
                    let written = Self::written(table, &group.cells);
                    let rows = source.rows(table, &group.cells, &written, &mut params)?;
                    sql.push(", ").push(&name).push(" AS (");
                    Self::render_insert(table, (&group.cells, &written), &rows, &from, &mut sql);
                    sql.push(")");
                    let (name, table) = ((&*name, group.table), (table, &written[..]));
                    checks::render_inserted(name, table, &rows, &mut checks);
                }
            }
        }
        for (index, array) in self.keys.iter().enumerate() {
            let column = &flush.plan().tables()[array.table].table().columns()[array.column];
            if matches!(column.assigned_by(), Some(Assigned::Expression(_))) {
                checks::render_given(index, &mut checks);
            }
            if let Some(given_up) = given_up(flush, array)? {
                let given_up = params.push_array(given_up);
                checks::render_fresh(index, given_up, &mut checks);
            }
        }
        self.render_result(flush, checks.as_str(), &mut sql);
        if let Some(guard) = guard {
            guard.set_age_limit(self.groups.len(), &mut params);
        }
        Ok((sql, params))
    }

    /// Appends an update or a delete, and its check, which has a letter and a number.
    fn render_change(
        flush: &Flush<'_, '_>,
        (source, from): (&ArraySource<'_>, &str),
        (change, kind, at): (Change<'_>, char, usize),
        name: &str,
        (sql, params, checks): (&mut Sql, &mut Params, &mut Sql),
    ) -> Result<(), Error> {
        sql.push(", ").push(name).push(" AS (");
        change.render(flush, source, (from, true), sql, params)?;
        sql.push(")");
        let count = params.push_count(change.len() as u64);
        checks::render_changed(name, kind, at, count, checks);
        Ok(())
    }

    /// Appends the insert of a group.
    fn render_insert(
        table: &'static Table,
        (group, written): (&Group, &[usize]),
        rows: &ArrayRows,
        from: &str,
        sql: &mut Sql,
    ) {
        begin_insert(sql, table, written);
        rows.render(from, sql.push(" "), |sql, index| {
            sql.write_cast(table, written[index]);
        });
        sql.push(" RETURNING ");
        sql.list(Self::returned(table, group).into_iter().enumerate(), |sql, (at, column)| {
            sql.read_column(table, column, "").push(" AS r").number(at);
        });
    }

    /// Appends what the statement returns: the checks, which fail the statement, and with it the
    /// commit, when other rows were stored than were sent, or fewer rows found than were sought; the
    /// keys; and the columns that the database sets.
    ///
    /// The checks come first: the parts of the statement run as they are asked for, so that what is
    /// referred to is inserted before what refers to it. No foreign key needs that, but a trigger
    /// may look for the row.
    fn render_result(&self, flush: &Flush<'_, '_>, checks: &str, sql: &mut Sql) {
        // NULL, unless a check has failed: then it is a text that is no number.
        sql.push(" SELECT (CASE").push(checks).push(" END)::int4");
        for index in 0..self.keys.len() {
            sql.push(", k").number(index);
        }
        // Arrays of one length only could be put into an array, and it would be flattened.
        let column = |sql: &mut Sql, table: &Table, column: usize, at: usize, from: &str| {
            let is_array = table.columns()[column].ty().is_array();
            let (before, after) = if is_array { ("array_send(", ")") } else { ("", "") };
            sql.push(", ARRAY(SELECT ").push(before).push("r").number(at).push(after);
            sql.push(" FROM ").push(from).push(")");
        };
        for (index, group) in self.groups.iter().enumerate() {
            let table = flush.plan().tables()[group.table].table();
            if Self::read_back(table, &group.cells).is_empty() {
                continue;
            }
            for (at, returned) in Self::returned(table, &group.cells).into_iter().enumerate() {
                column(sql, table, returned, at, &self.names.insert(index));
            }
        }
        for (index, step) in self.updates.iter().enumerate() {
            let (read_back, from) = (Change::Update(step).read_back(), self.names.update(index));
            if !read_back.is_empty() {
                sql.push(", ARRAY(SELECT n FROM ").push(&from).push(")");
            }
            for (at, back) in read_back.into_iter().enumerate() {
                column(sql, step.table(), back, at, &from);
            }
        }
        sql.push(" FROM ").push(&self.names.keys());
    }

    /// Whether a part waits for all that come before it. What is updated may give a value up that
    /// another row takes, and triggers may look for rows of another kind.
    fn has_to_wait(&self, part: Part, before: Part) -> bool {
        match part {
            Part::Update(at) => self.updates[at].waits || !part.is_like(before),
            _ => !part.is_like(before),
        }
    }

    /// Appends a query that is done when these parts are.
    fn render_barrier(&self, name: &str, parts: &[Part], from: &str, sql: &mut Sql) {
        sql.push(", ").push(name).push(" AS MATERIALIZED (SELECT ");
        for (at, part) in parts.iter().enumerate() {
            sql.push(if at == 0 { "" } else { " + " });
            sql.push("(SELECT count(*) FROM ").push(&part.name(&self.names)).push(")");
        }
        sql.push(" AS done").push(from).push(")");
    }

    /// Where the rows come from of what has to wait.
    fn source_after(&self, name: &str) -> String {
        format!(" FROM {}, {name} WHERE {name}.done >= 0", self.names.keys())
    }
}

/// Whether the keys of these rows were reserved for steps before.
fn is_reserved(flush: &Flush<'_, '_>, table: usize, column: usize, rows: &[u32]) -> bool {
    let of = RowsOf::New(table);
    let is_known = |&row: &u32| flush.assigned().get(of, column, row).is_some();
    flush.plan().tables()[table].table().columns()[column].assigned_by().is_some()
        && rows.iter().any(is_known)
}

/// Whether the values of a column are texts, whose order is a matter of rules.
fn is_text(table: &Table, column: usize) -> bool {
    table.columns()[column].ty() == SqlType::TEXT
}

/// The keys that rows of the table give up, if there are any: none of those that the statement takes
/// from the sequence can be one of them, or foreign keys would take the new row for the old one.
fn given_up(flush: &Flush<'_, '_>, array: &KeyArray) -> Result<Option<ArrayParam>, Error> {
    let table = flush.plan().tables()[array.table].table();
    let column = &table.columns()[array.column];
    if table.cast(array.column).is_some() {
        return Ok(None);
    }
    let mut keys = ArrayParam::new(column.ty(), 0);
    for (changed, rows) in flush.changes().changed().iter().enumerate() {
        let same = rows.table().columns().iter().position(|other| other.name() == column.name());
        let Some(same) = same.filter(|_| rows.table().name() == table.name()) else { continue };
        let moved = rows.updated().iter().filter(|&&updated| {
            rows.columns_of(updated).iter().any(|&(changing, _)| changing == same)
        });
        let moved = moved.map(|updated| rows.slot_of(updated.row));
        for slot in rows.deleted().iter().copied().chain(moved) {
            keys.push_encoded(|out| {
                flush.stored_value(changed, slot, same, out).map(|()| (true, ()))
            })?;
        }
    }
    Ok((keys.len() > 0).then_some(keys))
}

/// What the texts of most statements have room in.
const TEXT_BYTES: usize = 2048;
