//! One statement for all that a flush writes, or for all that it changes and deletes.

mod change;
mod read_back;

use std::time::Duration;

use super::arrays::{ArrayRows, ArraySource, Group, KeyArray};
use super::keys::key_array;
use super::values::begin_insert;
use super::{Flush, PlannedStatement};
use crate::change_set::{ChangeSet, ChangedRows, UpdateGroup};
use crate::error::Error;
use crate::flush_plan::{FlushPlan, counted};
use crate::model::{SqlType, Table};
use crate::sql::{Params, Sql};

/// What part of a flush a statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Everything,
    /// The changes that new rows may have to find done: keys and unique values that are given up,
    /// keys that are referred to.
    Before,
    /// The changes that refer to new rows, and what they leave to be deleted.
    After,
}

impl Part {
    fn has(self, is_late: bool) -> bool {
        self == Part::Everything || is_late == (self == Part::After)
    }
}

/// What the one statement is made of.
#[derive(Debug)]
pub(super) struct Statement {
    keys: Vec<KeyArray>,
    groups: Vec<Group>,
    /// By the position in [`ChangeSet::changed`], and that of the group within.
    deletes: Vec<(usize, usize)>,
    updates: Vec<(usize, usize)>,
    /// The rows to lock beforehand: the position in [`ChangeSet::changed`], and the entities.
    locks: Vec<(usize, Vec<u32>)>,
}

/// Writes a part of a flush.
pub(crate) fn write(flush: &mut Flush<'_, '_>, part: Part) -> Result<(), Error> {
    let statement = Statement::new(flush.plan(), flush.changes(), part);
    if statement.is_empty() {
        return Ok(());
    }
    let (sql, params) = statement.render(flush)?;
    let rows = flush
        .query(sql.as_str(), &params)
        .map_err(|error| read_back::explain(error, &statement, flush))?;
    read_back::assign(&statement, flush, &rows)
}

/// The statement that [`write`] would send, if it would send one.
pub(crate) fn plan(plan: &FlushPlan, part: Part) -> Option<PlannedStatement> {
    let mut clauses = Vec::new();
    for delete in plan.deletes().iter().filter(|delete| part.has(delete.is_late())) {
        let (rows, table) = (counted(delete.rows()), delete.table().name());
        clauses.push(format!("delete {rows} from {table}"));
    }
    for update in plan.updates().iter().filter(|update| part.has(update.is_late())) {
        let (rows, table) = (counted(update.rows()), update.table().name());
        clauses.push(format!("update {} of {rows} in {table}", update.column_names()));
    }
    if part == Part::Everything && !plan.tables().is_empty() {
        let tables = plan.tables().iter();
        let tables: Vec<_> = tables
            .map(|planned| format!("{} into {}", counted(planned.rows()), planned.table().name()))
            .collect();
        clauses.push(format!("insert {}", tables.join(", ")));
    }
    (!clauses.is_empty()).then(|| PlannedStatement::new(clauses.join("; ")))
}

impl Statement {
    /// Groups what is to be written.
    fn new(plan: &FlushPlan, changes: &ChangeSet<'_>, part: Part) -> Statement {
        let (mut keys, mut groups) = (Vec::new(), Vec::new());
        let steps = if part == Part::Everything { plan.steps() } else { &[] };
        for step in steps {
            let planned = &plan.tables()[step.table()];
            for column in planned.assigned_columns() {
                let is_left = |row: &u32| planned.left_by(*row).contains(&column);
                let rows = step.rows().iter().copied().filter(is_left).collect();
                keys.push(KeyArray { table: step.table(), column, rows });
            }
            for group in planned.groups(step.rows(), false, |_| true) {
                groups.push(Group { table: step.table(), left: group.left, rows: group.rows });
            }
        }
        let (mut deletes, mut updates) = (Vec::new(), Vec::new());
        for (changed, rows) in changes.changed().iter().enumerate() {
            let of_table = rows.deletes().iter().enumerate();
            let of_table = of_table.filter(|(_, group)| part.has(group.is_late));
            deletes.extend(of_table.map(|(at, _)| (changed, at)));
            let of_table = rows.updates().iter().enumerate();
            let of_table = of_table.filter(|(_, group)| part.has(group.is_late));
            updates.extend(of_table.map(|(at, _)| (changed, at)));
        }
        let locks = Self::locks(changes, part);
        Statement { keys, groups, deletes, updates, locks }
    }

    /// The rows to lock, by the names of the tables, so that everybody does it in one order. A single
    /// row needs no order.
    fn locks(changes: &ChangeSet<'_>, part: Part) -> Vec<(usize, Vec<u32>)> {
        let of_table = |(changed, rows): (usize, &ChangedRows<'_>)| {
            (changed, rows.locked(|is_late| part.has(is_late)))
        };
        let mut locks: Vec<_> = changes.changed().iter().enumerate().map(of_table).collect();
        locks.retain(|(_, slots)| !slots.is_empty());
        if locks.iter().map(|(_, slots)| slots.len()).sum::<usize>() <= 1 {
            locks.clear();
        }
        locks.sort_by_key(|&(changed, _)| {
            let name = changes.changed()[changed].table().qualified_name();
            (name.schema(), name.name())
        });
        locks
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.deletes.is_empty() && self.updates.is_empty()
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

    /// The text and the parameters.
    ///
    /// ```text
    /// WITH k AS MATERIALIZED (
    ///          SELECT ARRAY(SELECT nextval(…) FROM (SELECT generate_series(1, $1)) AS g) AS k0
    ///          WHERE NOT (…the transaction is somebody else's…)),
    ///      l AS MATERIALIZED (SELECT (SELECT count(*) FROM …locks…) AS done FROM k),
    ///      d0 AS (DELETE FROM … USING (SELECT … FROM k, l WHERE l.done >= 0) … RETURNING … AS n),
    ///      d AS MATERIALIZED (SELECT (SELECT count(*) FROM d0) AS done FROM k),
    ///      u0 AS (UPDATE … FROM (SELECT … FROM k, d WHERE d.done >= 0) … RETURNING … AS n),
    ///      u AS MATERIALIZED (SELECT (SELECT count(*) FROM u0) AS done FROM k, d …),
    ///      i0 AS (INSERT INTO users (id, name) SELECT unnest(k0), unnest($2) FROM k, u …
    ///             RETURNING id AS r0)
    /// SELECT k0, CASE WHEN ARRAY(SELECT r0 FROM i0) <> k0 THEN … END FROM k
    /// ```
    ///
    /// All keys are in the one row of `k`: however many tables there are, nothing is left for the
    /// planner to search, and without that row nothing is written.
    ///
    /// The parts of a statement run in no order of their own. `l`, `d` and `u` give them one, where it
    /// counts: rows are locked in one order, and a key or a unique value is given up before another
    /// row takes it.
    fn render(&self, flush: &Flush<'_, '_>) -> Result<(Sql, Params), Error> {
        let (mut sql, mut checks) = (Sql::with_capacity(TEXT_BYTES), Sql::new());
        let (mut params, mut age_limit) = (Params::new(), None);
        sql.push("WITH k AS MATERIALIZED (SELECT");
        for (index, array) in self.keys.iter().enumerate() {
            let table = flush.plan().tables()[array.table].table();
            let count = params.push_count(array.rows.len() as u64);
            sql.push(if index == 0 { " " } else { ", " });
            key_array(&mut sql, table, array.column, count);
            sql.push(" AS k").number(index);
        }
        if flush.is_autocommit() {
            let number = params.push_interval(Duration::ZERO);
            sql.push(" WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= ");
            sql.param(number);
            age_limit = Some(number);
        }
        sql.push(")");
        let source =
            ArraySource { changes: flush.changes(), assigned: flush.assigned(), keys: &self.keys };
        let mut from = " FROM k".to_owned();
        for (at, (changed, slots)) in self.locks.iter().enumerate() {
            sql.push(if at == 0 { ", l AS MATERIALIZED (SELECT (" } else { " + (" });
            let rows = &flush.changes().changed()[*changed];
            change::render_locks(flush, rows, slots, &mut sql, &mut params)?;
            sql.push(")");
        }
        if !self.locks.is_empty() {
            sql.push(" AS done").push(&from).push(")");
            from = from_after("l");
        }
        for (at, &delete) in self.deletes.iter().enumerate() {
            sql.push(", d").number(at).push(" AS (");
            let slots = &Self::delete_slots(flush.changes(), delete);
            change::render_delete(flush, (delete.0, slots), &from, &mut sql, &mut params)?;
            sql.push(")");
            let count = params.push_count(slots.len() as u64);
            change::check(&format!("d{at}"), count, &mut checks);
        }
        if !self.updates.is_empty() || !self.groups.is_empty() {
            render_barrier("d", self.deletes.len(), &mut from, &mut sql);
        }
        for (at, &update) in self.updates.iter().enumerate() {
            sql.push(", u").number(at).push(" AS (");
            let group = Self::update_group(flush.changes(), update);
            let rows = (update.0, group);
            change::render_update(flush, &source, rows, &from, &mut sql, &mut params)?;
            sql.push(")");
            let count = params.push_count(group.rows.len() as u64);
            change::check(&format!("u{at}"), count, &mut checks);
        }
        if !self.groups.is_empty() {
            render_barrier("u", self.updates.len(), &mut from, &mut sql);
        }
        for (index, group) in self.groups.iter().enumerate() {
            let table = flush.plan().tables()[group.table].table();
            let written = Self::written(table, group);
            let rows = source.rows(table, group, &written, &mut params)?;
            sql.push(", i").number(index).push(" AS (");
            Self::render_insert(table, (group, &written), &rows, &from, &mut sql);
            sql.push(")");
            Self::render_check((index, group.table), (table, &written), &rows, &mut checks);
        }
        self.render_result(flush, checks.as_str(), &mut sql);
        if let Some(number) = age_limit {
            params.set_interval(number, self.age_limit(params.bytes()));
        }
        Ok((sql, params))
    }

    fn update_group<'a>(
        changes: &'a ChangeSet<'_>,
        (changed, group): (usize, usize),
    ) -> &'a UpdateGroup {
        &changes.changed()[changed].updates()[group]
    }

    fn delete_slots<'a>(changes: &'a ChangeSet<'_>, (changed, group): (usize, usize)) -> &'a [u32] {
        &changes.changed()[changed].deletes()[group].slots
    }

    /// How old the transaction can be when the statement runs in one of its own.
    ///
    /// A transaction that somebody opened by hand would take the statement in, and nothing would
    /// be committed. No function says whether one is open. But one that has written has an id
    /// before this statement, and one that has not was begun at least a round trip before it. What
    /// lies between the beginning of the statement's own transaction and its execution is the time
    /// to parse it and to receive its parameters. On a slow link it can be taken for the other;
    /// then nothing is written, and the caller begins a transaction to see for certain.
    fn age_limit(&self, bytes: usize) -> Duration {
        let (groups, bytes) = (self.groups.len() as f64, bytes as f64);
        Duration::from_secs_f64(1.0 + 0.005 * groups + bytes / 4e6)
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
        let returned = table.key().iter().copied().chain(Self::read_back(table, group));
        sql.list(returned.enumerate(), |sql, (at, column)| {
            sql.read_columns(table, &[column]);
            if at < table.key().len() && table.columns()[column].ty() == SqlType::TEXT {
                // There is no comparison of arrays of `varchar` with those of `text`.
                sql.cast(SqlType::TEXT);
            }
            sql.push(" AS r").number(at);
        });
    }

    /// Appends the check that the keys of a group are those that were sent.
    fn render_check(
        (index, position): (usize, usize),
        (table, written): (&Table, &[usize]),
        rows: &ArrayRows,
        checks: &mut Sql,
    ) {
        for (at, column) in table.key().iter().enumerate() {
            checks.push(if at == 0 { " WHEN " } else { " OR " });
            checks.push("ARRAY(SELECT r").number(at).push(" FROM i").number(index).push(") <> ");
            let sent = written.iter().position(|other| other == column).unwrap_or(0);
            rows.render_whole(sent, checks);
        }
        checks.push(" THEN '").push(AGAINST).push(" i").number(position).push("'");
    }

    /// Appends what the statement returns: the keys, the columns that the database sets, and the
    /// checks, which fail the statement, and with it the commit, when other rows were stored than
    /// were sent, or fewer rows found than were sought.
    fn render_result(&self, flush: &Flush<'_, '_>, checks: &str, sql: &mut Sql) {
        sql.push(" SELECT ");
        for index in 0..self.keys.len() {
            sql.push("k").number(index).push(", ");
        }
        // Arrays of one length only could be put into an array, and it would be flattened.
        let column = |sql: &mut Sql, table: &Table, column: usize, at: usize, from: &str| {
            let is_array = table.columns()[column].ty().is_array();
            let (before, after) = if is_array { ("array_send(", ")") } else { ("", "") };
            sql.push("ARRAY(SELECT ").push(before).push("r").number(at).push(after);
            sql.push(" FROM ").push(from).push("), ");
        };
        for (index, group) in self.groups.iter().enumerate() {
            let table = flush.plan().tables()[group.table].table();
            for (at, back) in (table.key().len()..).zip(Self::read_back(table, group)) {
                column(sql, table, back, at, &format!("i{index}"));
            }
        }
        for (index, update) in self.updates.iter().enumerate() {
            let table = flush.changes().changed()[update.0].table();
            let (read_back, from) = (change::read_back(table), format!("u{index}"));
            if !read_back.is_empty() {
                sql.push("ARRAY(SELECT n FROM ").push(&from).push("), ");
            }
            for (at, back) in read_back.into_iter().enumerate() {
                column(sql, table, back, at, &from);
            }
        }
        // NULL, unless a check has failed: then it is a text that is no number.
        sql.push("(CASE").push(checks).push(" END)::int4 FROM k");
    }
}

/// What the texts of most statements have room in.
const TEXT_BYTES: usize = 2048;

/// Has what is appended from here on wait for the parts of this kind, if there are any.
fn render_barrier(kind: &str, count: usize, from: &mut String, sql: &mut Sql) {
    if count > 0 {
        let counts: Vec<_> =
            (0..count).map(|at| format!("(SELECT count(*) FROM {kind}{at})")).collect();
        sql.push(&format!(", {kind} AS MATERIALIZED (SELECT {} AS done", counts.join(" + ")));
        sql.push(from).push(")");
        *from = from_after(kind);
    }
}

/// Where the rows come from of what has to wait.
fn from_after(kind: &str) -> String {
    format!(" FROM k, {kind} WHERE {kind}.done >= 0")
}

/// What the text of the error of a failed check begins with. The part's name follows, and what else
/// the check has to say.
const AGAINST: &str = "onetrip check";
