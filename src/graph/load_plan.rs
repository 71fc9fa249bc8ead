//! `LoadPlan`: what loading a graph would do.

use std::fmt;

use super::Edge;
use super::level::{Level, Levels, Relation, Root};
use crate::flush_plan::plural;

/// The plan of a [`load`](crate::GraphQuery::load): the levels of the graph, the statements, and the
/// round trips. A plan prints itself:
///
/// ```text
/// graph: 4 levels in 1 statement, 1 round trip
///   customers
///     addresses: children by customer_id
///     orders: children by customer_id, at most 5 each
///       products: parents by product_id
/// ```
#[derive(Debug, Clone)]
pub struct LoadPlan {
    levels: Vec<PlannedLevel>,
    /// The number of columns in the result of one statement for all levels.
    columns: usize,
    /// The number of statements that read rows.
    statements: usize,
    /// Each level is a statement of its own.
    is_split: bool,
    /// The round trips that begin and end the transaction.
    brackets: usize,
}

#[derive(Debug, Clone)]
struct PlannedLevel {
    depth: usize,
    table: &'static str,
    description: String,
}

/// The most columns that a result can have.
const MOST_COLUMNS: usize = 1_664;

impl LoadPlan {
    /// Returns the plan of a graph. With `must_split`, each level is a statement of its own.
    /// `brackets` returns the round trips that begin and end the transaction around that many statements.
    pub(crate) fn new(
        levels: &Levels,
        must_split: bool,
        brackets: impl FnOnce(usize) -> usize,
    ) -> LoadPlan {
        let told: usize =
            (1..levels.len()).filter(|&level| !Edge::of(levels, level).is_exact()).count();
        let read = (0..levels.len()).map(|level| levels.read_columns(level).len());
        let columns = read.sum::<usize>() + told;
        let is_split = levels.len() > 1 && (must_split || columns > MOST_COLUMNS);
        let is_known = match levels.at(0).relation {
            Relation::Root(Root::Keys { len, .. }) => len == 0 || levels.len() == 1,
            _ => false,
        };
        let statements = match (is_known, is_split) {
            (true, _) => 0,
            (false, true) => levels.len() + told,
            (false, false) => 1,
        };
        let mut planned: Vec<PlannedLevel> = Vec::new();
        for level in levels.iter() {
            let above = level.relation.above();
            let depth = above.map_or(0, |above| planned[above].depth + 1);
            planned.push(PlannedLevel {
                depth,
                table: level.table.name(),
                description: describe(levels, level),
            });
        }
        LoadPlan { levels: planned, columns, statements, is_split, brackets: brackets(statements) }
    }

    /// Returns `true` if the result of one statement can have so many columns more.
    pub(crate) fn has_room(&self, columns: usize) -> bool {
        self.columns + columns <= MOST_COLUMNS
    }

    /// Returns the number of levels.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// Returns the number of statements that read rows. If each level is a statement of its own, `load`
    /// leaves out a level to which no loaded entity leads.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.statements
    }

    /// Returns `true` if each level is a statement of its own. The reason is a call of
    /// [`split`](crate::GraphQuery::split), or that the levels have more than 1,664 columns together,
    /// which is the most that PostgreSQL can return.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.is_split
    }

    /// Returns the number of network round trips, with those that begin and end a transaction.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.statements + self.brackets
    }
}

fn describe(levels: &Levels, level: &Level) -> String {
    let table = match (level.relation.above(), level.relation.leads_to_parents()) {
        (Some(above), true) => levels.at(above).table,
        _ => level.table,
    };
    let names = level.relation.columns().iter().map(|&column| table.columns()[column].name());
    let by = names.collect::<Vec<_>>().join(", ");
    let mut text = match &level.relation {
        Relation::Root(Root::Query) => String::new(),
        Relation::Root(Root::Keys { len, .. }) => format!(": {len} by their keys"),
        Relation::Children { through: Some(_), .. } => format!(": links by {by}"),
        Relation::Children { .. } => format!(": children by {by}"),
        Relation::Parent { .. } => format!(": parents by {by}"),
        Relation::Descendants { .. } => format!(": descendants by {by}"),
        Relation::Ancestors { .. } => format!(": ancestors by {by}"),
    };
    if let Some(limit) = level.selection.limit {
        let each = if level.relation.above().is_some() { " each" } else { "" };
        text += if text.is_empty() { ": " } else { ", " };
        text += &format!("at most {limit}{each}");
    }
    text
}

impl fmt::Display for LoadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "graph: {} in {}, {}",
            plural(self.levels.len(), "level"),
            plural(self.statements, "statement"),
            plural(self.round_trips(), "round trip"),
        )?;
        for PlannedLevel { depth, table, description } in &self.levels {
            writeln!(f, "{:1$}{table}{description}", "", 2 + 2 * depth)?;
        }
        Ok(())
    }
}
