//! A graph, for the one who has to find out why it failed.

use std::fmt::{self, Write};

use crate::change::Change;
use crate::graph::{Graph, KeyCell, Target};
use crate::schema::Schema;
use crate::values::Given;

/// Prints a row a line, in the order in which they are added.
pub(crate) struct Shown<'a>(pub(crate) &'a Schema, pub(crate) &'a Graph);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(schema, graph) = self;
        let place = if graph.in_transaction { "inside the caller's transaction" } else { "alone" };
        writeln!(f, "{} rows, {place}; the split is {:?}", graph.rows.len(), graph.split)?;
        let target = |target: &Target| {
            let how = if target.by_key { "by key" } else { "by handle" };
            format!("→ {} {how}", graph.rows[&target.row].label)
        };
        for part in [0, 1] {
            for rank in graph.order_of_add(part) {
                let row = &graph.rows[&rank];
                let mut line = String::new();
                for (index, cell) in row.key.iter().enumerate() {
                    let text = match cell {
                        KeyCell::Left => "left".to_owned(),
                        KeyCell::Given(id) => format!("given {}", id.0.escape_ascii()),
                        KeyCell::To(to) => target(to),
                    };
                    let _ = write!(line, ", k{index} {text}");
                }
                for (index, to) in row.references.iter().enumerate() {
                    let text = to.as_ref().map_or("NULL".to_owned(), target);
                    let _ = write!(line, ", r{index} {text}");
                }
                for (index, given) in row.plain.iter().enumerate() {
                    let _ = match given {
                        Given::Absent => write!(line, ", p{index} absent"),
                        Given::Null => write!(line, ", p{index} NULL"),
                        Given::Value(value) => write!(line, ", p{index} {value:?}"),
                    };
                }
                let name = &schema.tables[row.table].name;
                writeln!(f, "  part {part}, {name} {:?}{line}", row.label)?;
            }
        }
        for (rank, change) in &graph.changes {
            let text = match change {
                Change::Point { reference, to } => {
                    format!("r{reference} {}", to.as_ref().map_or("NULL".to_owned(), target))
                }
                Change::Key { part, id } => format!("k{part} given {}", id.0.escape_ascii()),
                Change::Plain { plain, value } => format!("p{plain} {value:?}"),
                Change::Delete => "deleted".to_owned(),
            };
            writeln!(f, "  then {:?}: {text}", graph.rows[rank].label)?;
        }
        Ok(())
    }
}
