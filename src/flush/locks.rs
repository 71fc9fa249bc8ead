//! Locks on the rows that are changed and deleted, ahead of what becomes of them.

use super::Flush;
use super::arrays::ArrayRows;
use super::matched::render_match;
use super::statement_text::StatementText;
use crate::change_set::KeyBytes;
use crate::error::Error;
use crate::flush_plan::positions;
use crate::model::Table;
use crate::sql::ArrayParam;

/// The rows to lock before any of them is changed, table by table, in the order of the locks.
#[derive(Debug)]
pub(crate) struct Locks(Vec<LockedTable>);

impl Locks {
    /// Returns the rows that a flush changes, by the names of their tables and by their keys, so that
    /// everybody locks them in one order. A single row needs no order.
    pub(crate) fn new(flush: &Flush<'_, '_>) -> Locks {
        let mut tables: Vec<(LockedTable, Vec<LockedRow>)> = Vec::new();
        for (changed, rows) in flush.changes().changed().iter().enumerate() {
            let table = rows.table();
            let locks_keys = !rows.deleted().is_empty() || rows.updates_any(table.key());
            let by_key = rows.by_key().iter().map(|(key, slot)| (key.clone(), changed, *slot));
            // Models of one table may have their keys in another order.
            let same = tables
                .iter_mut()
                .find(|(locked, _)| locked.table.is(table) && same_key(locked.table, table));
            match same {
                Some((locked, keys)) => {
                    locked.locks_keys |= locks_keys;
                    keys.extend(by_key);
                }
                None => {
                    let locked = LockedTable { table, rows: Vec::new(), locks_keys };
                    tables.push((locked, by_key.collect()));
                }
            }
        }
        let mut locks = Vec::new();
        for (mut locked, mut keys) in tables {
            keys.sort_unstable();
            locked.rows = keys.into_iter().map(|(_, changed, slot)| (changed, slot)).collect();
            if !locked.rows.is_empty() {
                locks.push(locked);
            }
        }
        if locks.iter().map(|locked| locked.rows.len()).sum::<usize>() <= 1 {
            locks.clear();
        }
        locks.sort_by_key(|locked| (locked.table.name(), locked.table.qualified_name().schema()));
        Locks(locks)
    }

    /// Returns `true` if no rows are locked ahead.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends an expression that takes all locks. Its value is the number of rows.
    ///
    /// ```text
    /// (SELECT count(*)
    ///  FROM (SELECT unnest($1) AS v0 FROM k) AS r,
    ///       LATERAL (SELECT FROM accounts AS t WHERE t.id = r.v0 FOR NO KEY UPDATE) AS l) + (…)
    /// ```
    ///
    /// `an_update_of_one_column` and `deletes_come_before_updates_and_those_before_inserts` pin the
    /// text.
    ///
    /// An update of many rows locks them in whatever order the planner finds them. Two of them that
    /// meet in a different order would wait for each other. A subquery that locks cannot be merged
    /// into the query around it, so it runs once for each key, in their order.
    ///
    /// # Errors
    ///
    /// When the key of a row is not known.
    pub(crate) fn render(&self, text: &mut StatementText<'_, '_>) -> Result<(), Error> {
        for (at, locked) in self.0.iter().enumerate() {
            text.sql.push(if at == 0 { "(" } else { " + (" });
            locked.render(text)?;
            text.sql.push(")");
        }
        Ok(())
    }
}

/// The rows of one table to lock, whether one model of the table has them or several.
#[derive(Debug)]
struct LockedTable {
    /// One of the models of the table: its key has the columns that name a row.
    table: &'static Table,
    /// The position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed) and the slot of
    /// each, in the order of their keys.
    rows: Vec<(usize, u32)>,
    /// Rows are deleted, or get another key, so that nothing may refer to them meanwhile.
    locks_keys: bool,
}

/// The key of a row, the position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed)
/// and the slot.
type LockedRow = (KeyBytes, usize, u32);

impl LockedTable {
    /// Appends the query that locks the rows; see [`Locks::render`].
    ///
    /// ```text
    /// SELECT count(*)
    /// FROM (SELECT unnest($1) AS v0 FROM k) AS r,
    ///      LATERAL (SELECT FROM accounts AS t WHERE t.id = r.v0 FOR NO KEY UPDATE) AS l
    /// ```
    fn render(&self, text: &mut StatementText<'_, '_>) -> Result<(), Error> {
        let (flush, table, mut arrays) = (text.flush, self.table, ArrayRows::default());
        for &column in table.key() {
            let mut keys = ArrayParam::new(table.columns()[column].ty(), self.rows.len());
            let name = [table.columns()[column].name().to_owned()];
            for &(changed, slot) in &self.rows {
                let model = flush.changes().changed()[changed].table();
                let column = positions(model, &name).map_or(column, |positions| positions[0]);
                keys.push_value(|out| flush.stored_value(changed, slot, column, out))?;
            }
            arrays.add_array(keys, &mut text.params);
            arrays.cast_last(table, column);
        }
        let sql = &mut text.sql;
        arrays.render_table(&text.from, sql.push("SELECT count(*) FROM "));
        sql.push(", LATERAL (SELECT FROM ").qualified(table.qualified_name()).push(" AS t");
        render_match(table, table.key(), 0, sql);
        sql.push(if self.locks_keys { " FOR UPDATE) AS l" } else { " FOR NO KEY UPDATE) AS l" });
        Ok(())
    }
}

/// Returns `true` if the keys of two models are the same columns of the same types, in the same order.
fn same_key(a: &Table, b: &Table) -> bool {
    let key = |table: &Table| -> Vec<_> {
        let columns = table.key().iter().map(|&column| &table.columns()[column]);
        columns.map(|column| (column.name(), column.ty())).collect()
    };
    key(a) == key(b)
}
