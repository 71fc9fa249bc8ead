//! The queries of keys that the client has.

use super::{Numbered, Renderer};
use crate::error::Error;
use crate::graph::LevelRows;
use crate::model::Table;
use crate::sql::ArrayParam;

impl Renderer<'_> {
    /// Appends the query of rows that are loaded already, in the order of their keys.
    ///
    /// ```text
    /// SELECT COALESCE(NULL::int4, t.id), t.id, u.n FROM unnest($1) WITH ORDINALITY AS u (u0, n)
    /// LEFT JOIN customers AS t ON t.id = u.u0 ORDER BY u.n
    /// ```
    pub(super) fn render_root_keys(&mut self, at: usize, arrays: &[ArrayParam]) {
        let table = self.levels.at(at).table;
        self.text.sql.push("SELECT ");
        self.render_list(at, "t.");
        self.text.sql.push(", u.n FROM unnest(");
        for (part, array) in arrays.iter().enumerate() {
            let number = self.text.params.push_array(array.clone());
            self.text.sql.push(if part > 0 { ", " } else { "" }).param(number);
        }
        let names: Vec<_> = (0..arrays.len()).map(|part| format!("u{part}")).collect();
        self.text.sql.push(&format!(") WITH ORDINALITY AS u ({}, n) LEFT JOIN ", names.join(", ")));
        self.text.sql.qualified(table.qualified_name()).push(" AS t ON ");
        self.text.sql.conditions(table.key().iter().enumerate(), |sql, (part, &column)| {
            sql.push("t.").name(table.columns()[column].name()).push(" = u.u").number(part);
            sql.write_cast(table, column);
        });
        self.text.sql.push(" ORDER BY u.n");
    }

    /// Appends a query of columns of rows that were read.
    ///
    /// ```text
    /// t0 (k0) AS (SELECT DISTINCT u.u0 FROM unnest($1) AS u (u0))
    /// ```
    pub(super) fn render_keys(
        &mut self,
        name: &str,
        table: &'static Table,
        columns: &[usize],
        rows: &LevelRows<'_>,
        numbered: Numbered,
    ) -> Result<(), Error> {
        let mut arrays: Vec<ArrayParam> = columns
            .iter()
            .map(|&column| ArrayParam::new(table.columns()[column].ty(), rows.len()))
            .collect();
        rows.each_row(columns, |parts| {
            for (array, part) in arrays.iter_mut().zip(parts) {
                match part {
                    Some(raw) => array.push_raw(raw)?,
                    None => array.push_null(),
                }
            }
            Ok(())
        })?;
        let numbers: Vec<_> =
            arrays.into_iter().map(|array| self.text.params.push_array(array)).collect();
        let (names, number) = match numbered {
            Numbered::Yes => (", n", ", u.n"),
            Numbered::No => ("", ""),
        };
        self.begin_query();
        let sql = &mut self.text.sql;
        sql.push(&format!("{name} ("));
        sql.list(columns, |sql, &column| {
            sql.push("k").number(column);
        });
        sql.push(names).push(") AS (SELECT ");
        sql.push(if numbered == Numbered::No { "DISTINCT " } else { "" });
        sql.list(columns.iter().enumerate(), |sql, (part, &column)| {
            sql.push("u.u").number(part).write_cast(table, column);
        });
        sql.push(number).push(" FROM unnest(");
        sql.list(&numbers, |sql, &number| {
            sql.param(number);
        });
        let parts: Vec<_> = (0..columns.len()).map(|part| format!("u{part}")).collect();
        let ordinality = if numbered == Numbered::Yes { " WITH ORDINALITY" } else { "" };
        sql.push(&format!("){ordinality} AS u ({}{names}))", parts.join(", ")));
        Ok(())
    }
}
