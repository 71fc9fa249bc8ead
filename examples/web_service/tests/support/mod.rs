//! A service in this process, a schema of its own, and a client of HTTP.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(unreachable_pub, reason = "what is shared with other tests is public there")]

pub mod http;
#[path = "../../../support/relay.rs"]
pub mod relay;
#[path = "../../../../tests/common/mod.rs"]
mod schema;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use onetrip_web_service::serve::serve;
use onetrip_web_service::session::Sessions;
use onetrip_web_service::time_outs::set_time_outs;
use postgres::{Config, NoTls};
use r2d2::Pool;
use serde_json::Value;
use tokio::sync::oneshot;

use http::{Response, send};
pub(crate) use schema::Schema;

/// The tables of the service, in a schema of their own.
pub(crate) fn tables(test: &str) -> Schema {
    Schema::new(test, include_str!("../../schema.sql"))
}

/// What differs from test to test.
pub struct Setup {
    pub sessions: u32,
    /// How long a request waits for a session.
    pub patience: Duration,
    /// How long a session may be idle without being tested.
    pub trusted_for: Duration,
    /// Further options of the session, `-c NAME=VALUE`.
    pub options: &'static str,
    /// A relay on the way to the server.
    pub port: Option<u16>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            sessions: 2,
            patience: Duration::from_secs(30),
            trusted_for: Duration::from_secs(3_600),
            options: "",
            port: None,
        }
    }
}

/// The server's address, for a relay.
pub(crate) fn upstream(schema: &Schema) -> String {
    let config: Config = schema.url().parse().expect("a URL");
    let postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("it is TCP") };
    format!("{host}:{}", config.get_ports()[0])
}

/// A pool of sessions whose tables are those of the schema.
pub(crate) fn pool(schema: &Schema, setup: &Setup) -> Pool<Sessions> {
    let mut url = schema.url().to_owned();
    if let Some(port) = setup.port {
        url = url.replace(&upstream(schema), &format!("127.0.0.1:{port}"));
    }
    let mut config: Config = url.parse().expect("a URL");
    config.options(&format!("-c search_path={} {}", schema.name(), setup.options));
    config.application_name(schema.name());
    set_time_outs(&mut config);
    let sessions = Sessions::new(config, NoTls).trusted_for(setup.trusted_for);
    Pool::builder()
        .max_size(setup.sessions)
        .connection_timeout(setup.patience)
        .build(sessions)
        .expect("the server is reachable")
}

/// A service on a free port.
pub struct Service {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Service {
    pub(crate) fn start(schema: &Schema, setup: Setup) -> Service {
        let pool = pool(schema, &setup);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            serve(listener, pool, async {
                let _ = stopped.await;
            })
        });
        Service { address, stop: Some(stop), thread: Some(thread) }
    }

    pub fn get(&self, path: &str) -> Response {
        send(self.address, "GET", path, &[], None)
    }

    pub fn post(&self, body: &Value) -> Response {
        send(self.address, "POST", "/customers", &[], Some(&body.to_string()))
    }

    /// Changes what has this version: the text of the header.
    pub fn patch(&self, path: &str, version: &str, body: &Value) -> Response {
        send(self.address, "PATCH", path, &[("if-match", version)], Some(&body.to_string()))
    }

    /// Asks it to stop. It still finishes what has begun.
    pub fn stop(&mut self) {
        let _ = self.stop.take().expect("it is asked once").send(());
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        let thread = self.thread.take().expect("it ends once");
        thread.join().expect("no panic").expect("no error");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(matches!(result, Ok(Ok(()))) || thread::panicking(), "{result:?}");
        }
    }
}

/// Waits until a query of the schema's own client returns this number.
pub(crate) fn wait_until(schema: &Schema, sql: &str, expected: &str) {
    for _ in 0..3_000 {
        if schema.rows(sql) == [expected] {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{sql} is not {expected}, but {:?}", schema.rows(sql));
}

/// Waits until so many sessions of the service wait for a lock.
pub(crate) fn wait_for_waiting(schema: &Schema, count: u32) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' \
         AND wait_event_type = 'Lock'",
        schema.name()
    );
    wait_until(schema, &sql, &count.to_string());
}
