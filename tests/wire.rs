//! What goes over the wire, seen by a relay between the unit of work and the server.

mod common;
#[path = "../examples/support/relay.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the examples")]
mod relay;

use std::time::Duration;

use common::Schema;
use onetrip::{
    Batch, ErrorKind, ForeignKey, Handle, InsertStrategy, Model, OneTrip, RowByRow, UnitOfWork,
};
use postgres::{Client, Config};
use relay::{CutAt, Relay};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: ForeignKey<User>,
}

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users)";

fn strategies() -> Vec<Box<dyn InsertStrategy>> {
    vec![Box::new(RowByRow), Box::new(Batch), Box::new(OneTrip)]
}

/// A relay to the server of the schema.
fn relay(schema: &Schema) -> Relay {
    let config: Config = schema.url().parse().unwrap();
    let host = match config.get_hosts().first() {
        Some(postgres::config::Host::Tcp(host)) => host.clone(),
        _ => panic!("the tests need a server that is reached over TCP"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Relay::in_process(&format!("{host}:{port}"), Duration::ZERO).unwrap()
}

fn client_through(relay: &Relay, schema: &Schema) -> Client {
    let direct: Config = schema.url().parse().unwrap();
    let mut config = Config::new();
    config.host("127.0.0.1").port(relay.port()).user(direct.get_user().unwrap_or("postgres"));
    if let Some(name) = direct.get_dbname() {
        config.dbname(name);
    }
    if let Some(password) = direct.get_password() {
        config.password(password);
    }
    let mut client = config.connect(postgres::NoTls).unwrap();
    client.batch_execute(&format!("SET search_path = {}, public", schema.name())).unwrap();
    client
}

fn add_users(uow: &mut UnitOfWork<'_>, count: usize) -> (Handle<User>, Handle<Address>) {
    let mut last = None;
    for n in 0..count {
        let user = uow.add(User { id: None, name: format!("user {n}") });
        for kind in ["home", "work"] {
            let address =
                uow.add(Address { id: None, email: format!("{kind} {n}"), user_id: user.into() });
            last = Some((user, address));
        }
    }
    last.expect("at least one user")
}

#[test]
fn a_report_counts_what_a_relay_counts() {
    for strategy in strategies() {
        let schema = Schema::new(&format!("count_{}", strategy.name()), TABLES);
        let relay = relay(&schema);
        let mut client = client_through(&relay, &schema);
        let expected = match strategy.name() {
            "row_by_row" => 302,
            "batch" => 5,
            _ => 1,
        };
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        add_users(&mut uow, 100);
        let planned = uow.plan().unwrap().round_trips() as u64;
        let before = relay.round_trips().unwrap();
        let report = uow.commit().unwrap();
        let on_the_wire = relay.round_trips().unwrap() - before;
        assert_eq!(on_the_wire, expected);
        assert_eq!((report.round_trips(), planned), (on_the_wire, on_the_wire));
        let before = relay.round_trips().unwrap();
        let user = uow.find::<User>(1).unwrap().unwrap();
        assert_eq!(relay.round_trips().unwrap(), before, "the identity map needs no server");
        assert_eq!(uow[user].name, "user 0");
    }
}

/// What a pool hands out: it dereferences to the driver's client.
struct Pooled(Client);

impl std::ops::Deref for Pooled {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl std::ops::DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.0
    }
}

#[test]
fn a_pooled_client_is_as_good() {
    let schema = Schema::new("pooled", TABLES);
    let mut pooled = Pooled(schema.client());
    let mut uow = UnitOfWork::new(&mut *pooled);
    add_users(&mut uow, 1);
    uow.commit().unwrap();
    assert_eq!(schema.count("addresses"), 2);
}

/// The link is cut at bytes all over a commit, and at every byte near its end, where COMMIT is:
/// whatever the error says must be true.
#[test]
fn a_link_that_dies() {
    for strategy in 0..strategies().len() {
        let name = strategies()[strategy].name().to_owned();
        let schema = Schema::new(&format!("cut_{name}"), TABLES);
        let relay = relay(&schema);
        // How much a whole commit sends and receives.
        let bytes = {
            let mut client = client_through(&relay, &schema);
            let mut uow =
                UnitOfWork::new(&mut client).with_strategy(strategies().swap_remove(strategy));
            add_users(&mut uow, 1);
            let before = relay.counters().unwrap();
            uow.commit().unwrap();
            let after = relay.counters().unwrap();
            (after.sent - before.sent, after.received - before.received)
        };
        let (mut unknown, mut lost) = (0, 0);
        let worth_a_cut = |&at: &u64, all: u64| at % 37 == 0 || at + 45 > all;
        let to_server = (0..bytes.0).filter(|at| worth_a_cut(at, bytes.0)).map(CutAt::ToServer);
        let to_client = (0..bytes.1).filter(|at| worth_a_cut(at, bytes.1)).map(CutAt::ToClient);
        let mut observer = schema.client();
        let mut fresh = schema.client();
        for cut in to_server.chain(to_client) {
            observer.batch_execute("DELETE FROM addresses; DELETE FROM users").unwrap();
            let mut client = client_through(&relay, &schema);
            let mut uow =
                UnitOfWork::new(&mut client).with_strategy(strategies().swap_remove(strategy));
            let (user, address) = add_users(&mut uow, 1);
            relay.cut_at(Some(cut));
            let result = uow.commit();
            relay.cut_at(None);
            let error = result.expect_err("the link is dead before the last byte");
            assert!(uow[user].id.is_none(), "nothing is written back: {cut:?}");
            assert_eq!(uow[address].user_id, user.into());
            let written = settle(&mut observer);
            assert!([0, 3].contains(&written), "half a commit: {cut:?}");
            match error.kind() {
                ErrorKind::Connection => {
                    lost += 1;
                    assert_eq!(written, 0, "it said that nothing was written: {cut:?} {error}");
                }
                ErrorKind::UnknownOutcome => {
                    unknown += 1;
                    assert!(!error.is_retryable());
                    let again = uow.commit().unwrap_err();
                    assert_eq!(again.kind(), ErrorKind::UnknownOutcome, "no second try");
                    uow.resolve_unknown(written == 3).unwrap();
                    if written == 3 && name == "one_trip" {
                        assert!(uow.get(user).is_err(), "its key was lost with the answer");
                    } else {
                        assert_eq!(uow[user].id.is_some(), written == 3);
                    }
                }
                other => panic!("{other:?} at {cut:?}: {error}"),
            }
            uow.reconnect(&mut fresh);
            uow.commit().unwrap();
            assert_eq!(settle(&mut observer), 3, "once, and only once: {cut:?}");
        }
        // The one statement is under way from the first byte on.
        assert!(unknown > 0 && (lost > 0 || name == "one_trip"), "{name}: {unknown}, {lost}");
    }
}

/// The number of rows, once no other session is in a transaction with the tables any more.
fn settle(observer: &mut Client) -> i64 {
    let busy = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                WHERE l.pid <> pg_backend_pid() AND c.relname IN ('users', 'addresses')
                AND c.relnamespace = current_schema()::regnamespace";
    for _ in 0..5_000 {
        let count: i64 = observer.query_one(busy, &[]).unwrap().get(0);
        if count == 0 {
            let rows = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM addresses)";
            return observer.query_one(rows, &[]).unwrap().get(0);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("a session stays in its transaction");
}
