//! What the database refuses, and what happens to sessions, is a status code.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::relay::{CutAt, Relay};
use crate::support::{Schema, Service, Setup, tables, upstream, wait_for_waiting, wait_until};

fn customer(email: &str) -> Value {
    json!({ "email": email, "name": "Ada" })
}

fn with_line(product: i32, quantity: i32) -> Value {
    let lines = json!([{ "product_id": product, "quantity": quantity }]);
    json!({ "email": "ada@example.org", "name": "Ada", "orders": [{ "lines": lines }] })
}

#[test]
fn a_value_that_is_refused_is_named() {
    let schema = tables("refused");
    let service = Service::start(&schema, Setup::default());
    let eve = json!({ "email": "eve@example.org", "name": "Eve" });
    assert_eq!(service.post(&eve).status, 201);
    let long = "x".repeat(61);
    for (body, status, error, constraint) in [
        (eve.clone(), 409, "taken", Some("customers_email_key")),
        (with_line(3, 1), 422, "missing", Some("lines_product_id_fkey")),
        (with_line(1, 0), 422, "check", Some("lines_quantity_check")),
        (json!({ "email": "", "name": "" }), 422, "check", Some("customers_name_check")),
        (json!({ "email": "", "name": long }), 422, "too_long", None),
        (json!({ "email": "", "name": "\0" }), 422, "value", None),
    ] {
        let refused = service.post(&body);
        assert_eq!(refused.failure(), (status, error.to_owned()), "{body}");
        assert_eq!(refused.json()["constraint"].as_str(), constraint, "{body}");
        assert_eq!(refused.header("retry-after"), None);
    }
    assert_eq!((schema.count("customers"), schema.count("orders")), (1, 0));
    let taken = service.post(&customer("ada@example.org"));
    assert_eq!(taken.status, 201);
    let changed = service.patch("/customers/1", "\"1\"", &json!({ "email": "ada@example.org" }));
    assert_eq!(changed.failure(), (409, "taken".to_owned()));
    let stale = service.patch("/customers/1", "\"2\"", &json!({ "name": "Eva" }));
    assert_eq!(stale.failure(), (412, "stale".to_owned()));
}

/// Has this happen before a customer is added.
fn before_insert(schema: &Schema, what: &str) {
    schema
        .client()
        .batch_execute(&format!(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION before_insert() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM nextval('attempts'); {what}; RETURN NEW; END $$;
             CREATE TRIGGER before_insert BEFORE INSERT ON customers
                 FOR EACH ROW EXECUTE FUNCTION before_insert();"
        ))
        .expect("the SQL is right");
}

#[test]
fn a_conflict_is_tried_again_and_then_left_to_the_caller() {
    let schema = tables("conflict");
    before_insert(&schema, "RAISE 'too late' USING ERRCODE = '40001'");
    let service = Service::start(&schema, Setup::default());
    let refused = service.post(&customer("ada@example.org"));
    assert_eq!(refused.failure(), (503, "conflict".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(schema.rows("SELECT last_value FROM attempts"), ["4"]);

    let once = "IF currval('attempts') < 6 THEN RAISE 'too late' USING ERRCODE = '40001'; END IF";
    schema
        .client()
        .batch_execute(
            "DROP TRIGGER before_insert ON customers; \
        DROP FUNCTION before_insert; DROP SEQUENCE attempts",
        )
        .expect("they are there");
    before_insert(&schema, &once.replace('6', "2"));
    let added = service.post(&customer("ada@example.org"));
    assert_eq!((added.status, added.header("x-round-trips")), (201, Some("1")));
    assert_eq!(schema.rows("SELECT last_value FROM attempts"), ["2"]);
}

#[test]
fn what_takes_too_long_is_ended_and_nothing_is_done() {
    let schema = tables("too_long");
    before_insert(&schema, "PERFORM pg_sleep(600)");
    let options = "-c statement_timeout=100ms -c lock_timeout=50ms";
    let service = Service::start(&schema, Setup { options, ..Setup::default() });
    let slow = service.post(&customer("ada@example.org"));
    assert_eq!(slow.failure(), (503, "too_slow".to_owned()));
    assert_eq!(slow.header("retry-after"), Some("1"));

    let mut other = schema.client();
    let mut transaction = other.transaction().expect("it begins");
    transaction.batch_execute("LOCK TABLE customers").expect("nobody has locked it");
    let locked = service.post(&customer("ada@example.org"));
    assert_eq!(locked.failure(), (503, "locked".to_owned()));
    transaction.rollback().expect("it ends");
    assert_eq!(schema.count("customers"), 0);
}

#[test]
fn a_commit_without_an_answer_is_unknown_and_the_session_is_replaced() {
    let schema = tables("unknown");
    let relay = Relay::in_process(&upstream(&schema), Duration::ZERO).expect("a port is free");
    let setup = Setup { sessions: 1, port: Some(relay.port()), ..Setup::default() };
    let service = Service::start(&schema, setup);
    assert_eq!(service.post(&customer("eve@example.org")).status, 201);
    relay.cut_at(Some(CutAt::ToClient(1)));
    let unknown = service.post(&customer("ada@example.org"));
    relay.cut_at(None);
    assert_eq!(unknown.failure(), (500, "unknown_outcome".to_owned()));
    assert!(unknown.text.contains("it may be stored, or not"), "{unknown:?}");
    assert_eq!(unknown.header("retry-after"), None, "it is not to be sent again");

    assert_eq!(service.get("/customers/1").status, 200, "another session");
    assert_eq!(relay.counters().expect("it runs").connections, 2);
}

/// Ends the sessions of the service, and waits until they are gone.
fn end_sessions(schema: &Schema) {
    let of_service = format!("FROM pg_stat_activity WHERE application_name = '{}'", schema.name());
    schema.rows(&format!("SELECT pg_terminate_backend(pid) {of_service}"));
    let pids = format!("SELECT count(*) {of_service}");
    wait_until(schema, &pids, "0");
}

#[test]
fn a_session_that_has_ended_is_found_out_by_a_test() {
    let schema = tables("tested");
    let setup = Setup { sessions: 1, trusted_for: Duration::ZERO, ..Setup::default() };
    let service = Service::start(&schema, setup);
    assert_eq!(service.post(&customer("ada@example.org")).status, 201);
    end_sessions(&schema);
    assert_eq!(service.get("/customers/1").status, 200);
}

#[test]
fn a_session_that_has_ended_is_found_out_by_a_request_without_a_test() {
    let schema = tables("untested");
    let service = Service::start(&schema, Setup { sessions: 1, ..Setup::default() });
    assert_eq!(service.post(&customer("ada@example.org")).status, 201);
    end_sessions(&schema);
    let lost = service.get("/customers/1");
    assert_eq!(lost.failure(), (503, "no_database".to_owned()));
    assert_eq!(lost.header("retry-after"), Some("1"));
    assert_eq!(service.get("/customers/1").status, 200);
}

#[test]
fn a_request_does_not_wait_for_a_session_for_ever() {
    let schema = tables("no_session");
    let patience = Duration::from_millis(100);
    let setup = Setup { sessions: 1, patience, options: "-c lock_timeout=0", ..Setup::default() };
    let service = Service::start(&schema, setup);
    let mut other = schema.client();
    let mut transaction = other.transaction().expect("it begins");
    transaction.batch_execute("LOCK TABLE customers").expect("nobody has locked it");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| service.post(&customer("ada@example.org")));
        wait_for_waiting(&schema, 1);
        let second = service.post(&customer("eve@example.org"));
        assert_eq!(second.failure(), (503, "busy".to_owned()));
        assert_eq!(second.header("retry-after"), Some("1"));
        transaction.rollback().expect("it ends");
        assert_eq!(first.join().expect("no panic").status, 201);
    });
}
