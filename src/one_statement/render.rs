//! `Renderer`: writes the text and the parameters of one statement.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::checks::Checks;
use super::group_insert::OnConflict;
use super::guard::Guard;
use super::missing::{render_failure, render_missing};
use super::{Guarded, Part, Statement};
use crate::error::Error;
use crate::flush::Flush;
use crate::flush::array_source::KeyArray;
use crate::flush::arrays::{ArrayRows, SortedColumn};
use crate::flush::change::Change;
use crate::flush::change_statement::Returning;
use crate::flush::find_or_add::FindOrAdd;
use crate::flush::keys::{KeyOrder, render_default_check, render_key_array};
use crate::flush::statement_text::StatementText;
use crate::model::{Assigned, SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// Renders one statement.
pub(super) struct Renderer<'a, 'c> {
    /// What is rendered.
    statement: &'a Statement<'a>,
    /// The statement so far. Its `from` is that of the next part.
    text: StatementText<'a, 'c>,
    /// The checks so far.
    checks: Checks,
    /// The query that further parts wait for, if there is one.
    barrier: Option<String>,
    /// So many steps have found or added their rows by now.
    found: usize,
    /// The parameters that hold the keys of loaded entities, by the models of which rows are found or
    /// added.
    loaded: HashMap<usize, Vec<usize>>,
    /// Rows of this table that are in the way of others are left out, and named here.
    missing: Option<(&'static Table, Sql)>,
}

impl<'a, 'c> Renderer<'a, 'c> {
    /// Returns a renderer that has written nothing yet.
    pub(super) fn new(statement: &'a Statement<'a>, flush: &'a Flush<'a, 'c>) -> Renderer<'a, 'c> {
        let mut text = StatementText::new(flush).with_keys(&statement.keys);
        text.sql = Sql::with_capacity(TEXT_BYTES);
        text.from = format!(" FROM {}", statement.names.keys());
        let (checks, loaded) = (Checks::default(), HashMap::new());
        Renderer { statement, text, checks, barrier: None, found: 0, loaded, missing: None }
    }

    /// Has the statement name the new rows of a table that are in the way of others, and fail.
    pub(super) fn blaming(mut self, table: &'static Table) -> Renderer<'a, 'c> {
        self.missing = Some((table, Sql::new()));
        self
    }

    /// Returns the text and the parameters.
    ///
    /// ```text
    /// WITH k AS MATERIALIZED (
    ///          SELECT ARRAY(SELECT nextval(…) FROM (SELECT generate_series(1, $1)) AS g
    ///                       ORDER BY 1) AS k0
    ///          WHERE …the guard…),
    ///      l AS MATERIALIZED (SELECT (SELECT count(*) FROM …locks…) AS done FROM k),
    ///      d0 AS (DELETE FROM … USING (SELECT … FROM k, l WHERE l.done >= 0) … RETURNING … AS n),
    ///      b0 AS MATERIALIZED (SELECT (SELECT count(*) FROM d0) AS done FROM k, l …),
    ///      u0 AS (UPDATE … FROM (SELECT … FROM k, b0 WHERE b0.done >= 0) … RETURNING … AS n),
    ///      b1 AS MATERIALIZED (SELECT (SELECT count(*) FROM u0) AS done FROM k, b0 …),
    ///      i0 AS (INSERT INTO users (id, name) SELECT unnest(k0), unnest($2) FROM k, b1 …
    ///             RETURNING id AS r0)
    /// SELECT (CASE WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN … END)::int4, k0 FROM k
    /// ```
    ///
    /// All keys are in the one row of `k`: however many tables there are, nothing is left for the
    /// planner to search, and without that row nothing is written.
    ///
    /// The parts of a statement run in no order of their own. `l`, `b0` and `b1` give them one, where
    /// it counts: rows are locked in one order, and a key or a unique value is given up before
    /// another row takes it.
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    ///
    /// # Errors
    ///
    /// When a value cannot be sent, and when a name is longer than 2 GiB.
    pub(super) fn render(mut self, guarded: Guarded<'_>) -> Result<(Sql, Params), Error> {
        self.text.sql.push("WITH ");
        let guard = self.render_keys(guarded)?;
        self.render_locks()?;
        self.render_parts()?;
        self.check_keys()?;
        self.render_result();
        if let Some(guard) = guard {
            guard.set_age_limit(self.statement.groups.len(), &mut self.text.params);
        }
        Ok(self.text.finish())
    }

    /// Appends the one row of keys, which is not there where the guard finds a reason.
    ///
    /// ```text
    /// k AS MATERIALIZED (SELECT ARRAY(…) AS k0, ARRAY(…) AS k1
    ///                    WHERE …the guard… AND …the check of DEFAULTs…)
    /// ```
    ///
    /// `an_update_of_one_column` pins the text without keys.
    fn render_keys(&mut self, guarded: Guarded<'_>) -> Result<Option<Guard>, Error> {
        let (statement, flush) = (self.statement, self.text.flush);
        self.text.sql.push(&statement.names.keys()).push(" AS MATERIALIZED (SELECT ");
        for (index, array) in statement.taken_keys().iter().enumerate() {
            let table = flush.plan().tables()[array.table].table();
            let count = self.text.params.push_count(array.rows.len() as u64);
            // Texts are ordered by the check, for columns can have other rules than constants.
            let is_text = table.columns()[array.column].ty() == SqlType::TEXT;
            let order = if is_text { KeyOrder::Taken } else { KeyOrder::Ascending };
            let sql = &mut self.text.sql;
            sql.push(if index == 0 { "" } else { ", " });
            render_key_array(table, array.column, count, order, sql);
            sql.push(" AS k").number(index);
        }
        if statement.taken_keys().is_empty() {
            // Citus cannot store a result that has no columns.
            self.text.sql.push("true AS k0");
        }
        if flush.is_sequential() {
            // The keys come first, and so this holds for all parts.
            self.text.sql.push(", pg_catalog.set_config(");
            self.text.sql.push("'citus.multi_shard_modify_mode', 'sequential', true) AS one");
        }
        let guard = Guard::render(guarded, &mut self.text)?;
        if flush.checks_defaults() {
            let is_guarded = flush.is_autocommit() || guarded.suspects.is_some();
            let before = if is_guarded { " AND " } else { " WHERE " };
            let columns = statement.key_columns(flush);
            render_default_check(&columns, before, &mut self.text.sql, &mut self.text.params)?;
        }
        self.text.sql.push(")");
        Ok(guard)
    }

    /// Appends the part that takes locks, if there are any to take. All other parts come after it.
    ///
    /// ```text
    /// , l AS MATERIALIZED (SELECT (SELECT count(*) FROM …) + (…) AS done FROM k)
    /// ```
    ///
    /// `an_update_of_one_column` pins the text.
    fn render_locks(&mut self) -> Result<(), Error> {
        let Some(locks) = &self.statement.locks else { return Ok(()) };
        let name = self.statement.names.locks();
        self.text.sql.push(", ").push(&name).push(" AS MATERIALIZED (SELECT ");
        locks.render(&mut self.text)?;
        self.text.sql.push(" AS done").push(&self.text.from).push(")");
        self.wait_for(&name);
        Ok(())
    }

    /// Appends all parts in their order, with barriers between those that have to wait.
    fn render_parts(&mut self) -> Result<(), Error> {
        let parts = &self.statement.parts;
        let (mut first, mut barriers) = (0, 0);
        for (at, &part) in parts.iter().enumerate() {
            if at > 0 && self.has_to_wait(part, parts[at - 1]) {
                self.render_barrier(&self.statement.names.barrier(barriers), &parts[first..at]);
                (first, barriers) = (at, barriers + 1);
            }
            self.render_part(part)?;
        }
        Ok(())
    }

    /// Returns `true` if a part waits for all that come before it. What is updated may give a value up
    /// that another row takes, and triggers may look for rows of another kind.
    fn has_to_wait(&self, part: Part, before: Part) -> bool {
        match part {
            Part::Update(at) => self.statement.updates[at].waits || !part.is_like(before),
            _ => !part.is_like(before),
        }
    }

    /// Appends a query that is done when some parts are. What is appended from here on waits for it.
    ///
    /// ```text
    /// , b0 AS MATERIALIZED (SELECT (SELECT count(*) FROM d0) + (SELECT count(*) FROM d1) AS done
    ///                       FROM k, l
    ///                       WHERE l.done >= 0)
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    fn render_barrier(&mut self, name: &str, parts: &[Part]) {
        let sql = &mut self.text.sql;
        sql.push(", ").push(name).push(" AS MATERIALIZED (SELECT ");
        for (at, part) in parts.iter().enumerate() {
            sql.push(if at == 0 { "" } else { " + " });
            sql.push("(SELECT count(*) FROM ").push(&part.name(&self.statement.names)).push(")");
        }
        sql.push(" AS done").push(&self.text.from).push(")");
        self.wait_for(name);
    }

    /// Has the rows of all further parts wait until a query is done.
    fn wait_for(&mut self, name: &str) {
        self.barrier = Some(name.to_owned());
        self.set_from();
    }

    /// Has the rows of all further parts come from what they may refer to.
    fn set_from(&mut self) {
        let mut from = format!(" FROM {}", self.statement.names.keys());
        for at in 0..self.found {
            from.push_str(", ");
            from.push_str(&self.statement.find_or_add(at).merged());
        }
        if let Some(barrier) = &self.barrier {
            from.push_str(&format!(", {barrier} WHERE {barrier}.done >= 0"));
        }
        self.text.from = from;
    }

    /// Appends a part, and its check.
    ///
    /// ```text
    /// , u0 AS (UPDATE … FROM … WHERE … RETURNING …)
    /// ```
    fn render_part(&mut self, part: Part) -> Result<(), Error> {
        let statement = self.statement;
        if let Part::FindOrAdd(at) = part {
            return self.render_find_or_add(at);
        }
        let name = part.name(&statement.names);
        self.text.sql.push(", ").push(&name).push(" AS (");
        let change = match part {
            Part::Delete(at) => Change::Delete(statement.deletes[at]),
            Part::Update(at) => Change::Update(statement.updates[at]),
            Part::FindOrAdd(_) => return Ok(()),
            Part::Insert(at) => {
                let insert = statement.insert(at, self.text.flush);
                let cells = self.text.source().of(insert.table, insert.group);
                let rows = ArrayRows::new(&cells, &insert.named(), &mut self.text.params)?;
                let (from, sql) = (&self.text.from, &mut self.text.sql);
                if let Some((_, missing)) =
                    self.missing.as_mut().filter(|(of, _)| of.is(insert.table))
                {
                    insert.render(&rows, from, OnConflict::LeaveOut, sql);
                    sql.push(")");
                    render_missing(at, &name, insert, &rows, missing);
                    return Ok(());
                }
                insert.render(&rows, from, OnConflict::Fail, sql);
                sql.push(")");
                let unordered = self.text.flush.is_distributed().then(|| {
                    let count = insert.group.rows.len() as u64;
                    (self.text.params.push_count(count), &*self.text.from)
                });
                self.checks.render_stored_keys_check(&name, insert, &rows, unordered);
                return Ok(());
            }
        };
        change.render(&mut self.text, Returning::FoundRows)?;
        self.text.sql.push(")");
        let count = self.text.params.push_count(change.len() as u64);
        self.checks.render_row_count_check(&name, part, count);
        Ok(())
    }

    /// Appends the queries of a step that finds or adds rows, and its checks.
    fn render_find_or_add(&mut self, at: usize) -> Result<(), Error> {
        let (statement, changes) = (self.statement, self.text.flush.changes());
        let step = statement.find_or_add(at);
        self.text.sql.push(", ");
        step.render(&mut self.text)?;
        let model_of = |step: &FindOrAdd<'_>| changes.tables()[step.step.table()].model();
        let model = model_of(&step);
        let loaded = match self.loaded.entry(model) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(step.push_loaded_keys(&mut self.text)?),
        };
        self.checks.render_found_checks(step, loaded, &mut self.text);
        let all = (0..statement.found.len()).map(|at| statement.find_or_add(at));
        let of_model: Vec<_> = all.filter(|other| model_of(other) == model).collect();
        if of_model.last().is_some_and(|last| last.at == at) {
            let inserts = (0..statement.groups.len()).filter_map(|at| {
                let group = &statement.groups[at];
                let is_of_model = changes.tables()[group.table()].model() == model;
                is_of_model.then(|| (statement.names.insert(at), group.rows.len()))
            });
            let inserts: Vec<_> = inserts.collect();
            if of_model.len() + inserts.len() > 1 {
                self.checks.render_one_row_check(&of_model, &inserts, &mut self.text);
            }
        }
        self.found = at + 1;
        self.set_from();
        Ok(())
    }

    /// Adds the checks of the keys that the statement takes.
    fn check_keys(&mut self) -> Result<(), Error> {
        let flush = self.text.flush;
        for (index, array) in self.statement.taken_keys().iter().enumerate() {
            let column = &flush.plan().tables()[array.table].table().columns()[array.column];
            if matches!(column.assigned_by(), Some(Assigned::Expression(_))) {
                self.checks.render_keys_given_check(index);
            }
            if let Some(given_up) = given_up(flush, array)? {
                let given_up = self.text.params.push_array(given_up);
                self.checks.render_fresh_keys_check(index, given_up);
            }
        }
        Ok(())
    }

    /// Appends what the statement returns: the checks, which fail the statement, and with it the
    /// commit, when other rows were stored than were sent, or fewer rows found than were sought; the
    /// keys; and the columns that the database sets.
    ///
    /// ```text
    ///  SELECT (CASE WHEN … THEN 'onetrip check u0 …' WHEN … END)::int4,
    ///         k0,
    ///         ARRAY(SELECT r0 FROM i0), ARRAY(SELECT r1 FROM i0),
    ///         ARRAY(SELECT n FROM u0), ARRAY(SELECT r0 FROM u0)
    ///  FROM k
    /// ```
    ///
    /// `a_default_is_taken_and_read_back` and `deletes_come_before_updates_and_those_before_inserts`
    /// pin the text.
    ///
    /// The checks come first: the parts of the statement run as they are asked for, so that what is
    /// referred to is inserted before what refers to it. No foreign key needs that, but a trigger
    /// may look for the row.
    fn render_result(&mut self) {
        let (statement, flush, sql) = (self.statement, self.text.flush, &mut self.text.sql);
        let is_unordered = flush.is_distributed();
        if let Some((_, missing)) = &self.missing {
            render_failure(missing, sql.push(" SELECT "));
            sql.push(" FROM ").push(&statement.names.keys());
            return;
        }
        // NULL, unless a check has failed: then it is a text that is no number.
        sql.push(" SELECT (CASE").push(self.checks.as_str()).push(" END)::int4");
        for index in 0..statement.taken {
            sql.push(", k").number(index);
        }
        for at in 0..statement.found.len() {
            statement.find_or_add(at).render_result(sql);
        }
        for at in 0..statement.groups.len() {
            let insert = statement.insert(at, flush);
            if !insert.read_back().is_empty() {
                let part = statement.names.insert(at);
                let order = |sql: &mut Sql| {
                    SortedColumn::render_returned_key(insert.table, sql.push(" ORDER BY "));
                };
                let order = is_unordered.then_some(&order as &dyn Fn(&mut Sql));
                render_column_arrays(insert.table, &insert.returned(), &part, order, sql);
            }
        }
        for (at, step) in statement.updates.iter().enumerate() {
            let (read_back, part) = (Change::Update(step).read_back(), statement.names.update(at));
            if !read_back.is_empty() {
                let order = |sql: &mut Sql| {
                    sql.push(" ORDER BY n");
                };
                let order = is_unordered.then_some(&order as &dyn Fn(&mut Sql));
                sql.push(", ARRAY(SELECT n FROM ").push(&part);
                order.inspect(|order| order(sql));
                sql.push(")");
                render_column_arrays(step.table(), &read_back, &part, order, sql);
            }
        }
        sql.push(" FROM ").push(&statement.names.keys());
        for at in 0..statement.found.len() {
            sql.push(", ").push(&statement.find_or_add(at).merged());
        }
    }
}

/// Appends the columns that a part returns, each as an array.
///
/// ```text
/// , ARRAY(SELECT r0 FROM i0), ARRAY(SELECT array_send(r1) FROM i0)
/// ```
///
/// `a_default_is_taken_and_read_back` pins the text.
///
/// What Citus returns of a part can come in another order each time: `order` appends one.
fn render_column_arrays(
    table: &Table,
    columns: &[usize],
    part: &str,
    order: Option<&dyn Fn(&mut Sql)>,
    sql: &mut Sql,
) {
    for (at, &column) in columns.iter().enumerate() {
        sql.push(", ARRAY(SELECT ").element(table.columns()[column].ty(), 'r', at);
        sql.push(" FROM ").push(part);
        order.inspect(|order| order(sql));
        sql.push(")");
    }
}

/// Returns the keys that rows of the table give up, if there are any. None of the keys that the
/// statement takes from the sequence can be one of them, or foreign keys would take the new row for the
/// old one.
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
            keys.push_value(|out| flush.stored_value(changed, slot, same, out))?;
        }
    }
    Ok((keys.len() > 0).then_some(keys))
}

/// The size that the texts of most statements have room in.
const TEXT_BYTES: usize = 2048;
