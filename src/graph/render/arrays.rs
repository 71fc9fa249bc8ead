//! The query of the result: arrays, and which rows belong together where the server tells.

use super::{Renderer, names};
use crate::graph::Edge;

impl Renderer<'_> {
    /// Appends the query of the result: the arrays of all levels, and the matches that the server tells.
    pub(super) fn render_arrays(&mut self) {
        let levels = self.levels;
        let mut column = 0;
        for level in 0..levels.len() {
            let columns = levels.read_columns(level);
            self.text.outputs.push((level, column));
            column += columns.len();
            self.text.sql.push(if level > 0 { ", " } else { " SELECT " });
            self.text.sql.push(&names(&format!("s{level}.c"), columns));
        }
        for level in (1..levels.len()).filter(|&level| !Edge::of(levels, level).is_exact()) {
            self.text.matches.push((level, column));
            self.text.sql.push(", ");
            self.render_matches(level);
            column += 1;
        }
        self.text.sql.push(" FROM ");
        for level in 0..levels.len() {
            let (name, table) = (self.name('t', level), levels.at(level).table);
            let columns = levels.read_columns(level);
            let sql = &mut self.text.sql;
            sql.push(if level > 0 { ", (SELECT " } else { "(SELECT " });
            sql.list(&columns, |sql, &column| {
                sql.push("array_agg(").element(table.columns()[column].ty(), 'c', column).push(")");
            });
            sql.push(&format!(" FROM {name}) AS s{level} ({})", names("c", columns)));
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
