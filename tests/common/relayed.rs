//! Connections to a test's schema that go through a relay.

#[path = "../../examples/support/relay.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the examples")]
pub(crate) mod relay;

use std::time::Duration;

use postgres::config::Host;
use postgres::{Client, Config, NoTls};
use relay::Relay;

use crate::common::Schema;

/// A relay to the server of the schema.
pub(crate) fn relay_to(schema: &Schema) -> Relay {
    let config: Config = schema.url().parse().unwrap();
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        _ => panic!("the tests need a server that is reached over TCP"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Relay::in_process(&format!("{host}:{port}"), Duration::ZERO).unwrap()
}

/// A new connection through the relay, with the schema in its search path.
///
/// It does not wait for the disk: a commit is there for everybody all the same.
pub(crate) fn client_through(relay: &Relay, schema: &Schema) -> Client {
    let direct: Config = schema.url().parse().unwrap();
    let mut config = Config::new();
    config.host("127.0.0.1").port(relay.port()).user(direct.get_user().unwrap_or("postgres"));
    if let Some(name) = direct.get_dbname() {
        config.dbname(name);
    }
    if let Some(password) = direct.get_password() {
        config.password(password);
    }
    // A pooler takes no options, and its database has the search path.
    if !schema.is_in_own_database() {
        let options = format!("-c search_path={},public -c synchronous_commit=off", schema.name());
        config.options(&options);
    }
    config.connect(NoTls).unwrap()
}
