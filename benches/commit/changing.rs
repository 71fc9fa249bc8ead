//! Rows that are changed or deleted, by the unit of work and by a statement written by hand.

use std::time::{Duration, Instant};

use onetrip::UnitOfWork;
use postgres::Client;

use crate::database::Database;
use crate::users::User;

/// The users in the table.
pub(crate) const USERS: usize = 10_000;

/// Fills the table, as if its rows had long been there.
pub(crate) fn fill(database: &Database) {
    database.empty();
    database.run(&format!(
        "INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, {USERS}) AS n"
    ));
    database.run("VACUUM ANALYZE users");
}

/// The commit of a change to so many users.
pub(crate) fn update(client: &mut Client, rows: usize) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let users = uow.query::<User>("true").limit(rows as u64).load().expect("the query works");
    for &user in &users {
        uow[user].name.push('!');
    }
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!((report.updated_rows(), report.round_trips()), (users.len(), 1));
    elapsed
}

/// The same by hand.
pub(crate) fn update_by_hand(client: &mut Client, rows: usize) -> Duration {
    let (ids, mut names) = users(client, rows);
    names.iter_mut().for_each(|name| name.push('!'));
    let started = Instant::now();
    let updated = client
        .execute(
            "UPDATE users SET name = r.name FROM unnest($1::int[], $2::text[]) AS r (id, name)
             WHERE users.id = r.id",
            &[&ids, &names],
        )
        .expect("the update works");
    let elapsed = started.elapsed();
    assert_eq!(updated, ids.len() as u64);
    elapsed
}

/// The commit that deletes so many users.
pub(crate) fn delete(client: &mut Client, rows: usize) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let users = uow.query::<User>("true").limit(rows as u64).load().expect("the query works");
    for &user in &users {
        uow.delete(user).expect("the user is there");
    }
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!((report.deleted_rows(), report.round_trips()), (users.len(), 1));
    elapsed
}

/// The same by hand.
pub(crate) fn delete_by_hand(client: &mut Client, rows: usize) -> Duration {
    let (ids, _) = users(client, rows);
    let started = Instant::now();
    let deleted =
        client.execute("DELETE FROM users WHERE id = ANY($1)", &[&ids]).expect("the delete works");
    let elapsed = started.elapsed();
    assert_eq!(deleted, ids.len() as u64);
    elapsed
}

fn users(client: &mut Client, rows: usize) -> (Vec<i32>, Vec<String>) {
    let rows = client
        .query("SELECT id, name FROM users LIMIT $1", &[&(rows as i64)])
        .expect("the query works");
    rows.iter().map(|row| (row.get::<_, i32>(0), row.get::<_, String>(1))).unzip()
}
