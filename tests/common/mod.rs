//! A schema of its own on a real server, for one test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use postgres::{Client, NoTls};

/// A schema that is in the search path of its clients, and is dropped at the end.
pub(crate) struct Schema {
    name: String,
    url: String,
}

impl Schema {
    /// Creates a schema and runs `sql` in it.
    ///
    /// # Panics
    ///
    /// Without a server: `DATABASE_URL` names it.
    pub(crate) fn new(test: &str, sql: &str) -> Schema {
        let url = std::env::var("DATABASE_URL")
            .expect("no DATABASE_URL: run `scripts/with-postgres cargo test --workspace`");
        let schema = Schema { name: format!("t_{}_{test}", std::process::id()), url };
        let mut client = Client::connect(&schema.url, NoTls).expect("the server is reachable");
        client
            .batch_execute(&format!(
                "DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}; SET search_path = {0}, public; {sql}",
                schema.name
            ))
            .expect("the test's tables can be created");
        schema
    }

    /// The schema's name, which needs no quotes.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A new connection with the schema in its search path.
    pub(crate) fn client(&self) -> Client {
        self.client_at(&self.url)
    }

    /// A new connection to another address, such as that of a relay.
    pub(crate) fn client_at(&self, url: &str) -> Client {
        let mut client = Client::connect(url, NoTls).expect("the server is reachable");
        client
            .batch_execute(&format!("SET search_path = {}, public", self.name))
            .expect("SET works");
        client
    }

    /// The rows of a query as text, columns separated by `|`, in the query's order.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.client().simple_query(sql).expect("the query works");
        let text = |message| match message {
            postgres::SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|column| row.get(column).unwrap_or("NULL"))
                    .collect::<Vec<_>>()
                    .join("|"),
            ),
            _ => None,
        };
        messages.into_iter().filter_map(text).collect()
    }

    /// The number of rows of a table.
    pub(crate) fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT count(*) FROM {table}"))[0].parse().expect("a number")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Ok(mut client) = Client::connect(&self.url, NoTls) {
            let _ = client.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name));
        }
    }
}
