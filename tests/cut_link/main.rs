//! The link dies at any byte of a commit, and at any message of a larger one: nothing is half
//! written, and what the commit says of itself is true.
//!

mod changes;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/relayed.rs"]
mod relayed;
#[path = "../../examples/support/strategies.rs"]
mod strategies;
mod traffic;
mod work;

use common::Schema;
use onetrip::{ErrorKind, Strategy, UnitOfWork};
use postgres::{Client, SimpleQueryMessage, Statement};
use relayed::relay::{CutAt, Relay};
use relayed::{client_through, relay_to};
use traffic::{Says, Traffic};
use work::{DELETE, Entities, Parent, ROWS, TABLES, add_few, add_many};

macro_rules! suite {
    ({} $($name:ident: $strategy:expr,)*) => {
        $(
            mod $name {
                #[test]
                fn at_every_byte() {
                    let schema = concat!("cut_bytes_", stringify!($name));
                    crate::at_every_byte(&crate::Setup::new(schema, || $strategy.into()));
                }

                #[test]
                fn at_every_message() {
                    let schema = concat!("cut_messages_", stringify!($name));
                    crate::at_every_message(&crate::Setup::new(schema, || $strategy.into()));
                }

                #[test]
                fn at_every_message_of_changes() {
                    let schema = concat!("cut_changes_", stringify!($name));
                    let setup = crate::Setup::new(schema, || $strategy.into());
                    crate::changes::at_every_message(&setup);
                }
            }
        )*
    };
}

strategies::with_strategies!(suite!());

fn at_every_byte(setup: &Setup) {
    setup.cut_everywhere(add_few, Traffic::every_byte);
}

fn at_every_message(setup: &Setup) {
    setup.cut_everywhere(add_many, Traffic::every_message);
}

/// The driver numbers the statements that it names, which are those of `COPY`. From here on all
/// numbers have five digits, so that the traffic of every commit is of the same length.
fn lengthen_statement_names(client: &mut Client) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for _ in 0..10_000 {
            client.prepare("").unwrap();
        }
    });
}

/// A strategy, and a schema of the test's own with a relay to it.
struct Setup {
    strategy: fn() -> Strategy,
    schema: Schema,
    relay: Relay,
}

impl Setup {
    fn new(test: &str, strategy: fn() -> Strategy) -> Setup {
        let schema = Schema::new(test, TABLES);
        let relay = relay_to(&schema);
        Setup { strategy, schema, relay }
    }

    /// Makes the same commit again and again, each with a connection that dies somewhere else.
    fn cut_everywhere(
        &self,
        add: fn(&mut UnitOfWork<'_>) -> Entities,
        cuts: fn(&Traffic) -> Vec<CutAt>,
    ) {
        let mut observer = Observer::new(&self.schema);
        let mut fresh = self.schema.client();
        fresh.batch_execute("SET synchronous_commit = off").unwrap();
        lengthen_statement_names(&mut fresh);
        let (traffic, whole) = self.whole(add, &mut observer);
        let (mut said, mut unknown) = (Vec::new(), Vec::new());
        for cut in cuts(&traffic) {
            let mut client = client_through(&self.relay, &self.schema);
            let session = Session::of(&mut client);
            let mut uow = UnitOfWork::new(&mut client).with_strategy((self.strategy)());
            let entities = add(&mut uow);
            let (count, before) = (uow.len(), entities.now(&uow));

            self.relay.cut_at(Some(cut));
            let result = uow.commit();
            if result.is_ok() {
                let error = uow.find::<Parent>(-1).expect_err("the link dies in the end");
                assert_eq!(error.kind(), ErrorKind::Connection, "{cut:?}: {error}");
            }
            self.relay.cut_at(None);

            let says = traffic.check(cut, &result);
            said.push(says);
            let rows = observer.rows_after(session);
            assert!(rows.is_empty() || rows == whole, "half a commit: {cut:?}: {rows}");
            let is_written = !rows.is_empty();

            if says != Says::Done {
                assert_eq!(entities.now(&uow), before, "nothing is written back: {cut:?}");
            }
            match says {
                Says::Done => assert!(is_written, "a commit that did not happen: {cut:?}"),
                Says::Lost => assert!(!is_written, "it was written all the same: {cut:?}"),
                Says::Unknown => {
                    unknown.push(is_written);
                    assert!(!result.unwrap_err().is_retryable());
                    let again = uow.commit().unwrap_err();
                    assert_eq!(again.kind(), ErrorKind::UnknownOutcome, "no second try: {cut:?}");
                    uow.resolve_unknown(is_written).unwrap();
                }
            }
            if says == Says::Unknown && is_written && traffic.is_one_statement() {
                assert!(uow.is_empty(), "the keys were lost with the answer: {cut:?}");
            } else {
                assert_eq!(uow.len(), count);
                assert_eq!(entities.keys(&uow).iter().any(Option::is_some), is_written, "{cut:?}");
            }

            let left = if is_written { 0 } else { count };
            assert_eq!(uow.plan().unwrap().rows(), left, "{cut:?}");

            uow.reconnect(&mut fresh);
            uow.commit().unwrap();
            if !uow.is_empty() {
                assert!(entities.keys(&uow).iter().all(Option::is_some), "{cut:?}");
            }
            assert_eq!(observer.take_rows(), whole, "once, and only once: {cut:?}");
        }
        // All of it has come to pass, so that each of the checks has had something to check.
        assert!(said.contains(&Says::Done));
        assert_eq!(said.contains(&Says::Lost), !traffic.is_one_statement());
        assert!(unknown.contains(&true) && unknown.contains(&false));
    }

    /// What a commit sends and receives, and what it writes.
    fn whole(
        &self,
        add: fn(&mut UnitOfWork<'_>) -> Entities,
        observer: &mut Observer,
    ) -> (Traffic, String) {
        let mut client = client_through(&self.relay, &self.schema);
        let mut uow = UnitOfWork::new(&mut client).with_strategy((self.strategy)());
        add(&mut uow);
        let (result, recorded) = self.relay.record(|| uow.commit());
        result.unwrap();
        let rows = observer.take_rows();
        assert_eq!(rows.split(' ').count(), uow.len(), "{rows}");
        (Traffic::new(&recorded), rows)
    }
}

/// The server's process of a connection. It holds a lock for as long as it lives.
#[derive(Clone, Copy)]
struct Session(i32);

impl Session {
    fn of(client: &mut Client) -> Session {
        let sql = "SELECT pg_backend_pid() FROM pg_advisory_lock(pg_backend_pid())";
        Session(first_value(client, sql).parse().unwrap())
    }
}

/// A connection that sees what has become of it all.
struct Observer {
    client: Client,
    rows: Statement,
}

impl Observer {
    fn new(schema: &Schema) -> Observer {
        let mut client = schema.client();
        client.batch_execute("SET synchronous_commit = off; SET lock_timeout = '30s'").unwrap();
        let rows = client.prepare(ROWS).unwrap();
        Observer { client, rows }
    }

    /// The rows, once the session is gone: the server goes on with what it was told before the link
    /// died. A session ends its transaction first and lets go of its lock then.
    fn rows_after(&mut self, Session(pid): Session) -> String {
        let gone = format!("SELECT pg_advisory_lock({pid}); SELECT pg_advisory_unlock({pid})");
        self.client.batch_execute(&gone).expect("the session ends");
        self.rows()
    }

    fn rows(&mut self) -> String {
        self.client.query_one(&self.rows, &[]).unwrap().get(0)
    }

    /// The rows, which are gone then.
    fn take_rows(&mut self) -> String {
        let rows = self.rows();
        self.client.batch_execute(DELETE).unwrap();
        rows
    }
}

/// The first value of what the statements return.
fn first_value(client: &mut Client, sql: &str) -> String {
    let messages = client.simple_query(sql).unwrap();
    let value = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    value.expect("a value")
}
