//! Users with two addresses each: what most of the benchmarks write.

use std::time::{Duration, Instant};

use onetrip::{ForeignKey, Model, StatementCache, Strategy, UnitOfWork};
use postgres::Client;

pub(crate) const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users)";

#[derive(Model, Clone)]
#[model(table = "users")]
pub(crate) struct User {
    #[model(key)]
    id: Option<i32>,
    pub(crate) name: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
pub(crate) struct Address {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) email: String,
    pub(crate) user_id: ForeignKey<User>,
}

pub(crate) fn name(user: usize) -> String {
    format!("user {user}")
}

pub(crate) fn email(user: usize, address: usize) -> String {
    format!("user{user}.{address}@example.org")
}

/// Adds so many users with two addresses each.
pub(crate) fn add(uow: &mut UnitOfWork<'_>, users: usize) {
    for user in 0..users {
        let handle = uow.add(User { id: None, name: name(user) });
        for address in 0..2 {
            uow.add(Address { id: None, email: email(user, address), user_id: handle.into() });
        }
    }
}

/// The time that their commit takes.
pub(crate) fn commit(client: &mut Client, strategy: Strategy, users: usize) -> Duration {
    time(UnitOfWork::new(client).with_strategy(strategy), users)
}

/// The same by `Auto`, whose statement is prepared if it was sent twice before.
pub(crate) fn commit_prepared(
    client: &mut Client,
    statements: &StatementCache,
    users: usize,
) -> Duration {
    let elapsed = time(UnitOfWork::new(&mut *client).with_statement_cache(statements), users);
    statements.prepare(client).expect("the statement can be prepared");
    elapsed
}

fn time(mut uow: UnitOfWork<'_>, users: usize) -> Duration {
    add(&mut uow, users);
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!(report.rows(), 3 * users);
    elapsed
}

/// The time in which the first users are loaded with their addresses.
pub(crate) fn load(client: &mut Client, users: usize) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let started = Instant::now();
    let loaded = uow.query::<User>("id <= $1").bind(users as i32).load().expect("they are loaded");
    let addresses = uow.query::<Address>("id <= $1").bind(2 * users as i32);
    let addresses = addresses.load().expect("they are loaded");
    let elapsed = started.elapsed();
    assert_eq!((loaded.len(), addresses.len()), (users, 2 * users));
    elapsed
}
