//! The statements that load a graph.
//!
//! A level is a `WITH` query. Its columns have names of ours: `c` and a column's position is what is read
//! of it, `k` and the position the column itself, by which levels belong together, and `n` the number of
//! the row. The result is one row, with an array for each column that is read.
//!
//! ```text
//! WITH RECURSIVE
//!   t0 (c0, c1, k0) AS (SELECT … FROM customers WHERE (region = $1) ORDER BY name LIMIT $2),
//!   t1 (c0, c1, k1) AS (SELECT … FROM orders
//!     JOIN unnest(ARRAY(SELECT k0 FROM t0 GROUP BY k0 ORDER BY k0)) AS u1 ("?0") ON u1."?0" = customer_id)
//! SELECT s0.c0, s0.c1, s1.c0, s1.c1
//! FROM (SELECT array_agg(c0), array_agg(c1) FROM t0) AS s0 (c0, c1),
//!   (SELECT array_agg(c0), array_agg(c1) FROM t1) AS s1 (c0, c1)
//! ```
//!
//! `a_graph_is_one_statement` pins the text. What was tried for the keys of the level above is in
//! `DESIGN.md`.

use std::ops::Range;

use super::level::{Level, Levels, Relation, Root, Selection};
use super::{Edge, LevelRows};
use crate::error::Error;
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql, renumbered, unused_prefix};

/// A statement that loads levels.
pub(crate) struct Statement {
    pub(crate) sql: Sql,
    pub(crate) params: Params,
    /// For each level that the result has, its position, and the first of its columns in the result.
    pub(crate) outputs: Vec<(usize, usize)>,
    /// For each level whose edge the server has to tell, the column with its matches, an array.
    pub(crate) matches: Vec<(usize, usize)>,
    /// For each level, where its text is.
    places: Vec<(usize, Range<usize>)>,
}

impl Statement {
    /// Returns the level in whose text this character is.
    pub(crate) fn level_at(&self, position: usize) -> Option<usize> {
        let byte = self.sql.as_str().char_indices().nth(position)?.0;
        self.places.iter().find(|(_, place)| place.contains(&byte)).map(|(level, _)| *level)
    }
}

/// Returns the statement that loads all levels, in a result of one row.
///
/// # Errors
///
/// When a value cannot be encoded.
pub(crate) fn whole_graph(levels: &Levels) -> Result<Statement, Error> {
    let mut renderer = Renderer::new(levels);
    for level in 0..levels.len() {
        renderer.render_level(level, level > 0)?;
    }
    renderer.render_arrays();
    Ok(renderer.text)
}

/// Returns the statement that loads one level, in as many rows as it has. `above` are the rows of the
/// level above, unless this is the first level.
///
/// # Errors
///
/// When a value cannot be encoded.
pub(crate) fn one_level(
    levels: &Levels,
    level: usize,
    above: Option<&LevelRows<'_>>,
) -> Result<Statement, Error> {
    let mut renderer = Renderer::new(levels);
    let relation = &levels.at(level).relation;
    if let (Some(rows), Some(above)) = (above, relation.above()) {
        let columns = levels.columns_above(level);
        let name = renderer.name('t', above);
        renderer.render_keys(&name, levels.at(above).table, columns, rows, Numbered::No)?;
    }
    renderer.render_level(level, above.is_some())?;
    renderer.text.outputs.push((level, 0));
    let columns = levels.read_columns(level);
    let name = renderer.name('t', level);
    renderer.text.sql.push(" SELECT ");
    renderer.text.sql.list(&columns, |sql, &column| {
        sql.push("c").number(column);
    });
    renderer.text.sql.push(" FROM ").push(&name);
    Ok(renderer.text)
}

/// Returns the statement that tells which rows belong together, where their bytes do not. Its result is
/// one row with the matches, as an array.
///
/// # Errors
///
/// When the rows are not what was asked for.
pub(crate) fn match_apart(
    levels: &Levels,
    level: usize,
    rows: &[Option<LevelRows<'_>>],
) -> Result<Statement, Error> {
    let mut renderer = Renderer::new(levels);
    let edge = Edge::of(levels, level);
    let (one_table, many_table) = edge.tables();
    let mut names = Vec::new();
    for (kind, table, of_level, columns) in
        [('o', one_table, &edge.one, edge.key), ('m', many_table, &edge.many, edge.foreign_key)]
    {
        let mut parts = Vec::new();
        for (at, rows) in of_level.iter().filter_map(|&at| Some((at, rows[at].as_ref()?))) {
            let name = renderer.name(kind, at);
            renderer.render_keys(&name, table, columns, rows, Numbered::Yes)?;
            parts.push(name);
        }
        names.push(parts);
    }
    renderer.text.sql.push(" SELECT ");
    let many = names.pop().unwrap_or_default();
    let one = names.pop().unwrap_or_default();
    renderer.render_matches_of(&edge, &one, &many);
    renderer.text.matches.push((level, 0));
    Ok(renderer.text)
}

/// Whether rows have their numbers beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbered {
    Yes,
    No,
}

struct Renderer<'l> {
    levels: &'l Levels,
    /// What names of ours begin with.
    prefix: String,
    text: Statement,
}

/// What names begin with, after the prefix: levels, recursions, the rows that links lead to, keys that
/// are to be matched, and keys of the level above.
const KINDS: [char; 6] = ['t', 'r', 'a', 'o', 'm', 'u'];

impl<'l> Renderer<'l> {
    fn new(levels: &'l Levels) -> Renderer<'l> {
        let texts = levels.iter().flat_map(|level| {
            let Selection { condition, order, .. } = &level.selection;
            [Some(level.table.name()), condition.as_deref(), order.as_deref()]
        });
        let texts: Vec<&str> = texts.flatten().collect();
        let prefix = unused_prefix(&KINDS, &texts);
        let text = Statement {
            sql: Sql::new(),
            params: Params::new(),
            outputs: Vec::new(),
            matches: Vec::new(),
            places: Vec::new(),
        };
        Renderer { levels, prefix, text }
    }

    fn name(&self, kind: char, level: usize) -> String {
        format!("{}{kind}{level}", self.prefix)
    }

    /// Appends what stands before a `WITH` query.
    fn begin_query(&mut self) {
        let text = if self.text.sql.as_str().is_empty() { "WITH RECURSIVE " } else { ", " };
        self.text.sql.push(text);
    }

    /// Appends the query of a level.
    fn render_level(&mut self, at: usize, has_above: bool) -> Result<(), Error> {
        let (start, level) = (self.text.sql.as_str().len(), self.levels.at(at));
        if !has_above && level.relation.above().is_some() {
            return Ok(());
        }
        let picked_by = match level.relation {
            Relation::Children { through: Some(target), .. } => {
                Some(target).filter(|&target| !self.levels.at(target).selection.is_all())
            }
            _ => None,
        };
        let offset = self.text.params.len();
        match (&level.relation, picked_by) {
            (Relation::Descendants { .. } | Relation::Ancestors { .. }, _) => {
                self.append_params(level)?;
                self.render_recursion(at, offset);
            }
            (_, Some(target)) => {
                self.append_params(self.levels.at(target))?;
                self.render_targets(at, target, offset);
            }
            // The rows that links lead to were selected along with the links.
            _ if self.levels.is_target(at) => {}
            _ => self.append_params(level)?,
        }
        self.begin_query();
        let names = self.column_names(at);
        let is_numbered = self.levels.is_numbered(at);
        let name = self.name('t', at);
        let all = if is_numbered { format!("{names}, n") } else { names.clone() };
        self.text.sql.push(&name).push(&format!(" ({all}) AS ("));
        if let Relation::Root(Root::Keys { arrays, .. }) = &level.relation {
            self.render_root_keys(at, arrays);
        } else {
            if is_numbered {
                self.text.sql.push("SELECT r.*, row_number() OVER () FROM (");
            }
            match picked_by {
                Some(target) => self.render_picked(at, target, &names),
                None => self.render_rows(at, &names, offset),
            }
            if is_numbered {
                self.text.sql.push(") AS r");
            }
        }
        self.text.sql.push(")");
        self.text.places.push((at, start..self.text.sql.as_str().len()));
        Ok(())
    }

    fn append_params(&mut self, level: &Level) -> Result<(), Error> {
        let params = level.selection.checked_params();
        self.text.params.append(params.map_err(|error| error.with_table(level.table.name()))?);
        Ok(())
    }

    /// Returns the names of the columns of a level but `n`.
    fn column_names(&self, at: usize) -> String {
        let read = self.levels.read_columns(at).into_iter().map(|column| format!("c{column}"));
        let keys = self.levels.join_columns(at).into_iter().map(|column| format!("k{column}"));
        let names: Vec<String> = read.chain(keys).collect();
        names.join(", ")
    }

    /// Appends the list of what is selected of a level's own table.
    ///
    /// `ORDER BY name` means the result's column of this name, where there is one, and not that of the
    /// table: so the columns have no name that can be meant.
    fn render_list(&mut self, at: usize, of: &str) {
        let table = self.levels.at(at).table;
        let (read, keys) = (self.levels.read_columns(at), self.levels.join_columns(at));
        let sql = &mut self.text.sql;
        sql.list(&read, |sql, &column| {
            sql.read_column(table, column, of).push(" AS ").name("?");
        });
        for column in keys {
            sql.push(", ").push(of).name(table.columns()[column].name()).push(" AS ").name("?");
        }
    }

    /// Appends the query of the rows of a level.
    ///
    /// ```text
    /// SELECT … FROM orders JOIN … WHERE (placed > $1) ORDER BY placed
    /// ```
    ///
    /// With a limit for each row above:
    ///
    /// ```text
    /// SELECT c0, k0 FROM (SELECT …, row_number() OVER (PARTITION BY customer_id ORDER BY placed) …)
    /// AS r (c0, k0, z) WHERE z <= $2 ORDER BY z
    /// ```
    fn render_rows(&mut self, at: usize, names: &str, offset: usize) {
        let level = self.levels.at(at);
        let Selection { limit, offset: skipped, .. } = level.selection;
        let is_root = matches!(level.relation, Relation::Root(_));
        let is_ranked = limit.is_some() && matches!(level.relation, Relation::Children { .. });
        if is_ranked {
            self.text.sql.push(&format!("SELECT {names} FROM ("));
        }
        self.text.sql.push("SELECT ");
        self.render_list(at, "");
        if is_ranked {
            self.text.sql.push(", row_number() OVER (PARTITION BY ");
            self.text.sql.columns(level.table, level.relation.columns());
            self.render_order(level, offset);
            self.text.sql.push(") AS ").name("?");
        }
        self.render_from(at, offset);
        if is_ranked {
            let limit = self.text.params.push_count(limit.unwrap_or(u64::MAX));
            self.text.sql.push(&format!(") AS r ({names}, z) WHERE z <= $"));
            self.text.sql.number(limit).push(" ORDER BY z");
            return;
        }
        let is_ordered = !is_root && !level.relation.leads_to_parents() && !level.is_sorted_here();
        if is_ordered || level.selection.order.is_some() {
            self.render_order(level, offset);
        }
        for (keyword, rows) in [(" LIMIT ", limit), (" OFFSET ", skipped)] {
            if let Some(rows) = rows.filter(|_| is_root) {
                let number = self.text.params.push_count(rows);
                self.text.sql.push(keyword).param(number);
            }
        }
    }

    /// Appends the table of a level, its rows that belong to the level above, and their condition.
    fn render_from(&mut self, at: usize, offset: usize) {
        let level = self.levels.at(at);
        self.text.sql.push(" FROM ").qualified(level.table.qualified_name());
        let key = level.table.key();
        let mut is_recursive = false;
        match level.relation {
            Relation::Root(_) => {}
            Relation::Children { above, columns, .. } => {
                let keys = self.levels.at(above).table.key().iter().copied();
                self.render_join(at, columns, &self.name('t', above), keys);
            }
            Relation::Parent { above, columns } => {
                self.render_join(at, key, &self.name('t', above), columns.iter().copied());
            }
            Relation::Descendants { .. } | Relation::Ancestors { .. } => {
                is_recursive = true;
                // The keys of a recursion are counted by their parts.
                self.render_join(at, key, &self.name('r', at), 0..key.len());
            }
        }
        // A recursion has applied the condition to each step, and links have applied that of their rows.
        if !is_recursive && !self.levels.is_target(at) {
            self.render_condition(level, " WHERE ", offset);
        }
    }

    /// Appends a join with keys of another query, each of which counts once.
    ///
    /// ```text
    /// JOIN unnest(ARRAY(SELECT k0 FROM t0 GROUP BY k0 ORDER BY k0)) AS u1 ("?0") ON u1."?0" = customer_id
    /// ```
    ///
    /// The planner takes an array for ten elements. So it uses an index where there is one, in the order
    /// of the keys. Without an index it hashes the keys, and reads the table once.
    fn render_join(
        &mut self,
        at: usize,
        columns: &[usize],
        query: &str,
        keys: impl Iterator<Item = usize>,
    ) {
        let table = self.levels.at(at).table;
        let keys: Vec<String> = keys.map(|key| format!("k{key}")).collect();
        let all = keys.join(", ");
        let name = self.name('u', at);
        let sql = &mut self.text.sql;
        sql.push(" JOIN unnest(");
        sql.list(&keys, |sql, key| {
            sql.push(&format!("ARRAY(SELECT {key} FROM {query} GROUP BY {all} ORDER BY {all})"));
        });
        // No name of the caller's can mean a column that is named so.
        let names: Vec<String> = (0..keys.len()).map(|part| format!("\"?{part}\"")).collect();
        sql.push(&format!(") AS {name} ({}) ON ", names.join(", ")));
        sql.conditions(columns.iter().zip(&names), |sql, (&column, part)| {
            sql.push(&format!("{name}.{part} = ")).name(table.columns()[column].name());
        });
    }

    /// Appends the caller's condition, if there is one. It is in parentheses of its own lines, so that
    /// neither an `OR` nor a comment in it reaches what follows.
    fn render_condition(&mut self, level: &Level, keyword: &str, offset: usize) {
        if let Some(condition) = &level.selection.condition {
            let condition = renumbered(condition, offset);
            self.text.sql.push(keyword).push("(").push(&condition).push("\n)");
        }
    }

    /// Appends the caller's order, or that of the keys.
    fn render_order(&mut self, level: &Level, offset: usize) {
        self.text.sql.push(" ORDER BY ");
        match &level.selection.order {
            Some(order) => self.text.sql.push(&renumbered(order, offset)).push("\n"),
            None => self.text.sql.columns(level.table, level.table.key()),
        };
    }

    /// Appends the query of the rows that links lead to, and their order.
    ///
    /// ```text
    /// a1 (k0, z) AS (SELECT id, row_number() OVER (ORDER BY title) FROM courses
    /// WHERE (id) IN (SELECT course_id FROM enrolments JOIN …) AND (title <> $1))
    /// ```
    fn render_targets(&mut self, at: usize, target: usize, offset: usize) {
        let (link, target_level) = (self.levels.at(at), self.levels.at(target));
        let table = target_level.table;
        let name = self.name('a', at);
        self.begin_query();
        self.text.sql.push(&name).push(" (");
        self.text.sql.list(0..table.key().len(), |sql, part| {
            sql.push("k").number(part);
        });
        self.text.sql.push(", z) AS (SELECT ").columns(table, table.key());
        self.text.sql.push(", row_number() OVER (");
        self.render_order(target_level, offset);
        self.text.sql.push(") FROM ").qualified(table.qualified_name());
        self.text.sql.push(" WHERE (").columns(table, table.key()).push(") IN (SELECT ");
        self.text.sql.columns(link.table, target_level.relation.columns());
        self.render_from(at, offset);
        self.text.sql.push(")");
        self.render_condition(target_level, " AND ", offset);
        self.text.sql.push(")");
    }

    /// Appends the query of the links that lead to selected rows.
    ///
    /// ```text
    /// SELECT c0, k0 FROM (SELECT s.*, row_number() OVER (PARTITION BY s.k0 ORDER BY a.z)
    /// FROM (SELECT … FROM enrolments JOIN …) AS s (c0, k0)
    /// JOIN a1 AS a ON a.k0 = s.k1) AS r (c0, k0, z) WHERE z <= $2 ORDER BY z
    /// ```
    fn render_picked(&mut self, at: usize, target: usize, names: &str) {
        let (link, target_level) = (self.levels.at(at), self.levels.at(target));
        let targets = self.name('a', at);
        let sql = &mut self.text.sql;
        sql.push(&format!("SELECT {names} FROM (SELECT s.*, row_number() OVER (PARTITION BY "));
        sql.list(link.relation.columns(), |sql, &column| {
            sql.push("s.k").number(column);
        });
        sql.push(" ORDER BY a.z) FROM (SELECT ");
        self.render_list(at, "");
        self.render_from(at, 0);
        let sql = &mut self.text.sql;
        sql.push(&format!(") AS s ({names}) JOIN {targets} AS a ON "));
        sql.conditions(
            target_level.relation.columns().iter().enumerate(),
            |sql, (part, &column)| {
                sql.push("a.k").number(part).push(" = s.k").number(column);
            },
        );
        sql.push(&format!(") AS r ({names}, z)"));
        if let Some(limit) = target_level.selection.limit {
            let number = self.text.params.push_count(limit);
            self.text.sql.push(" WHERE z <= ").param(number);
        }
        self.text.sql.push(" ORDER BY z");
    }

    /// Appends the query of the keys of a tree. Only keys go through the recursion: `UNION` leaves out
    /// those that were found already, so circles end, and other columns need no equality.
    ///
    /// ```text
    /// r1 (k0) AS (SELECT id FROM folders JOIN … WHERE (name <> $1)
    /// UNION SELECT x.k0 FROM r1 JOIN (SELECT parent, id FROM folders WHERE (name <> $1)) AS x (f0, k0)
    /// ON x.f0 = r1.k0)
    /// ```
    fn render_recursion(&mut self, at: usize, offset: usize) {
        let level = self.levels.at(at);
        let (table, key) = (level.table, level.table.key());
        let (Some(above), references) = (level.relation.above(), level.relation.columns()) else {
            return;
        };
        let is_upwards = level.relation.leads_to_parents();
        // A step leads from the columns `from` to the columns `to` of one row.
        let (from, to) = if is_upwards { (key, references) } else { (references, key) };
        let (name, above) = (self.name('r', at), self.name('t', above));
        let parts = |letter: &str| {
            let names: Vec<_> = (0..key.len()).map(|part| format!("{letter}{part}")).collect();
            names.join(", ")
        };
        if let Some(limit) = level.selection.limit.filter(|_| !is_upwards) {
            let limit = self.text.params.push_count(limit);
            return self.render_limited_recursion(at, &name, &above, offset, limit);
        }
        self.begin_query();
        self.text.sql.push(&format!("{name} ({}) AS (SELECT ", parts("k")));
        if is_upwards {
            self.text.sql.list(references, |sql, &column| {
                sql.push("k").number(column);
            });
            self.text.sql.push(" FROM ").push(&above);
        } else {
            self.text.sql.columns(table, key);
            self.text.sql.push(" FROM ").qualified(table.qualified_name());
            self.render_join(at, references, &above, key.iter().copied());
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
    fn render_limited_recursion(
        &mut self,
        at: usize,
        name: &str,
        above: &str,
        offset: usize,
        limit: usize,
    ) {
        let level = self.levels.at(at);
        let (table, key) = (level.table, level.table.key());
        let keys: Vec<_> = (0..key.len()).map(|part| format!("k{part}")).collect();
        let keys = keys.join(", ");
        self.begin_query();
        self.text.sql.push(&format!("{name} ({keys}) AS ("));
        let names_above: Vec<_> = key.iter().map(|column| format!("k{column}")).collect();
        let names_below: Vec<_> = (0..key.len()).map(|part| format!("k{part}")).collect();
        for (from, names) in [(above, names_above), (name, names_below)] {
            let is_first = from == above;
            self.text.sql.push(if is_first { "SELECT " } else { " UNION SELECT " });
            self.text.sql.list(0..key.len(), |sql, part| {
                sql.push("x.k").number(part);
            });
            self.text.sql.push(&format!(" FROM {from}, LATERAL (SELECT ")).columns(table, key);
            self.text.sql.push(" FROM ").qualified(table.qualified_name()).push(" WHERE (");
            self.text.sql.columns(table, level.relation.columns()).push(") = (");
            self.text.sql.list(names, |sql, column| {
                sql.push(&format!("{from}.{column}"));
            });
            self.text.sql.push(")");
            self.render_condition(level, " AND ", offset);
            self.render_order(level, offset);
            self.text.sql.push(" LIMIT ").param(limit);
            self.text.sql.push(&format!(") AS x ({keys})"));
        }
        self.text.sql.push(")");
    }

    /// Appends the query of rows that are loaded already, in the order of their keys.
    ///
    /// ```text
    /// SELECT COALESCE(NULL::int4, t.id), t.id, u.n FROM unnest($1) WITH ORDINALITY AS u (u0, n)
    /// LEFT JOIN customers AS t ON t.id = u.u0 ORDER BY u.n
    /// ```
    fn render_root_keys(&mut self, at: usize, arrays: &[ArrayParam]) {
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
    fn render_keys(
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

    /// Appends the query of the result: the arrays of all levels, and the matches that the server tells.
    fn render_arrays(&mut self) {
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
    fn render_matches(&mut self, level: usize) {
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
    fn render_matches_of(&mut self, edge: &Edge, one: &[String], many: &[String]) {
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
