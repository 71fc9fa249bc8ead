//! A million rows, loaded by the unit of work and by the driver alone, into the same structs.

use std::time::{Duration, Instant};

use onetrip::{Error, ForeignKey, UnitOfWork};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

use crate::database::Database;
use crate::users::{self, Address};

pub(crate) const ROWS: usize = 1_000_000;

const SELECT: &str = "SELECT id, email, user_id FROM addresses";

/// A table with so many rows, and one that they all refer to.
pub(crate) fn database() -> Database {
    let database = Database::new("loading", users::TABLES);
    let mut client = database.client();
    client
        .batch_execute(&format!(
            "INSERT INTO users (name) VALUES ('user 0');
             INSERT INTO addresses (email, user_id)
             SELECT 'user' || n || '@example.org', 1 FROM generate_series(1, {ROWS}) AS n"
        ))
        .expect("the rows can be written");
    // What is vacuumed is not written to by those who read it.
    client.batch_execute("VACUUM ANALYZE addresses").expect("VACUUM works");
    database
}

/// All of them as entities of a unit of work.
pub(crate) fn load(client: &mut Client) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let started = Instant::now();
    let loaded = uow.query::<Address>("true").load().expect("the query works");
    let elapsed = started.elapsed();
    assert_eq!(loaded.len(), ROWS);
    elapsed
}

/// All of them as a vector.
pub(crate) fn load_by_hand(client: &mut Client) -> Duration {
    let started = Instant::now();
    let rows = client.query(SELECT, &[]).expect("the query works");
    let loaded: Vec<Address> = rows.iter().map(address).collect();
    drop(rows);
    let elapsed = started.elapsed();
    assert_eq!(loaded.len(), ROWS);
    elapsed
}

/// One after another, without keeping any.
pub(crate) fn for_each(client: &mut Client) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let (mut rows, mut bytes) = (0, 0);
    let started = Instant::now();
    uow.query::<Address>("true")
        .for_each(|address| {
            rows += 1;
            bytes += address.email.len();
            Ok::<(), Error>(())
        })
        .expect("the query works");
    let elapsed = started.elapsed();
    assert!(rows == ROWS && bytes > ROWS);
    elapsed
}

/// The same by the driver's iterator.
pub(crate) fn for_each_by_hand(client: &mut Client) -> Duration {
    let (mut rows, mut bytes) = (0, 0);
    let started = Instant::now();
    let no_params: [i32; 0] = [];
    let mut iter = client.query_raw(SELECT, no_params).expect("the query works");
    while let Some(row) = iter.next().expect("the row arrives") {
        rows += 1;
        bytes += address(&row).email.len();
    }
    let elapsed = started.elapsed();
    assert!(rows == ROWS && bytes > ROWS);
    elapsed
}

fn address(row: &postgres::Row) -> Address {
    Address { id: row.get(0), email: row.get(1), user_id: ForeignKey::Key(row.get(2)) }
}
