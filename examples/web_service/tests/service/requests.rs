//! What is asked for is done, in as many round trips as the header says.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use onetrip_web_service::database::Database;
use onetrip_web_service::models::Customer;
use onetrip_web_service::session::Session;
use serde_json::json;
use tokio::runtime::Builder;

use crate::support::http::send;
use crate::support::relay::Relay;
use crate::support::{Service, Setup, pool, tables, upstream};

#[test]
fn a_graph_is_added_and_shown_in_one_round_trip_each() {
    let schema = tables("graph");
    let relay = Relay::in_process(&upstream(&schema), Duration::ZERO).expect("a port is free");
    let setup = Setup { sessions: 1, port: Some(relay.port()), ..Setup::default() };
    let service = Service::start(&schema, setup);
    let count = || relay.round_trips().expect("it runs");

    let before = count();
    let added = service.post(&json!({
        "email": "ada@example.org", "name": "Ada",
        "orders": [
            { "lines": [{ "product_id": 1, "quantity": 10 }, { "product_id": 2, "quantity": 1 }] },
            { "lines": [{ "product_id": 1, "quantity": 3 }] },
        ],
    }));
    assert_eq!(count() - before, 1);
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(added.header("x-round-trips"), Some("1"));
    assert_eq!(added.header("location"), Some("/customers/1"));
    assert_eq!(added.header("etag"), Some("\"1\""));
    assert_eq!(
        added.json(),
        json!({
            "id": 1, "email": "ada@example.org", "name": "Ada", "version": 1,
            "orders": [
                { "id": 1, "lines": [
                    { "id": 1, "product_id": 1, "quantity": 10 },
                    { "id": 2, "product_id": 2, "quantity": 1 },
                ] },
                { "id": 2, "lines": [{ "id": 3, "product_id": 1, "quantity": 3 }] },
            ],
        })
    );

    let before = count();
    let shown = service.get("/customers/1");
    assert_eq!(count() - before, 1);
    assert_eq!((shown.status, shown.header("x-round-trips")), (200, Some("1")));
    assert_eq!(shown.header("etag"), Some("\"1\""));
    let (pen, ink) = (json!({ "id": 1, "name": "pen" }), json!({ "id": 2, "name": "ink" }));
    assert_eq!(
        shown.json(),
        json!({
            "id": 1, "email": "ada@example.org", "name": "Ada", "version": 1,
            "orders": [
                { "id": 1, "lines": [
                    { "id": 1, "product": pen, "quantity": 10 },
                    { "id": 2, "product": ink, "quantity": 1 },
                ] },
                { "id": 2, "lines": [{ "id": 3, "product": pen, "quantity": 3 }] },
            ],
        })
    );

    let before = count();
    let changed = service.patch("/customers/1", "\"1\"", &json!({ "name": "Ada Lovelace" }));
    assert_eq!(count() - before, 2);
    assert_eq!((changed.status, changed.header("x-round-trips")), (200, Some("2")));
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let ada = json!({ "id": 1, "email": "ada@example.org", "name": "Ada Lovelace", "version": 2 });
    assert_eq!(changed.json(), ada);
    assert_eq!(schema.rows("SELECT name, version FROM customers"), ["Ada Lovelace|2"]);
}

#[test]
fn what_comes_up_again_is_prepared_after_the_answer() {
    let schema = tables("prepared");
    let pool = pool(&schema, &Setup { sessions: 1, ..Setup::default() });
    let database = Database::new(pool);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let run = |sql: &'static str| {
        let work =
            move |session: &mut Session| Ok(session.unit_of_work().sql(sql).first::<i64>()?);
        runtime.block_on(database.run(work)).expect("the query works").expect("a row")
    };
    let find = |id: i32| {
        let work = move |session: &mut Session| {
            let found = session.unit_of_work().find::<Customer>(id)?;
            Ok(found.is_some())
        };
        runtime.block_on(database.run(work)).expect("the query works")
    };
    let prepared = "SELECT count(*) FROM pg_prepared_statements";
    assert!(!find(1));
    assert_eq!(run(prepared), 0);
    assert!(!find(2));
    // There is one session, so this has waited until the statement was prepared.
    assert_eq!(run(prepared), 1);
    drop(runtime);
}

#[test]
fn requests_at_the_same_time_do_not_mix() {
    let schema = tables("at_once");
    let service = Service::start(&schema, Setup { sessions: 3, ..Setup::default() });
    let locations: BTreeSet<String> = thread::scope(|scope| {
        let add = |number: usize| {
            let service = &service;
            scope.spawn(move || {
                let mut locations = Vec::new();
                for turn in 0..5 {
                    let email = format!("{number}.{turn}@example.org");
                    let quantity = number * 10 + turn + 1;
                    let added = service.post(&json!({
                        "email": email, "name": "Ada",
                        "orders": [{ "lines": [{ "product_id": 1, "quantity": quantity }] }],
                    }));
                    assert_eq!(added.status, 201, "{added:?}");
                    let location = added.header("location").expect("it is there").to_owned();
                    let shown = service.get(&location).json();
                    assert_eq!(shown["email"], json!(email));
                    assert_eq!(shown["orders"][0]["lines"][0]["quantity"], json!(quantity));
                    locations.push(location);
                }
                locations
            })
        };
        let threads: Vec<_> = (0..8).map(add).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!((locations.len(), schema.count("customers"), schema.count("lines")), (40, 40, 40));
}

#[test]
fn of_those_who_change_the_same_version_one_does() {
    let schema = tables("one_does");
    let service = Service::start(&schema, Setup { sessions: 4, ..Setup::default() });
    service.post(&json!({ "email": "ada@example.org", "name": "Ada" }));
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let change = |number: usize| {
            let service = &service;
            let body = json!({ "name": format!("Ada {number}") });
            scope.spawn(move || service.patch("/customers/1", "\"1\"", &body).status)
        };
        let threads: Vec<_> = (0..8).map(change).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(schema.rows("SELECT version FROM customers"), ["2"]);
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let schema = tables("no_sense");
    let service = Service::start(&schema, Setup::default());
    service.post(&json!({ "email": "ada@example.org", "name": "Ada" }));
    for path in ["/customers/7", "/customers/x", "/nobody"] {
        assert_eq!(service.get(path).failure(), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(service.post(&json!({ "email": 7 })).failure(), (422, "body".to_owned()));
    let send_text = |headers: &[_], text| {
        send(service.address, "PATCH", "/customers/1", headers, Some(text)).failure()
    };
    assert_eq!(send_text(&[], "{}"), (428, "no_version".to_owned()));
    assert_eq!(send_text(&[("if-match", "1")], "{}"), (400, "bad_request".to_owned()));
    assert_eq!(send_text(&[("if-match", "\"1\"")], "{"), (400, "body".to_owned()));
    let nobody = service.patch("/customers/7", "\"1\"", &json!({ "name": "Eve" }));
    assert_eq!(nobody.failure(), (404, "not_found".to_owned()));
}
