//! The query of the result: arrays, and which rows belong together where the server tells.

use super::Renderer;
use crate::graph::Edge;

impl Renderer<'_> {
    /// Appends the query of the result: the arrays of all levels, and the matches that the server tells.
    pub(super) fn render_arrays(&mut self) {
        let levels = self.levels;
        let mut column = 0;
        let mut selected = Vec::new();
        for level in 0..levels.len() {
            let columns = levels.read_columns(level);
            self.text.outputs.push((level, column));
            selected.extend(columns.iter().map(|of_table| format!("s{level}.c{of_table}")));
            column += columns.len();
        }
        self.text.sql.push(" SELECT ").push(&selected.join(", "));
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
                // Arrays in an array would be flattened, if they had one length: each goes as bytes.
                match table.columns()[column].ty().is_array() {
                    true => sql.push(&format!("array_agg(array_send(c{column}))")),
                    false => sql.push(&format!("array_agg(c{column})")),
                };
            });
            let names: Vec<_> = columns.iter().map(|column| format!("c{column}")).collect();
            sql.push(&format!(" FROM {name}) AS s{level} ({})", names.join(", ")));
        }
    }

    /// Appends the matches of a level's edge.
    pub(super) fn render_matches(&mut self, level: usize) {
        let edge = Edge::of(self.levels, level);
        let names = |levels: &[usize]| levels.iter().map(|&at| self.name('t', at)).collect();
        let (one, many): (Vec<_>, Vec<_>) = (names(&edge.one), names(&edge.many));
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
        let names = |letter: &str| {
            let names: Vec<_> = (0..parts).map(|part| format!("{letter}{part}")).collect();
            names.join(", ")
        };
        let union = |queries: &[String], columns: &[usize]| {
            let columns: Vec<_> = columns.iter().map(|column| format!("k{column}")).collect();
            let mut before = String::new();
            let mut selects = Vec::new();
            for query in queries {
                selects.push(format!("SELECT {}, n{before} FROM {query}", columns.join(", ")));
                before += &format!(" + (SELECT count(*) FROM {query})");
            }
            selects.join(" UNION ALL ")
        };
        let keys = names("k");
        let sql = &mut self.text.sql;
        sql.push(&format!(
            "ARRAY(SELECT coalesce(o.n, 0) FROM ({}) AS m ({}, n) LEFT JOIN (SELECT {keys}, min(n) FROM ({}) AS o \
             ({keys}, n) GROUP BY {keys}) AS o ({keys}, n) ON ",
            union(many, edge.foreign_key),
            names("f"),
            union(one, edge.key),
        ));
        sql.conditions(0..parts, |sql, part| {
            sql.push("o.k").number(part).push(" = m.f").number(part);
        });
        sql.push(" ORDER BY m.n)");
    }
}
