//! The queries of the keys of trees.

use super::{Renderer, names};

impl Renderer<'_> {
    /// Appends the query of the keys of a tree. Only keys go through the recursion: `UNION` leaves out
    /// those that were found already, so circles end, and other columns need no equality.
    ///
    /// ```text
    /// r1 (k0) AS (SELECT id FROM folders JOIN … WHERE (name <> $1)
    /// UNION SELECT x.k0 FROM r1 JOIN (SELECT parent, id FROM folders WHERE (name <> $1)) AS x (f0, k0)
    /// ON x.f0 = r1.k0)
    /// ```
    pub(super) fn render_recursion(&mut self, at: usize, offset: usize) {
        let level = self.levels.at(at);
        let (table, key) = (level.table, level.table.key());
        let (Some(above), references) = (level.relation.above(), level.relation.columns()) else {
            return;
        };
        let is_upwards = level.relation.leads_to_parents();
        // A step leads from the columns `from` to the columns `to` of one row.
        let (from, to) = if is_upwards { (key, references) } else { (references, key) };
        let name = self.name('r', at);
        let parts = |letter: &str| names(letter, 0..key.len());
        if let Some(limit) = level.selection.limit.filter(|_| !is_upwards) {
            let limit = self.text.params.push_count(limit);
            return self.render_limited_recursion(at, &name, above, offset, limit);
        }
        self.begin_query();
        self.text.sql.push(&format!("{name} ({}) AS (SELECT ", parts("k")));
        if is_upwards {
            let (rows, keys) = self.rows_above(above, references);
            self.text.sql.push(&format!("{keys} FROM {rows}"));
        } else {
            self.text.sql.columns(table, key);
            self.text.sql.push(" FROM ").qualified(table.qualified_name());
            self.render_join(at, references, &self.keys_above(at));
            self.render_condition(level, " WHERE ", offset);
        }
        self.text.sql.push(" UNION SELECT ").push(&parts("x.k"));
        self.text.sql.push(&format!(" FROM {name} JOIN (SELECT "));
        self.text.sql.columns(table, from).push(", ").columns(table, to);
        self.text.sql.push(" FROM ").qualified(table.qualified_name());
        self.render_condition(level, " WHERE ", offset);
        self.text.sql.push(&format!(") AS x ({}, {}) ON ", parts("f"), parts("k")));
        self.text.sql.conditions(0..key.len(), |sql, part| {
            sql.push("x.f").number(part).push(&format!(" = {name}.k")).number(part);
        });
        self.text.sql.push(")");
    }

    /// Appends the query of the keys of a tree, of which each row has so many children at most.
    ///
    /// ```text
    /// r1 (k0) AS (SELECT x.k0 FROM t0, LATERAL (SELECT id FROM folders WHERE (parent) = (t0.k0)
    /// ORDER BY name LIMIT $1) AS x (k0) UNION SELECT x.k0 FROM r1, LATERAL (…) AS x (k0))
    /// ```
    pub(super) fn render_limited_recursion(
        &mut self,
        at: usize,
        name: &str,
        above: usize,
        offset: usize,
        limit: usize,
    ) {
        let level = self.levels.at(at);
        let (table, key) = (level.table, level.table.key());
        let keys = names("k", 0..key.len());
        self.begin_query();
        self.text.sql.push(&format!("{name} ({keys}) AS ("));
        let (rows, keys_above) = self.rows_above(above, key);
        let own_keys = names(&format!("{name}.k"), 0..key.len());
        for (before, from, from_keys) in
            [("SELECT ", &*rows, keys_above), (" UNION SELECT ", name, own_keys)]
        {
            self.text.sql.push(before);
            self.text.sql.push(&names("x.k", 0..key.len()));
            self.text.sql.push(&format!(" FROM {from}, LATERAL (SELECT ")).columns(table, key);
            self.text.sql.push(" FROM ").qualified(table.qualified_name()).push(" WHERE (");
            self.text.sql.columns(table, level.relation.columns());
            self.text.sql.push(&format!(") = ({from_keys})"));
            self.render_condition(level, " AND ", offset);
            self.render_order(level, offset);
            self.text.sql.push(" LIMIT ").param(limit);
            self.text.sql.push(&format!(") AS x ({keys})"));
        }
        self.text.sql.push(")");
    }

    /// Returns the rows of a level, and the names that some of its columns have there.
    fn rows_above(&self, level: usize, columns: &[usize]) -> (String, String) {
        let name = self.name('t', level);
        let keys = names("k", columns.iter().copied());
        let names = names(&format!("{name}.k"), columns.iter().copied());
        match self.has_arrays(level) {
            true => (
                format!("{} AS {name} ({keys})", self.elements("SELECT", level, columns, "")),
                names,
            ),
            false => (name, names),
        }
    }
}
