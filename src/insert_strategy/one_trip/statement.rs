//! The statement: its groups of rows and its text.

use crate::assignments::Assignments;
use crate::error::Error;
use crate::flush_plan::FlushPlan;
use crate::insert_strategy::Flush;
use crate::insert_strategy::arrays::{ArraySource, Group, KeyArray};
use crate::insert_strategy::keys::next_key;
use crate::insert_strategy::values::begin_insert;
use crate::model::Table;
use crate::sql::{Params, Sql};

/// What the one statement is made of.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) keys: Vec<KeyArray>,
    pub(super) groups: Vec<Group>,
}

impl Statement {
    /// Groups the new rows.
    pub(super) fn new(plan: &FlushPlan) -> Statement {
        let (mut keys, mut groups) = (Vec::new(), Vec::new());
        for step in plan.steps() {
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
        Statement { keys, groups }
    }

    /// The columns of a group whose values are read back: those with a server default.
    pub(super) fn read_back(table: &Table, group: &Group) -> Vec<usize> {
        let assigned = |column: &usize| table.columns()[*column].assigned_by().is_some();
        group.left.iter().copied().filter(|column| !assigned(column)).collect()
    }

    /// The text and the parameters.
    ///
    /// ```text
    /// WITH k AS MATERIALIZED (
    ///          SELECT ''::text AS z, ARRAY(SELECT nextval(…) FROM generate_series(1, $1)) AS k0
    ///          WHERE NOT (…the transaction is somebody else's…)),
    ///      i0 AS (INSERT INTO users (id, name) SELECT unnest(k0), unnest($2) FROM k
    ///             RETURNING id AS r0)
    /// SELECT k0, CASE WHEN ARRAY(SELECT r0 FROM i0) IS DISTINCT FROM k0 THEN …error… END FROM k
    /// ```
    ///
    /// All keys are in the one row of `k`: however many tables there are, nothing is left for the
    /// planner to search, and without that row nothing is written.
    pub(super) fn render(&self, flush: &Flush<'_, '_>) -> Result<(Sql, Params), Error> {
        let (mut sql, mut params) = (Sql::new(), Params::new());
        sql.push("WITH k AS MATERIALIZED (SELECT ''::text AS z");
        for (index, array) in self.keys.iter().enumerate() {
            let table = flush.plan().tables()[array.table].table();
            let count = params.push_count(array.rows.len() as u64);
            sql.push(", ARRAY(SELECT ");
            next_key(&mut sql, table, array.column).cast(table.columns()[array.column].ty());
            sql.push(&format!(" FROM generate_series(1, ${count})) AS k{index}"));
        }
        if flush.is_autocommit() {
            let limit = params.push_f64(self.age_limit(flush.plan().bytes()));
            sql.push(&format!(
                " WHERE txid_current_if_assigned() IS NULL \
                 AND date_part('epoch', clock_timestamp() - now()) <= ${limit}"
            ));
        }
        sql.push(")");
        let mut checks = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let table = flush.plan().tables()[group.table].table();
            sql.push(", ");
            checks.push(self.render_insert(flush, table, index, group, &mut sql, &mut params)?);
        }
        self.render_result(flush, &checks, &mut sql);
        Ok((sql, params))
    }

    /// How old the transaction can be when the statement runs in one of its own, in seconds.
    ///
    /// A transaction that somebody opened by hand would take the statement in, and nothing would
    /// be committed. No function says whether one is open. But one that has written has an id
    /// before this statement, and one that has not was begun at least a round trip before it. What
    /// lies between the beginning of the statement's own transaction and its execution is the time
    /// to parse it and to receive its parameters. On a slow link it can be taken for the other;
    /// then nothing is written, and the caller begins a transaction to see for certain.
    fn age_limit(&self, bytes: usize) -> f64 {
        1.0 + 0.005 * self.groups.len() as f64 + bytes as f64 / 4e6
    }

    /// Appends the insert of a group, and gives the keys that it must store, a text for each part.
    fn render_insert(
        &self,
        flush: &Flush<'_, '_>,
        table: &'static Table,
        index: usize,
        group: &Group,
        sql: &mut Sql,
        params: &mut Params,
    ) -> Result<Vec<String>, Error> {
        let read_back = Statement::read_back(table, group);
        let written: Vec<usize> =
            (0..table.columns().len()).filter(|column| !read_back.contains(column)).collect();
        let none = Assignments::default();
        let source = ArraySource { changes: flush.changes(), assigned: &none, keys: &self.keys };
        let rows = source.rows(table, group, &written, params)?;
        sql.push(&format!("i{index} AS ("));
        begin_insert(sql, table, &written);
        rows.render(" FROM k", sql.push(" "), |sql, index| {
            sql.write_cast(table, written[index]);
        });
        sql.push(" RETURNING ");
        let returned: Vec<usize> = table.key().iter().copied().chain(read_back).collect();
        sql.list(returned.iter().enumerate(), |sql, (at, &column)| {
            sql.read_columns(table, &[column]).push(&format!(" AS r{at}"));
        });
        sql.push(")");
        let expected = |column: &usize| {
            let at = written.iter().position(|other| other == column).unwrap_or(0);
            rows.whole(at)
        };
        Ok(table.key().iter().map(expected).collect())
    }

    /// Appends what the statement returns: the keys, the columns with server defaults, and a check
    /// that fails the statement, and with it the commit, when other rows were stored than were
    /// sent.
    fn render_result(&self, flush: &Flush<'_, '_>, checks: &[Vec<String>], sql: &mut Sql) {
        let mut results: Vec<String> =
            (0..self.keys.len()).map(|index| format!("k{index}")).collect();
        for (index, group) in self.groups.iter().enumerate() {
            let table = flush.plan().tables()[group.table].table();
            let read_back = Statement::read_back(table, group);
            for (at, column) in (table.key().len()..).zip(read_back) {
                // Arrays of one length only could be put into an array, and it would be flattened.
                let value = match table.columns()[column].ty().is_array() {
                    true => format!("array_send(r{at})"),
                    false => format!("r{at}"),
                };
                results.push(format!("ARRAY(SELECT {value} FROM i{index})"));
            }
        }
        sql.push(" SELECT ");
        for result in results {
            sql.push(&result).push(", ");
        }
        sql.push("CASE");
        for (index, expected) in checks.iter().enumerate() {
            let differs: Vec<_> = expected
                .iter()
                .enumerate()
                .map(|(at, keys)| {
                    format!("ARRAY(SELECT r{at} FROM i{index}) IS DISTINCT FROM {keys}")
                })
                .collect();
            // What comes from `k` keeps the planner from computing the error beforehand.
            let table = self.groups[index].table;
            sql.push(&format!(
                " WHEN {} THEN ('{MISMATCH} {table}' || z)::int4",
                differs.join(" OR ")
            ));
        }
        sql.push(" END FROM k");
    }
}

/// What the text of the error of a failed check begins with; the table's position follows.
pub(super) const MISMATCH: &str = "onetrip mismatch";
