//! Arrays of the rows of a level, and which rows belong together where the server tells.

use super::lookups::GUARD;
use super::{Renderer, list, names};
use crate::error::Error;
use crate::graph::Edge;

impl Renderer<'_> {
    /// Returns `true` if the rows of a level are there as arrays only: nobody asks for the rows.
    pub(super) fn has_arrays(&self, level: usize) -> bool {
        self.is_whole && !self.levels.are_rows_needed(level)
    }

    /// Appends what stands before the query of a level whose rows become arrays: of the columns that are
    /// read, and of those by which the rows of other levels are found.
    ///
    /// ```text
    /// s0 (c0, c1, k1) AS (SELECT array_agg(c0), array_agg(c1), array_agg(k1) FROM (
    /// ```
    ///
    /// For the first level by whose arrays others are found with an index, `g` says whether all indexes are there.
    ///
    /// # Errors
    ///
    /// When a name cannot be encoded.
    pub(super) fn render_arrays_of(&mut self, level: usize) -> Result<(), Error> {
        let name = self.name('s', level);
        let read = self.levels.read_columns(level);
        let keys: Vec<usize> = self.array_keys(level);
        let is_guarded = self.guarded() == Some(level);
        let guard = if is_guarded { Some(self.guard()?) } else { None };
        let guard_name = guard.as_ref().map_or("", |_| GUARD);
        let all = [
            names("c", read.iter().copied()),
            names("k", keys.iter().copied()),
            guard_name.to_owned(),
        ];
        let all = list(all.into_iter().filter(|names| !names.is_empty()));
        self.text.sql.push(&format!("{name} ({all}) AS ("));
        self.render_aggregates(level, &read);
        for key in keys {
            self.text.sql.push(&format!(", array_agg(k{key})"));
        }
        if let Some(guard) = guard {
            self.text.sql.push(", ").push(&guard);
        }
        self.text.sql.push(" FROM (");
        Ok(())
    }

    /// Appends the arrays of columns that are read.
    ///
    /// ```text
    /// SELECT array_agg(c0), array_agg(array_send(c1))
    /// ```
    fn render_aggregates(&mut self, level: usize, columns: &[usize]) {
        let table = self.levels.at(level).table;
        self.text.sql.push("SELECT ").list(columns, |sql, &column| {
            sql.push("array_agg(").element(table.columns()[column].ty(), 'c', column).push(")");
        });
    }

    /// Returns the columns of a level that have arrays beside those that are read: by these the rows of
    /// other levels are found, and what is read of them can compare otherwise.
    fn array_keys(&self, level: usize) -> Vec<usize> {
        let below = (1..self.levels.len())
            .filter(|&below| self.levels.at(below).relation.above() == Some(level));
        let mut keys: Vec<usize> =
            below.flat_map(|below| self.levels.columns_above(below)).copied().collect();
        keys.retain(|&key| !self.levels.is_read_as_it_is(level, key));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Returns the name of the array of a column's values, as they compare.
    pub(super) fn array(&self, level: usize, column: usize) -> String {
        let letter = if self.levels.is_read_as_it_is(level, column) { 'c' } else { 'k' };
        format!("{letter}{column}")
    }

    /// Returns the source of the values of columns of a level whose rows are there as arrays.
    ///
    /// ```text
    /// (SELECT unnest(c0), unnest(k1) FROM s0)
    /// ```
    pub(super) fn elements(
        &self,
        select: &str,
        level: usize,
        columns: &[usize],
        order: &str,
    ) -> String {
        let element = |&column: &usize| format!("unnest({})", self.array(level, column));
        let elements = list(columns.iter().map(element));
        format!("({select} {elements} FROM {}{order})", self.name('s', level))
    }

    /// Appends the query of the result: the arrays of all levels, the matches that the server tells, and what
    /// it says of indexes.
    pub(super) fn render_arrays(&mut self, asks: bool) {
        let levels = self.levels;
        let mut column = 0;
        for level in 0..levels.len() {
            let columns = levels.read_columns(level);
            self.text.outputs.push((level, column));
            column += columns.len();
            self.text.sql.push(if level > 0 { ", " } else { " SELECT " });
            self.text.sql.push(&names(&format!("{}.c", self.name('s', level)), columns));
        }
        for level in (1..levels.len()).filter(|&level| !Edge::of(levels, level).is_exact()) {
            self.text.matches.push((level, column));
            self.text.sql.push(", ");
            self.render_matches(level);
            column += 1;
        }
        if let Some(level) = self.guarded() {
            self.text.guard = Some(column);
            self.text.sql.push(&format!(", {}.{GUARD}", self.name('s', level)));
            column += 1;
        }
        let question = self.name('x', 0);
        if asks {
            self.text.answer = Some(column);
            self.text
                .sql
                .push(&format!(", {question}.t, {question}.i, {question}.w, {question}.b"));
        }
        self.text.sql.push(" FROM ");
        for level in 0..levels.len() {
            let (rows, arrays) = (self.name('t', level), self.name('s', level));
            self.text.sql.push(if level > 0 { " LEFT JOIN " } else { "" });
            if self.has_arrays(level) {
                self.text.sql.push(&arrays);
            } else {
                let columns = levels.read_columns(level);
                self.text.sql.push("(");
                self.render_aggregates(level, &columns);
                self.text.sql.push(&format!(" FROM {rows}) AS {arrays} ({})", names("c", columns)));
            }
            // The planner leaves outer joins in their order. It would try every order of others.
            self.text.sql.push(if level > 0 { " ON true" } else { "" });
        }
        if asks {
            self.text.sql.push(&format!(" LEFT JOIN {question} ON true"));
        }
    }

    /// Appends the matches of a level's edge.
    pub(super) fn render_matches(&mut self, level: usize) {
        let edge = Edge::of(self.levels, level);
        let queries = |levels: &[usize]| levels.iter().map(|&at| self.name('t', at)).collect();
        let (one, many): (Vec<_>, Vec<_>) = (queries(&edge.one), queries(&edge.many));
        self.render_matches_of(&edge, &one, &many);
    }

    /// Appends an array of the numbers of the rows that are referred to, in the order of the rows that
    /// refer.
    ///
    /// ```text
    /// ARRAY(SELECT coalesce(o.n, 0) FROM (SELECT k1, n FROM t1) AS m (f0, n)
    /// LEFT JOIN (SELECT k0, min(n) FROM (SELECT k0, n FROM t0) AS o (k0, n) GROUP BY k0) AS o (k0, n)
    /// ON o.k0 = m.f0 ORDER BY m.n)
    /// ```
    pub(super) fn render_matches_of(&mut self, edge: &Edge, one: &[String], many: &[String]) {
        let parts = edge.key.len();
        let union = |queries: &[String], columns: &[usize]| {
            let columns = names("k", columns.iter().copied());
            let mut before = String::new();
            let mut selects = Vec::new();
            for query in queries {
                selects.push(format!("SELECT {columns}, n{before} FROM {query}"));
                before += &format!(" + (SELECT count(*) FROM {query})");
            }
            selects.join(" UNION ALL ")
        };
        let keys = names("k", 0..parts);
        let sql = &mut self.text.sql;
        sql.push(&format!(
            "ARRAY(SELECT coalesce(o.n, 0) FROM ({}) AS m ({}, n) LEFT JOIN (SELECT {keys}, min(n) FROM ({}) AS o \
             ({keys}, n) GROUP BY {keys}) AS o ({keys}, n) ON ",
            union(many, edge.foreign_key),
            names("f", 0..parts),
            union(one, edge.key),
        ));
        sql.conditions(0..parts, |sql, part| {
            sql.push("o.k").number(part).push(" = m.f").number(part);
        });
        sql.push(" ORDER BY m.n)");
    }
}
