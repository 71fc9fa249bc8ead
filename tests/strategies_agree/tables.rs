//! The tables of a schema on a server.

use std::collections::BTreeMap;

use onetrip::Strategy;
use postgres::{Client, Statement};

use crate::graph::Graph;
use crate::outcome::{Contents, Outcome, compare};
use crate::schema::Schema;
use crate::write::write;

/// Cells in their binary form, by label, table by table.
pub(crate) type Cells = Vec<BTreeMap<String, Vec<Option<Vec<u8>>>>>;

pub(crate) struct Tables<'a> {
    schema: &'a Schema,
    client: Client,
    take: Statement,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(schema: &'a Schema, mut client: Client) -> Tables<'a> {
        client
            .batch_execute("SET synchronous_commit = off")
            .expect("a setting that anyone may set");
        // In one statement: then no foreign key is in the way, whichever way they lead.
        let (mut deletes, mut selects) = (Vec::new(), Vec::new());
        for (table, spec) in schema.tables.iter().enumerate() {
            // Cells of all types are bytes, in the form in which the driver would get them.
            let cells: Vec<_> = (0..spec.columns.len())
                .map(|at| {
                    let ty = schema.sent_as(table, at);
                    let (name, array) = (ty.name(), if ty.is_array() { "[]" } else { "" });
                    let send = match name {
                        _ if ty.is_array() => "array_send".to_owned(),
                        "uuid" | "timestamptz" => format!("{name}_send"),
                        _ => format!("{name}send"),
                    };
                    format!("{send}({}::{name}{array})", schema.column_name(table, at))
                })
                .collect();
            let (name, cells) = (&spec.name, cells.join(", "));
            deletes.push(format!(
                "d{table} AS (DELETE FROM {name} RETURNING label, ARRAY[{cells}] AS cells)"
            ));
            selects.push(format!("SELECT {table}, label, cells FROM d{table}"));
        }
        let take = format!("WITH {} {}", deletes.join(", "), selects.join(" UNION ALL "));
        let take = client.prepare(&take).expect("the columns are there");
        Tables { schema, client, take }
    }

    pub(crate) fn schema(&self) -> &'a Schema {
        self.schema
    }

    /// Writes a graph into the tables, and gives what they held then. They are empty afterwards.
    ///
    /// # Errors
    ///
    /// A text that says what is not what the program meant, or not what the entities hold.
    pub(crate) fn contents_after(
        &mut self,
        graph: &Graph,
        strategy: fn() -> Strategy,
    ) -> Result<Contents, String> {
        let written = write(&mut self.client, strategy, self.schema, graph);
        // In any case, for the sake of the next graph.
        let cells = self.take().map_err(|error| format!("to empty the tables: {error}"))?;
        let written = written?;
        let later = graph.changed();
        let graph = if written.parts == 2 { &later } else { graph };
        let outcome = Outcome { schema: self.schema, graph, cells: &cells };
        outcome.compare_entities(&written.entities)?;
        let contents = outcome.contents();
        compare("what the program meant", &outcome.expected(written.parts), &contents)?;
        Ok(contents)
    }

    /// Reads and deletes everything.
    fn take(&mut self) -> Result<Cells, postgres::Error> {
        let mut cells = vec![BTreeMap::new(); self.schema.tables.len()];
        for row in self.client.query(&self.take, &[])? {
            cells[row.get::<_, i32>(0) as usize].insert(row.get(1), row.get(2));
        }
        Ok(cells)
    }
}
