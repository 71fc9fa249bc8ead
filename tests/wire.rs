//! What goes over the wire, seen by a relay between the unit of work and the server.

mod common;
#[path = "common/relayed.rs"]
mod relayed;
#[path = "../examples/support/strategies.rs"]
mod strategies;
#[path = "common/users.rs"]
mod users;

use common::Schema;
use onetrip::{Error, UnitOfWork};
use postgres::Client;
use relayed::{client_through, relay_to};
use strategies::{Named, STRATEGIES};
use users::{TABLES, User, address, user};

/// The round trips that 300 rows in two tables take.
fn expected(strategy: &str) -> u64 {
    match strategy {
        "row_by_row" => 302,
        "batch" | "unnest" => 5,
        // Besides BEGIN, the keys and COMMIT, three for each table.
        "copy" => 9,
        _ => 1,
    }
}

fn add_users(uow: &mut UnitOfWork<'_>, count: usize) {
    for n in 0..count {
        let user = uow.add(user(format!("user {n}")));
        for kind in ["home", "work"] {
            uow.add(address(format!("{kind} {n}"), user));
        }
    }
}

#[test]
fn a_report_counts_what_a_relay_counts() {
    for Named { name, strategy } in STRATEGIES {
        let (strategy, expected) = (strategy(), expected(name));
        let schema = Schema::new(&format!("count_{name}"), TABLES);
        let relay = relay_to(&schema);
        let mut client = client_through(&relay, &schema);
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        add_users(&mut uow, 100);
        let planned = uow.plan().unwrap().round_trips() as u64;
        let before = relay.round_trips().unwrap();
        let report = uow.commit().unwrap();
        let on_the_wire = relay.round_trips().unwrap() - before;
        assert_eq!((report.round_trips(), planned), (expected, expected));
        assert_eq!(on_the_wire, expected, "{}", report.strategy());
        let before = relay.round_trips().unwrap();
        let user = uow.find::<User>(1).unwrap().unwrap();
        assert_eq!(relay.round_trips().unwrap(), before, "the identity map needs no server");
        assert_eq!(uow[user].name, "user 0");
    }
}

/// The table in the chapter on transactions.
#[test]
fn savepoints_take_the_round_trips_that_the_book_says() {
    let schema = Schema::new("savepoints", TABLES);
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut uow = UnitOfWork::new(&mut client);
    let mut counted = |names: &[&str], fails: bool| {
        let before = relay.round_trips().unwrap();
        let result = uow.savepoint(|uow| -> Result<(), Error> {
            for name in names {
                uow.add(user(*name));
            }
            if fails { Err(Error::other("on purpose")) } else { Ok(()) }
        });
        assert_eq!(result.is_err(), fails);
        relay.round_trips().unwrap() - before
    };
    assert_eq!(counted(&[], false), 0);
    assert_eq!(counted(&["ada"], false), 2, "BEGIN and the insert");
    assert_eq!(counted(&["bob", "cid"], false), 3, "the savepoint and the insert");
    assert_eq!(counted(&["dan"], true), 0, "nothing is written");
    assert_eq!(counted(&[], false), 0);
    uow.add(user("eve"));
    let before = relay.round_trips().unwrap();
    uow.savepoint(|uow| -> Result<(), Error> {
        uow.add(user("fay"));
        Ok(())
    })
    .unwrap();
    assert_eq!(relay.round_trips().unwrap() - before, 3 + 3);
    assert_eq!(uow.commit().unwrap().round_trips(), 1);
    assert_eq!(schema.count("users"), 5);
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
