//! Rows that are changed or deleted, by the unit of work and by a statement written by hand.

use std::time::{Duration, Instant};

use onetrip::{CommitReport, Handle, UnitOfWork};
use postgres::Client;
use postgres::types::ToSql;

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
    commit(client, rows, CommitReport::updated_rows, |uow, user| uow[user].name.push('!'))
}

/// The same by hand.
pub(crate) fn update_by_hand(client: &mut Client, rows: usize) -> Duration {
    let (ids, mut names) = users(client, rows);
    names.iter_mut().for_each(|name| name.push('!'));
    let update = "UPDATE users SET name = r.name FROM unnest($1::int[], $2::text[]) AS r (id, name)
        WHERE users.id = r.id";
    execute(client, rows, update, &[&ids, &names])
}

/// The commit that deletes so many users.
pub(crate) fn delete(client: &mut Client, rows: usize) -> Duration {
    commit(client, rows, CommitReport::deleted_rows, |uow, user| {
        uow.delete(user).expect("the user is there");
    })
}

/// The same by hand.
pub(crate) fn delete_by_hand(client: &mut Client, rows: usize) -> Duration {
    let (ids, _) = users(client, rows);
    execute(client, rows, "DELETE FROM users WHERE id = ANY($1)", &[&ids])
}

/// The time of the commit after a change to so many users; `changed` is the number of its rows.
fn commit(
    client: &mut Client,
    rows: usize,
    changed: fn(&CommitReport) -> usize,
    change: impl Fn(&mut UnitOfWork<'_>, Handle<User>),
) -> Duration {
    let mut uow = UnitOfWork::new(client);
    let users = uow.query::<User>("true").limit(rows as u64).load().expect("the query works");
    users.into_iter().for_each(|user| change(&mut uow, user));
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!((changed(&report), report.round_trips()), (rows, 1));
    elapsed
}

/// The time of a statement that changes so many rows.
fn execute(
    client: &mut Client,
    rows: usize,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Duration {
    let started = Instant::now();
    let changed = client.execute(sql, params).expect("the statement works");
    let elapsed = started.elapsed();
    assert_eq!(changed, rows as u64);
    elapsed
}

fn users(client: &mut Client, rows: usize) -> (Vec<i32>, Vec<String>) {
    let rows = client
        .query("SELECT id, name FROM users LIMIT $1", &[&(rows as i64)])
        .expect("the query works");
    rows.iter().map(|row| (row.get::<_, i32>(0), row.get::<_, String>(1))).unzip()
}
