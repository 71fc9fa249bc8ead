//! The statements that load a graph.
//!
//! A level is a `WITH` query of one row, with an array for each column. Its columns have names of ours: `c`
//! and a column's position is what is read of it, `k` and the position the column itself, by which levels
//! belong together. The result is the row of all levels.
//!
//! ```text
//! WITH
//!   s0 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (
//!     SELECT … FROM customers WHERE (region = $1) ORDER BY name LIMIT $2) AS t0 (c0, c1)),
//!   s1 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (
//!     SELECT … FROM orders JOIN (SELECT DISTINCT unnest(c0) FROM s0 ORDER BY 1) AS u1 ("?0") ON u1."?0" = customer_id) AS t1 (c0, c1))
//! SELECT s0.c0, s0.c1, s1.c0, s1.c1 FROM s0 LEFT JOIN s1 ON true
//! ```
//!
//! Where an index is known, the keys of the level above are not joined; see `lookups.rs`.
//!
//! Where the server has to tell which rows belong together, the rows of a level are a `WITH` query `t0`
//! beside its arrays, with the number `n` of each row.
//!
//! `a_graph_is_one_statement` pins the text. What was tried for the keys of the level above is in
//! `DESIGN.md`.

mod arrays;
mod keys;
mod links;
mod lookups;
mod recursion;

use std::ops::Range;

use super::indexes::Index;
use super::level::{Level, Levels, Relation, Root, Selection};
use super::{Edge, Found, LevelRows};
use crate::error::Error;
use crate::model::{Quoted, Table};
use crate::sql::{Params, Sql, renumbered, unused_prefix};

/// A statement that loads levels.
pub(crate) struct Statement {
    pub(crate) sql: Sql,
    pub(crate) params: Params,
    /// For each level that the result has, its position, and the first of its columns in the result.
    pub(crate) outputs: Vec<(usize, usize)>,
    /// For each level whose edge the server has to tell, the column with its matches, an array.
    pub(crate) matches: Vec<(usize, usize)>,
    /// The column that says whether the indexes that the statement builds on are still there.
    pub(crate) guard: Option<usize>,
    /// The first of four columns with what the statement asks of indexes.
    pub(crate) answer: Option<usize>,
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

/// Returns the statement that loads all levels, in a result of one row. It builds on the indexes that
/// were found.
///
/// # Errors
///
/// When a value cannot be encoded.
pub(crate) fn whole_graph(levels: &Levels, found: &Found) -> Result<Statement, Error> {
    let mut renderer = Renderer::new(levels);
    renderer.is_whole = true;
    renderer.indexes = &found.indexes;
    for level in 0..levels.len() {
        renderer.render_level(level)?;
    }
    renderer.render_question(&found.asks)?;
    renderer.render_arrays(!found.asks.is_empty());
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
        renderer.render_known(&name, above, columns, rows)?;
    }
    renderer.render_level(level)?;
    renderer.text.outputs.push((level, 0));
    let columns = levels.read_columns(level);
    let name = renderer.name('t', level);
    renderer.text.sql.push(&format!(" SELECT {} FROM {name}", names("c", columns)));
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
    let mut names = Vec::new();
    for (kind, of_level, columns) in
        [('o', &edge.one, edge.key), ('m', &edge.many, edge.foreign_key)]
    {
        let mut parts = Vec::new();
        for (at, rows) in of_level.iter().filter_map(|&at| Some((at, rows[at].as_ref()?))) {
            let name = renderer.name(kind, at);
            renderer.render_known(&name, at, columns, rows)?;
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

struct Renderer<'l> {
    levels: &'l Levels,
    /// What names of ours begin with.
    prefix: String,
    /// The name of columns that nobody is to mean: no column of a table begins so.
    hidden: String,
    /// Whether all levels are in this statement.
    is_whole: bool,
    /// The indexes by which the rows of levels are found, by level.
    indexes: &'l [Option<Index>],
    text: Statement,
}

/// What names begin with, after the prefix: the rows of levels and their arrays, recursions, the rows that
/// links lead to, keys that are to be matched, keys of the level above, and indexes.
const KINDS: [char; 8] = ['t', 's', 'r', 'a', 'o', 'm', 'u', 'x'];

impl<'l> Renderer<'l> {
    fn new(levels: &'l Levels) -> Renderer<'l> {
        let tables = levels.iter().map(|level| level.table.name());
        let texts: Vec<&str> = tables.chain(levels.texts()).collect();
        let prefix = unused_prefix(&KINDS, &texts);
        let text = Statement {
            sql: Sql::new(),
            params: Params::new(),
            outputs: Vec::new(),
            matches: Vec::new(),
            guard: None,
            answer: None,
            places: Vec::new(),
        };
        let mut hidden = "?".to_owned();
        let begins = |table: &'static Table, hidden: &str| {
            table.columns().iter().any(|column| column.name().starts_with(hidden))
        };
        while levels.iter().any(|level| begins(level.table, &hidden)) {
            hidden.push('?');
        }
        Renderer { levels, prefix, hidden, is_whole: false, indexes: &[], text }
    }

    fn name(&self, kind: char, level: usize) -> String {
        format!("{}{kind}{level}", self.prefix)
    }

    /// Appends what stands before a `WITH` query.
    fn begin_query(&mut self) {
        // Citus refuses the word where nothing is recursive.
        let first = if self.levels.is_recursive() { "WITH RECURSIVE " } else { "WITH " };
        self.text.sql.push(if self.text.sql.as_str().is_empty() { first } else { ", " });
    }

    /// Appends the query of a level.
    fn render_level(&mut self, at: usize) -> Result<(), Error> {
        let (start, level) = (self.text.sql.as_str().len(), self.levels.at(at));
        let picked_by = self.levels.picked_by(at);
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
        let number = if is_numbered { ", n" } else { "" };
        if self.has_arrays(at) {
            self.render_arrays_of(at)?;
        } else {
            self.text.sql.push(&format!("{name} ({names}{number}) AS ("));
        }
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
        if self.has_arrays(at) {
            self.text.sql.push(&format!(" AS {name} ({names}))"));
        }
        self.text.places.push((at, start..self.text.sql.as_str().len()));
        Ok(())
    }

    fn append_params(&mut self, level: &Level) -> Result<(), Error> {
        self.text.params.append(level.selection.params(level.table)?);
        Ok(())
    }

    /// Returns the names of the columns of a level but `n`.
    fn column_names(&self, at: usize) -> String {
        [names("c", self.levels.read_columns(at)), names("k", self.levels.join_columns(at))]
            .into_iter()
            .filter(|names| !names.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Appends the list of what is selected of a level's own table.
    ///
    /// `ORDER BY name` means the result's column of this name, where there is one, and not that of the
    /// table: so the columns have no name that can be meant.
    fn render_list(&mut self, at: usize, of: &str) {
        let table = self.levels.at(at).table;
        let (read, keys) = (self.levels.read_columns(at), self.levels.join_columns(at));
        let (sql, hidden) = (&mut self.text.sql, &self.hidden);
        sql.list(&read, |sql, &column| {
            sql.read_column(table, column, of).push(" AS ").name(hidden);
        });
        for column in keys {
            sql.push(", ").push(of).name(table.columns()[column].name()).push(" AS ").name(hidden);
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
    /// SELECT c0, k0 FROM (SELECT …, row_number() OVER (PARTITION BY u1."?0" ORDER BY placed) …)
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
            // By the key above, and not by the foreign key, which can compare otherwise.
            let parts = self.joined_parts(at);
            self.text.sql.push(&format!(", row_number() OVER (PARTITION BY {parts}"));
            self.render_order(level, offset);
            self.text.sql.push(") AS ").name(&self.hidden);
        }
        self.render_from(at, offset);
        if is_ranked {
            let limit = self.text.params.push_count(limit.unwrap_or(u64::MAX));
            self.text.sql.push(&format!(") AS r ({names}, z) WHERE z <= $"));
            self.text.sql.number(limit).push(" ORDER BY z");
            self.keep_order(at);
            return;
        }
        let is_ordered =
            !is_root && !level.relation.leads_to_parents() && !self.levels.is_sorted_here(at);
        let is_ordered = is_ordered || level.selection.order.is_some();
        if is_ordered {
            self.render_order(level, offset);
        }
        for (keyword, rows) in [(" LIMIT ", limit), (" OFFSET ", skipped)] {
            if let Some(rows) = rows.filter(|_| is_root) {
                let number = self.text.params.push_count(rows);
                self.text.sql.push(keyword).param(number);
            }
        }
        if is_ordered && !(is_root && skipped.is_some()) {
            self.keep_order(at);
        }
    }

    /// Appends what keeps the order of a query whose rows become arrays, or are numbered. Citus would do that on
    /// each of its servers, and put the results together in any order. PostgreSQL takes an ordered query as it is
    /// anyway.
    fn keep_order(&mut self, at: usize) {
        if self.has_arrays(at) || self.levels.is_numbered(at) {
            self.text.sql.push(" OFFSET 0");
        }
    }

    /// Appends the table of a level, its rows that belong to the level above, and their condition.
    fn render_from(&mut self, at: usize, offset: usize) {
        let level = self.levels.at(at);
        self.text.sql.push(" FROM ").qualified(level.table.qualified_name());
        let key = level.table.key();
        if let Some(index) = self.index(at) {
            // The level has no condition.
            return self.render_lookup(at, index);
        }
        let mut is_recursive = false;
        match level.relation {
            Relation::Root(_) => {}
            Relation::Children { columns, .. } => {
                self.render_join(at, columns, &self.keys_above(at));
            }
            Relation::Parent { .. } => self.render_join(at, key, &self.keys_above(at)),
            Relation::Descendants { .. } | Relation::Ancestors { .. } => {
                is_recursive = true;
                // The keys of a recursion are counted by their parts.
                self.render_join(at, key, &distinct(&self.name('r', at), 0..key.len()));
            }
        }
        // A recursion has applied the condition to each step, and links have applied that of their rows.
        if !is_recursive && !self.levels.is_target(at) {
            self.render_condition(level, " WHERE ", offset);
        }
    }

    /// Appends a join with keys, of which each is there once.
    ///
    /// ```text
    /// JOIN (SELECT DISTINCT unnest(c0) FROM s0 ORDER BY 1) AS u1 ("?0") ON u1."?0" = customer_id
    /// ```
    ///
    /// The planner takes an array for ten elements. So it uses an index where there is one. Without an
    /// index it hashes the keys, and reads the table once.
    fn render_join(&mut self, at: usize, columns: &[usize], keys: &str) {
        let table = self.levels.at(at).table;
        let (name, parts) = (self.name('u', at), self.hidden_parts("", columns.len()));
        let (sql, hidden) = (&mut self.text.sql, &self.hidden);
        sql.push(&format!(" JOIN {keys} AS {name} ({parts}) ON "));
        sql.conditions(columns.iter().enumerate(), |sql, (part, &column)| {
            sql.push(&format!("{name}.\"{hidden}{part}\" = "));
            sql.name(table.columns()[column].name());
        });
    }

    /// Returns the source of the keys of the level above.
    fn keys_above(&self, at: usize) -> String {
        let (level, columns) =
            (self.levels.at(at).relation.above().unwrap_or(0), self.levels.columns_above(at));
        if self.levels.is_joined_by_rows(at) {
            let columns = names("k", columns.iter().copied());
            return format!("(SELECT DISTINCT {columns} FROM {})", self.name('t', level));
        }
        let is_key = columns == self.levels.at(level).table.key();
        match self.has_arrays(level) {
            // Most keys are in their order already. In this order an index is read the fastest.
            true if is_key => {
                let order = format!(" ORDER BY {}", names("", 1..=columns.len()));
                self.elements("SELECT DISTINCT", level, columns, &order)
            }
            true => self.elements("SELECT DISTINCT", level, columns, ""),
            false => distinct(&self.name('t', level), columns.iter().copied()),
        }
    }

    /// Returns the parts of the key with which a level of children is joined. What an index finds is of
    /// integers or UUIDs, and compares as the key above.
    fn joined_parts(&self, at: usize) -> String {
        if let Some(index) = self.index(at) {
            return Quoted(index.lookup.column).to_string();
        }
        let of = format!("{}.", self.name('u', at));
        self.hidden_parts(&of, self.levels.at(at).relation.columns().len())
    }

    /// Returns the names of so many parts of a key. No name of the caller's can mean a column that is named
    /// so.
    fn hidden_parts(&self, of: &str, parts: usize) -> String {
        list((0..parts).map(|part| format!("{of}\"{}{part}\"", self.hidden)))
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
}

/// Returns the source of the different values of numbered columns of a query. They go through arrays, for the
/// sake of what the planner takes these for.
///
/// ```text
/// (SELECT unnest(k0) FROM (SELECT array_agg(k0) FROM (SELECT DISTINCT k0 FROM t0 ORDER BY 1) AS d) AS d (k0))
/// ```
fn distinct(query: &str, columns: impl Iterator<Item = usize>) -> String {
    let columns: Vec<usize> = columns.collect();
    let all = names("k", columns.iter().copied());
    let call = |function| list(columns.iter().map(|key| format!("{function}(k{key})")));
    let order = names("", 1..=columns.len());
    format!(
        "(SELECT {} FROM (SELECT {} FROM (SELECT DISTINCT {all} FROM {query} ORDER BY {order}) AS d) AS d ({all}))",
        call("unnest"),
        call("array_agg"),
    )
}

/// Returns the names of numbered columns.
///
/// ```text
/// k0, k2
/// ```
fn names(before: &str, numbers: impl IntoIterator<Item = usize>) -> String {
    list(numbers.into_iter().map(|number| format!("{before}{number}")))
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
