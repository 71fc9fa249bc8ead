//! Rows that are found by an index: how they are found, and how the server tells of the index.

use super::Renderer;
use crate::error::{BoxError, Error, ErrorKind};
use crate::graph::indexes::{Index, Lookup};
use crate::graph::level::Relation;
use crate::sql::renumbered;

/// The column of a level's arrays that says whether the indexes by which others are found are there.
pub(super) const GUARD: &str = "g";

/// Finds indexes: `$1` has the names of tables, and `$2` those of columns.
const QUESTION: &str = include_str!("indexes.sql");

impl Renderer<'_> {
    /// Returns the index by which the rows of a level are found, if one is known.
    pub(super) fn index(&self, at: usize) -> Option<Index> {
        self.indexes.get(at).copied().flatten()
    }

    /// Returns `true` if rows of other levels are found by this level's arrays and by indexes.
    pub(super) fn is_guarded(&self, level: usize) -> bool {
        self.found_below(level).next().is_some()
    }

    /// Returns the levels whose rows are found by the arrays of a level and by an index.
    fn found_below(&self, level: usize) -> impl Iterator<Item = (usize, Index)> + '_ {
        let below = (1..self.levels.len())
            .filter(move |&below| self.levels.at(below).relation.above() == Some(level));
        below.filter_map(|below| Some((below, self.index(below)?)))
    }

    /// Returns the expression that tells whether the indexes by which rows below a level are found are
    /// there, and whether the tables are small enough. Names are parameters: a statement with literals is not
    /// prepared.
    ///
    /// ```text
    /// to_regclass($1) = 16390 AND pg_relation_filenode(16400) IS NOT NULL
    /// AND pg_relation_size(16390) <= 419430400
    /// ```
    ///
    /// # Errors
    ///
    /// When a name cannot be encoded.
    pub(super) fn guard_below(&mut self, level: usize) -> Result<Option<String>, Error> {
        let mut guards = Vec::new();
        for (below, Index { table, index, most_bytes }) in
            self.found_below(level).collect::<Vec<_>>()
        {
            let name = self.levels.at(below).table.qualified_name().to_string();
            let name = self.text.params.push(&name).map_err(in_names)?;
            guards.push(format!(
                "pg_catalog.to_regclass(${name}) = {table} \
                 AND pg_catalog.pg_relation_filenode({index}) IS NOT NULL \
                 AND pg_catalog.pg_relation_size({table}) <= {most_bytes}"
            ));
        }
        Ok((!guards.is_empty()).then(|| guards.join(" AND ")))
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
    pub(super) fn render_lookup(&mut self, at: usize) {
        let level = self.levels.at(at);
        let is_parent = matches!(level.relation, Relation::Parent { .. });
        let own = if is_parent { level.table.key() } else { level.relation.columns() };
        let (Some(above), &[own], &[key]) =
            (level.relation.above(), own, self.levels.columns_above(at))
        else {
            return;
        };
        let (array, rows) = (self.array(above, key), self.name('s', above));
        let ty = self.levels.at(above).table.columns()[key].ty();
        let sql = &mut self.text.sql;
        sql.push(" WHERE ").name(level.table.columns()[own].name()).push(" = ANY (");
        if is_parent {
            sql.push(&format!("ARRAY(SELECT DISTINCT unnest({array}) FROM {rows} WHERE {GUARD})"));
        } else {
            sql.push(&format!("(SELECT {array} FROM {rows} WHERE {GUARD})")).cast(ty.array());
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
        params.push(&tables).map_err(in_names)?;
        params.push(&columns).map_err(in_names)?;
        let question = renumbered(QUESTION.trim_end(), offset);
        self.begin_query();
        let name = self.name('x', 0);
        self.text.sql.push(&format!("{name} (t, i, b) AS ({question})"));
        Ok(())
    }
}

fn in_names(error: BoxError) -> Error {
    Error::new(ErrorKind::Encode, format!("cannot send names of models: {error}"))
}
