//! The queries of links whose rows are selected.

use super::{Renderer, names};

impl Renderer<'_> {
    /// Appends the query of the rows that links lead to, and their order.
    ///
    /// ```text
    /// a1 (k0, z) AS (SELECT id, rank() OVER (ORDER BY title) FROM courses
    /// WHERE (id) IN (SELECT course_id FROM enrolments JOIN …) AND (title <> $1))
    /// ```
    pub(super) fn render_targets(&mut self, at: usize, target: usize, offset: usize) {
        let (link, target_level) = (self.levels.at(at), self.levels.at(target));
        let table = target_level.table;
        let name = self.name('a', at);
        self.begin_query();
        let keys = names("k", 0..table.key().len());
        self.text.sql.push(&format!("{name} ({keys}, z) AS (SELECT "));
        self.text.sql.columns(table, table.key());
        self.text.sql.push(", rank() OVER (");
        self.render_order(target_level, offset);
        self.text.sql.push(") FROM ").qualified(table.qualified_name());
        self.text.sql.push(" WHERE (").columns(table, table.key()).push(") IN (SELECT ");
        self.text.sql.columns(link.table, target_level.relation.columns());
        self.render_from(at, offset);
        self.text.sql.push(")");
        self.render_condition(target_level, " AND ", offset);
        self.text.sql.push(")");
    }

    /// Appends the query of the links that lead to selected rows. Links that are equal in the caller's
    /// order, or all of them without one, are in the order of their keys.
    ///
    /// ```text
    /// SELECT c0, k0 FROM (SELECT s.*, row_number() OVER (PARTITION BY s.p0 ORDER BY a.z, s.y)
    /// FROM (SELECT …, row_number() OVER (ORDER BY student_id, course_id), u1."?0" FROM enrolments JOIN …)
    /// AS s (c0, k0, y, p0) JOIN a1 AS a ON a.k0 = s.k1) AS r (c0, k0, y, p0, z) WHERE z <= $2 ORDER BY z
    /// ```
    pub(super) fn render_picked(&mut self, at: usize, target: usize, columns: &str) {
        let (link, target_level) = (self.levels.at(at), self.levels.at(target));
        let (targets, parts) = (self.name('a', at), link.relation.columns().len());
        let order = if target_level.selection.order.is_some() { "a.z, s.y" } else { "s.y" };
        self.text.sql.push(&format!(
            "SELECT {columns} FROM (SELECT s.*, row_number() OVER (PARTITION BY {} ORDER BY {order}) \
             FROM (SELECT ",
            names("s.p", 0..parts)
        ));
        self.render_list(at, "");
        self.text.sql.push(", row_number() OVER (ORDER BY ").columns(link.table, link.table.key());
        let joined = self.joined_parts(at);
        self.text.sql.push(&format!("), {joined}"));
        self.render_from(at, 0);
        let all = format!("{columns}, y, {}", names("p", 0..parts));
        let sql = &mut self.text.sql;
        sql.push(&format!(") AS s ({all}) JOIN {targets} AS a ON "));
        sql.conditions(
            target_level.relation.columns().iter().enumerate(),
            |sql, (part, &column)| {
                sql.push("a.k").number(part).push(" = s.k").number(column);
            },
        );
        sql.push(&format!(") AS r ({all}, z)"));
        if let Some(limit) = target_level.selection.limit {
            let number = self.text.params.push_count(limit);
            self.text.sql.push(" WHERE z <= ").param(number);
        }
        self.text.sql.push(" ORDER BY z");
        self.keep_order(at);
    }
}
