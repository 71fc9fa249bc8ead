//! A schema of its own on the server that `DATABASE_URL` names, for one benchmark.

use std::cell::RefCell;
use std::time::Duration;

use postgres::config::{Config, Host};
use postgres::{Client, NoTls};

use crate::relay::Relay;

pub(crate) struct Database {
    schema: String,
    config: Config,
    host: String,
    port: u16,
    /// Empties the tables between commits.
    janitor: RefCell<Client>,
    tables: String,
}

impl Database {
    pub(crate) fn new(name: &str, tables: &str) -> Database {
        let url = std::env::var("DATABASE_URL").expect("run `scripts/with-postgres cargo bench`");
        let config: Config = url.parse().expect("DATABASE_URL is an address");
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            _ => panic!("the benchmarks need a server that is reached over TCP"),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let schema = format!("bench_{name}");
        let mut janitor = config.connect(NoTls).expect("the server is reachable");
        janitor
            .batch_execute(&format!(
                "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {schema} CASCADE;
                 CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}"
            ))
            .expect("the tables can be created");
        let names = janitor
            .query("SELECT tablename::text FROM pg_tables WHERE schemaname = $1", &[&schema])
            .expect("the tables are listed");
        let tables: Vec<String> = names.iter().map(|row| row.get(0)).collect();
        let janitor = RefCell::new(janitor);
        Database { schema, config, host, port, janitor, tables: tables.join(", ") }
    }

    /// A relay to the server that lies so far away.
    pub(crate) fn relay(&self, latency: Duration) -> Relay {
        Relay::in_process(&format!("{}:{}", self.host, self.port), latency).expect("a free port")
    }

    pub(crate) fn client(&self) -> Client {
        self.enter(self.config.connect(NoTls).expect("the server is reachable"))
    }

    pub(crate) fn client_by(&self, relay: &Relay) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(relay.port());
        config.user(self.config.get_user().unwrap_or("postgres"));
        if let Some(name) = self.config.get_dbname() {
            config.dbname(name);
        }
        if let Some(password) = self.config.get_password() {
            config.password(password);
        }
        self.enter(config.connect(NoTls).expect("the server is reachable"))
    }

    /// Leaves the tables empty, and their sequences at the beginning.
    pub(crate) fn empty(&self) {
        self.run(&format!("TRUNCATE {} RESTART IDENTITY", self.tables));
    }

    /// Runs a statement in between.
    pub(crate) fn run(&self, sql: &str) {
        self.janitor.borrow_mut().batch_execute(sql).expect("the statement works");
    }

    fn enter(&self, mut client: Client) -> Client {
        let sql = format!("SET search_path = {}", self.schema);
        client.batch_execute(&sql).expect("SET works");
        client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.schema);
        // A server that is gone has nothing left to drop.
        let _ = self.janitor.borrow_mut().batch_execute(&sql);
    }
}
