//! The tables of a schema on a server.

use std::collections::BTreeMap;

use onetrip::Strategy;
use postgres::{Client, Statement};

use crate::graph::Graph;
use crate::load::compare_graphs;
use crate::outcome::{Contents, Outcome, compare};
use crate::random::Random;
use crate::schema::{ColumnOf, Schema};
use crate::write::write;

/// Cells in their binary form, by label, table by table.
pub(crate) type Cells = Vec<BTreeMap<String, Vec<Option<Vec<u8>>>>>;

/// Whether what is in the tables is loaded, too.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loads {
    /// Random graphs are loaded, and compared with what is loaded level by level.
    Compared(u64),
    Left,
}

pub(crate) struct Tables<'a> {
    schema: &'a Schema,
    client: Client,
    read: Statement,
    /// Finds rows in which triggers have not counted right.
    miscounted: String,
    empty: String,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(schema: &'a Schema, mut client: Client) -> Tables<'a> {
        client
            .batch_execute("SET synchronous_commit = off")
            .expect("a setting that anyone may set");
        let (mut selects, mut counts) = (Vec::new(), Vec::new());
        // No foreign key is in the way then, whichever way they lead, and no trigger.
        let mut empty = "SET session_replication_role = replica;".to_owned();
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
            selects.push(format!("SELECT {table}, label, ARRAY[{cells}] FROM {name}"));
            empty.push_str(&format!("DELETE FROM {name};"));
            if let Some(counter) = spec.counter {
                let (child, reference) = counter.of;
                let key = schema.column_name(table, spec.position(ColumnOf::Key(0)));
                let column = schema.column_name(child, schema.columns_of(child, reference)[0]);
                let child = &schema.tables[child].name;
                counts.push(format!(
                    "SELECT label, n, (SELECT count(*)::int FROM {child} c WHERE c.{column} = p.{key}),
                         {} FROM {name} p
                     WHERE n <> (SELECT count(*) FROM {child} c WHERE c.{column} = p.{key})",
                    counter.is_before
                ));
            }
        }
        empty.push_str("RESET session_replication_role");
        let read = client.prepare(&selects.join(" UNION ALL ")).expect("the columns are there");
        let miscounted = counts.join(" UNION ALL ");
        Tables { schema, client, read, miscounted, empty }
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
        loads: Loads,
    ) -> Result<Contents, String> {
        let written = write(&mut self.client, strategy, self.schema, graph);
        let mut loaded = Ok(());
        if let (Loads::Compared(seed), Ok(_)) = (loads, &written) {
            let mut random = Random::new(seed);
            loaded = compare_graphs(&mut self.client, self.schema, &mut random);
        }
        // Of rows that are written at once, one is always written before what it refers to.
        let is_at_once = written.as_ref().is_ok_and(|written| written.is_at_once);
        let miscounted = self.miscounted(is_at_once);
        // In any case, for the sake of the next graph.
        let cells = self.take().map_err(|error| format!("to empty the tables: {error}"))?;
        let written = written?;
        loaded?;
        let later = graph.changed(self.schema).expect("the changes are sound");
        let graph = if written.parts == 2 { &later } else { graph };
        let outcome = Outcome { schema: self.schema, graph, cells: &cells };
        outcome.compare_entities(&written.entities)?;
        let contents = outcome.contents();
        compare("what the program meant", &outcome.expected(written.parts), &contents)?;
        miscounted.map_or(Ok(contents), Err)
    }

    /// Writes a graph that may ask for what cannot be, and gives what the tables held then, and
    /// whether the second part was refused.
    ///
    /// # Errors
    ///
    /// A text that says what has failed otherwise.
    pub(crate) fn contents_or_refusal(
        &mut self,
        graph: &Graph,
        strategy: fn() -> Strategy,
    ) -> Result<(Contents, Option<String>), String> {
        let written = write(&mut self.client, strategy, self.schema, graph);
        let cells = self.take().map_err(|error| format!("to empty the tables: {error}"))?;
        let contents = Outcome { schema: self.schema, graph, cells: &cells }.contents();
        Ok((contents, written.err()))
    }

    /// A row in which triggers have not counted right, if there is one; with `late_only`, triggers that
    /// run when all is written.
    fn miscounted(&mut self, late_only: bool) -> Option<String> {
        if self.miscounted.is_empty() {
            return None;
        }
        let rows = self.client.query(&self.miscounted, &[]).expect("the columns are there");
        let row = rows.iter().find(|row| !(late_only && row.get(3)))?;
        let (label, n, count): (String, i32, i32) = (row.get(0), row.get(1), row.get(2));
        Some(format!("triggers have counted {n} rows that refer to {label}, and there are {count}"))
    }

    /// Reads and deletes everything.
    fn take(&mut self) -> Result<Cells, postgres::Error> {
        let mut cells = vec![BTreeMap::new(); self.schema.tables.len()];
        for row in self.client.query(&self.read, &[])? {
            cells[row.get::<_, i32>(0) as usize].insert(row.get(1), row.get(2));
        }
        self.client.batch_execute(&self.empty)?;
        Ok(cells)
    }
}
