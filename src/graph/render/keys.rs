//! The queries of rows that the client has, by their keys.

use super::{Renderer, names};
use crate::error::Error;
use crate::graph::LevelRows;
use crate::graph::level::{Relation, Root};
use crate::sql::ArrayParam;

impl Renderer<'_> {
    /// Appends the list and the source of the query of rows that are loaded already, in the order of their
    /// keys.
    ///
    /// ```text
    /// SELECT COALESCE(NULL::int4, t.id), t.id, u.n FROM unnest($1) WITH ORDINALITY AS u (u0, n)
    /// LEFT JOIN customers AS t ON t.id = u.u0 ORDER BY u.n
    /// ```
    pub(super) fn render_root_keys(&mut self, at: usize, arrays: &[ArrayParam]) {
        self.text.sql.push("SELECT ");
        self.render_list(at, "t.");
        self.render_by_keys(at, arrays);
    }

    /// Appends a query of columns of rows that were read, as the database has them, with their numbers.
    /// They are found by their keys: a column that is read as another type compares otherwise.
    ///
    /// ```text
    /// t0 (k0, n) AS (SELECT DISTINCT ON (u.n) t.id, u.n FROM unnest($1) WITH ORDINALITY AS u (u0, n)
    /// LEFT JOIN customers AS t ON t.id = u.u0 ORDER BY u.n)
    /// ```
    ///
    /// # Errors
    ///
    /// When the rows are not what was asked for.
    pub(super) fn render_known(
        &mut self,
        name: &str,
        at: usize,
        columns: &[usize],
        rows: &LevelRows<'_>,
    ) -> Result<(), Error> {
        let level = self.levels.at(at);
        let table = level.table;
        let read;
        let arrays = match &level.relation {
            Relation::Root(Root::Keys { arrays, .. }) => arrays,
            _ => {
                read = rows.key_arrays()?;
                &read
            }
        };
        self.begin_query();
        let sql = &mut self.text.sql;
        let keys = names("k", columns.iter().copied());
        sql.push(&format!("{name} ({keys}, n) AS (SELECT DISTINCT ON (u.n) "));
        sql.list(columns, |sql, &column| {
            sql.push("t.").name(table.columns()[column].name());
        });
        self.render_by_keys(at, arrays);
        self.text.sql.push(")");
        Ok(())
    }

    /// Appends the number of each key, and the row that it leads to.
    fn render_by_keys(&mut self, at: usize, arrays: &[ArrayParam]) {
        let table = self.levels.at(at).table;
        self.text.sql.push(", u.n FROM unnest(");
        for (part, array) in arrays.iter().enumerate() {
            let number = self.text.params.push_array(array.clone());
            self.text.sql.push(if part > 0 { ", " } else { "" }).param(number);
        }
        let parts = names("u", 0..arrays.len());
        self.text.sql.push(&format!(") WITH ORDINALITY AS u ({parts}, n) LEFT JOIN "));
        self.text.sql.qualified(table.qualified_name()).push(" AS t ON ");
        self.text.sql.conditions(table.key().iter().enumerate(), |sql, (part, &column)| {
            sql.push("t.").name(table.columns()[column].name()).push(" = u.u").number(part);
            sql.write_cast(table, column);
        });
        self.text.sql.push(" ORDER BY u.n");
    }
}
