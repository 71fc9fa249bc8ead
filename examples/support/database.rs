//! The server that `DATABASE_URL` names, and the schema that an example has to itself there.

use std::env;

use postgres::config::{Config, Host};
use postgres::types::Type;
use postgres::{Client, NoTls};

use super::cli::{Failure, explain};
use super::relay::Relay;

/// What the examples leave on their schemas, to tell them from others of the same name.
const MARK: &str = "made by an example of onetrip, which drops and recreates it";

/// A server.
pub(crate) struct Server {
    given: Config,
    host: String,
    port: u16,
}

impl Server {
    /// The server that `DATABASE_URL` names.
    pub(crate) fn from_env() -> Result<Server, Failure> {
        let url = env::var("DATABASE_URL").map_err(|_| {
            "DATABASE_URL is not set: set it, or run this through `scripts/with-postgres`, which \
             starts a server for it"
        })?;
        let given: Config = url.parse().map_err(|error: postgres::Error| {
            format!("DATABASE_URL is not a PostgreSQL address: {}", explain(&error))
        })?;
        let host = match (given.get_hostaddrs(), given.get_hosts()) {
            ([address, ..], _) => address.to_string(),
            ([], [Host::Tcp(name), ..]) => name.clone(),
            _ => {
                return Err("DATABASE_URL names no TCP host, such as 127.0.0.1: the relay that \
                            counts the round trips cannot stand before a Unix socket"
                    .into());
            }
        };
        let port = given.get_ports().first().copied().unwrap_or(5432);
        Ok(Server { given, host, port })
    }

    /// `host:port`, as a relay takes it.
    pub(crate) fn address(&self) -> String {
        let Server { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// A connection to the server itself.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        self.connect_at(&self.host, self.port)
    }

    /// A connection by way of a relay on this machine.
    pub(crate) fn connect_by(&self, relay: &Relay) -> Result<Client, Failure> {
        self.connect_at("127.0.0.1", relay.port())
    }

    fn connect_at(&self, host: &str, port: u16) -> Result<Client, Failure> {
        // The configuration that was given cannot be reused: it would only get one more host.
        let mut config = Config::new();
        config.host(host).port(port).ssl_mode(self.given.get_ssl_mode());
        if let Some(user) = self.given.get_user() {
            config.user(user);
        }
        if let Some(password) = self.given.get_password() {
            config.password(password);
        }
        if let Some(dbname) = self.given.get_dbname() {
            config.dbname(dbname);
        }
        if let Some(options) = self.given.get_options() {
            config.options(options);
        }
        // The relay is no place that the user knows.
        config.connect(NoTls).map_err(|error| {
            format!("cannot connect to {}: {}", self.address(), explain(&error)).into()
        })
    }
}

/// A schema that a program has to itself.
///
/// Models name it. A search path would be a setting of the session, which a pooler gives to others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    /// It needs no quotes.
    name: &'static str,
}

impl Schema {
    pub(crate) const fn new(name: &'static str) -> Schema {
        Schema { name }
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Whether an example has made the schema before.
    pub(crate) fn is_there(self, client: &mut Client) -> Result<bool, Failure> {
        Ok(self.comment(client)?.is_some_and(|comment| comment.as_deref() == Some(MARK)))
    }

    /// What is said of the schema, if it is there.
    fn comment(self, client: &mut Client) -> Result<Option<Option<String>>, Failure> {
        let row = client.query_typed_opt(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1",
            &[(&self.name, Type::TEXT)],
        )?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Creates the schema afresh, with these tables.
    ///
    /// A schema that is already there is dropped only if an example has made it.
    pub(crate) fn recreate(self, client: &mut Client, tables: &str) -> Result<(), Failure> {
        let name = self.name;
        if let Some(comment) = self.comment(client)? {
            if comment.as_deref() != Some(MARK) {
                let message = format!(
                    "the schema {name} is there already, and not from an example: rename it, or \
                     name another database"
                );
                return Err(message.into());
            }
            self.drop(client)?;
        }
        let mut transaction = client.transaction()?;
        let commands = format!(
            "CREATE SCHEMA {name}; COMMENT ON SCHEMA {name} IS '{MARK}';
             SET LOCAL search_path = {name}; {tables}"
        );
        // Citus takes a CREATE INDEX only if it comes alone. The body of a function has semicolons of its own.
        let is_one = commands.contains("$$");
        for command in commands.split(|c| c == ';' && !is_one) {
            transaction.batch_execute(command)?;
        }
        Ok(transaction.commit()?)
    }

    pub(crate) fn drop(self, client: &mut Client) -> Result<(), Failure> {
        let mut transaction = client.transaction()?;
        // The notices about what goes with it are of no use to anyone.
        transaction.batch_execute(&format!(
            "SET LOCAL client_min_messages = warning; DROP SCHEMA {} CASCADE",
            self.name
        ))?;
        Ok(transaction.commit()?)
    }
}
