//! A schema of its own on a real server, for one test.
//!
//! Where `ONETRIP_DIRECT_URL` is set, `DATABASE_URL` is a pooler in front of that server, as
//! `scripts/with-pgbouncer` sets both. A session belongs to nobody there, so a test gets a database of its own,
//! which puts the schema in the search path of all its sessions.
//!
//! With `ONETRIP_CITUS_SCHEMAS` set, each schema is one that Citus keeps on one of its servers:
//! `ONETRIP_CITUS_SCHEMAS=1 scripts/with-citus cargo test --test conformance`.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::env;

use postgres::{Client, NoTls};

/// A schema that is in the search path of its clients, and is dropped at the end.
pub(crate) struct Schema {
    name: String,
    /// Where clients connect: the server, or the pooler before it.
    url: String,
    /// Where the test has a database of its own, too.
    database: Option<Database>,
}

/// Splits a text at each semicolon that is in no quotes, dollars among them.
fn statements(sql: &str) -> Vec<&str> {
    let (mut all, mut quote, mut first, mut at) = (Vec::new(), None, 0, 0);
    while at < sql.len() {
        let rest = &sql[at..];
        let sign = ["$$", "'", ";"].into_iter().find(|sign| rest.starts_with(sign));
        match (quote, sign) {
            (None, Some(";")) => {
                all.push(&sql[first..at]);
                first = at + 1;
            }
            (None, Some(sign)) => quote = Some(sign),
            (Some(open), Some(sign)) if open == sign => quote = None,
            _ => {}
        }
        at += sign.map_or_else(|| rest.chars().next().map_or(1, char::len_utf8), str::len);
    }
    all.push(&sql[first..]);
    all
}

/// A database with the name of the schema.
struct Database {
    /// On the server itself, where clients connect to a pooler.
    direct: String,
    /// Another database of the server, where this one is created and dropped.
    admin: String,
}

impl Schema {
    /// Creates a schema and runs `sql` in it.
    ///
    /// # Panics
    ///
    /// Without a server: `DATABASE_URL` names it.
    pub(crate) fn new(test: &str, sql: &str) -> Schema {
        let schema = match env::var("ONETRIP_DIRECT_URL") {
            Ok(direct) => Schema::with_database(test, direct),
            Err(_) => Schema { name: name(test), url: server(), database: None },
        };
        schema.create(sql)
    }

    /// Creates a database for programs that name their schemas themselves, with an empty schema.
    pub(crate) fn in_own_database(test: &str) -> Schema {
        let direct = env::var("ONETRIP_DIRECT_URL").unwrap_or_else(|_| server());
        Schema::with_database(test, direct).create("")
    }

    /// Creates a database whose sessions have the schema in their search path.
    fn with_database(test: &str, admin: String) -> Schema {
        let mut name = name(test);
        // The server would shorten it, a pooler refuses it.
        name.truncate(63);
        let mut client = connect(&admin);
        for sql in [
            format!("CREATE DATABASE {name}"),
            format!("ALTER DATABASE {name} SET search_path = {name}, public"),
        ] {
            client.batch_execute(&sql).expect("a database can be created");
        }
        let database = Database { direct: in_database(&admin, &name), admin };
        Schema { url: in_database(&server(), &name), name, database: Some(database) }
    }

    fn create(self, sql: &str) -> Schema {
        let mut client = connect(self.direct_url());
        let create = format!(
            "DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}; SET search_path = {0}, public; {sql}",
            self.name
        );
        let is_of_citus = env::var_os("ONETRIP_CITUS_SCHEMAS").is_some();
        if is_of_citus {
            let sharded = "SET citus.enable_schema_based_sharding = on";
            client.batch_execute(sharded).expect("the server has Citus");
        }
        // Citus takes some commands only if they come alone.
        let messages = if is_of_citus { statements(&create) } else { vec![&*create] };
        for message in messages {
            client.batch_execute(message).expect("the test's tables can be created");
        }
        self
    }

    /// The schema's name, which needs no quotes.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server's URL, or that of the pooler before it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the server itself.
    fn direct_url(&self) -> &str {
        self.database.as_ref().map_or(&self.url, |database| &database.direct)
    }

    /// Whether each session has the schema in its search path, without a word of the client.
    pub(crate) fn is_in_own_database(&self) -> bool {
        self.database.is_some()
    }

    /// A new connection with the schema in its search path.
    pub(crate) fn client(&self) -> Client {
        self.client_at(&self.url)
    }

    /// A new connection with a session of its own, for tests of what belongs to a session. It goes past a
    /// pooler.
    pub(crate) fn session(&self) -> Client {
        self.client_at(self.direct_url())
    }

    /// A new connection to another address, such as that of a relay.
    pub(crate) fn client_at(&self, url: &str) -> Client {
        let mut client = connect(url);
        // The sessions of a pooler are not this client's to change.
        if !self.is_in_own_database() {
            client
                .batch_execute(&format!("SET search_path = {}, public", self.name))
                .expect("SET works");
        }
        client
    }

    /// The rows of a query as text, columns separated by `|`, in the query's order. They are read past a
    /// pooler, whose sessions may all be taken.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.session().simple_query(sql).expect("the query works");
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
        let (url, sql) = match &self.database {
            // A pooler still has sessions there.
            Some(database) => {
                (&database.admin, format!("DROP DATABASE {} WITH (FORCE)", self.name))
            }
            None => (&self.url, format!("DROP SCHEMA {} CASCADE", self.name)),
        };
        if let Ok(mut client) = Client::connect(url, NoTls) {
            let _ = client.batch_execute(&sql);
        }
    }
}

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).expect("the server is reachable")
}

/// The name of a test's schema.
fn name(test: &str) -> String {
    format!("t_{}_{test}", std::process::id())
}

/// The server, or the pooler before it.
fn server() -> String {
    env::var("DATABASE_URL")
        .expect("no DATABASE_URL: run `scripts/with-postgres cargo test --workspace`")
}

/// The URL of another database of the same server.
fn in_database(url: &str, name: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}dbname={name}")
}
