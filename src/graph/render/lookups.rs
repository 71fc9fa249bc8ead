//! Rows that are found by an index: how they are found, and how the server tells of the index.

use std::collections::BTreeSet;

use super::{Renderer, list};
use crate::error::Error;
use crate::graph::indexes::{Index, Lookup};
use crate::sql::renumbered;

/// The column of a level's arrays that says whether the indexes by which others are found are there.
pub(super) const GUARD: &str = "g";

/// Finds indexes: `$1` has the names of tables, and `$2` those of columns.
const QUESTION: &str = include_str!("indexes.sql");

impl<'l> Renderer<'l> {
    /// Returns the index by which the rows of a level are found, if one is known.
    pub(super) fn index(&self, at: usize) -> Option<&'l Index> {
        self.indexes.get(at)?.as_ref()
    }

    /// Returns the first level by whose arrays rows are found with an index. Its arrays have the guard.
    pub(super) fn guarded(&self) -> Option<usize> {
        let found = (1..self.levels.len()).filter(|&level| self.index(level).is_some());
        found.filter_map(|level| self.levels.at(level).relation.above()).min()
    }

    /// Returns the expression that tells whether the names still mean the tables, whether the server uses the
    /// indexes, and whether the tables are small enough. Texts are parameters.
    ///
    /// ```text
    /// to_regclass($1) = 16390 AND pg_relation_size(16390, 'main') <= 419430400
    /// AND current_setting('work_mem') = $2
    /// AND (SELECT count(*) FROM pg_index WHERE indexrelid IN (16400) AND indisvalid AND NOT indcheckxmin) = 1
    /// ```
    ///
    /// # Errors
    ///
    /// When a text cannot be encoded.
    pub(super) fn guard(&mut self) -> Result<String, Error> {
        let mut all: Vec<&Index> = self.indexes.iter().flatten().collect();
        all.sort_by_key(|found| found.index);
        all.dedup_by_key(|found| (found.index, found.lookup));
        let mut guard = String::new();
        let params = &mut self.text.params;
        for Index { lookup, table, most_bytes, .. } in &all {
            let name = params.push_names(&lookup.table.to_string())?;
            guard += &format!(
                "pg_catalog.to_regclass(${name}) = {table} \
                 AND pg_catalog.pg_relation_size({table}, 'main') <= {most_bytes} AND "
            );
        }
        let settings: BTreeSet<&String> = all.iter().map(|found| &found.work_mem).collect();
        for work_mem in settings {
            let work_mem = params.push_names(work_mem)?;
            guard += &format!("pg_catalog.current_setting('work_mem') = ${work_mem} AND ");
        }
        let indexes: BTreeSet<i64> = all.iter().map(|found| found.index).collect();
        guard += &format!(
            "(SELECT count(*) FROM pg_catalog.pg_index \
             WHERE indexrelid IN ({}) AND indisvalid AND NOT indcheckxmin) = {}",
            list(indexes.iter().map(i64::to_string)),
            indexes.len(),
        );
        Ok(guard)
    }

    /// Appends the condition by which the rows of a level are found by an index.
    ///
    /// ```text
    /// WHERE customer_id = ANY ((SELECT c0 FROM s0 WHERE g)::int4[])
    /// ```
    ///
    /// The keys of parents are there as often as rows refer to them:
    ///
    /// ```text
    /// WHERE id = ANY (ARRAY(SELECT DISTINCT unnest(c2) FROM s3 WHERE g))
    /// ```
    pub(super) fn render_lookup(&mut self, at: usize, index: &Index) {
        let level = self.levels.at(at);
        let (Some(above), &[key]) = (level.relation.above(), self.levels.columns_above(at)) else {
            return;
        };
        let (array, rows) = (self.array(above, key), self.name('s', above));
        let guard = match self.guarded() {
            Some(level) if level != above => {
                format!("(SELECT {GUARD} FROM {})", self.name('s', level))
            }
            _ => GUARD.to_owned(),
        };
        let ty = self.levels.at(above).table.columns()[key].ty();
        let sql = &mut self.text.sql;
        sql.push(" WHERE ").name(index.lookup.column).push(" = ANY (");
        if level.relation.leads_to_parents() {
            sql.push(&format!("ARRAY(SELECT DISTINCT unnest({array}) FROM {rows} WHERE {guard})"));
        } else {
            sql.push(&format!("(SELECT {array} FROM {rows} WHERE {guard})")).cast(ty.array());
        }
        sql.push(")");
    }

    /// Appends the query that asks for indexes, if there is something to ask.
    ///
    /// # Errors
    ///
    /// When a name cannot be encoded.
    pub(super) fn render_question(&mut self, lookups: &[Lookup]) -> Result<(), Error> {
        if lookups.is_empty() {
            return Ok(());
        }
        let tables: Vec<String> = lookups.iter().map(|lookup| lookup.table.to_string()).collect();
        let columns: Vec<String> = lookups.iter().map(|lookup| lookup.column.to_owned()).collect();
        let params = &mut self.text.params;
        let offset = params.len();
        params.push_names(&tables)?;
        params.push_names(&columns)?;
        let lines = QUESTION.lines().map(str::trim).filter(|line| !line.starts_with("--"));
        let question = renumbered(&lines.collect::<Vec<_>>().join(" "), offset);
        self.begin_query();
        let name = self.name('x', 0);
        // Otherwise Citus would take whole rows out of the catalog, some of whose types it cannot send.
        self.text.sql.push(&format!("{name} (t, i, w, b) AS MATERIALIZED ({question})"));
        Ok(())
    }
}
