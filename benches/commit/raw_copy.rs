//! What one would write by hand where speed is all: a binary `COPY` for each table, with ids that are
//! known beforehand, in one transaction.

use std::time::{Duration, Instant};

use postgres::Client;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;

use crate::users::{email, name};

/// The time that the same rows take as those of [`users::commit`](crate::users::commit), in empty
/// tables.
pub(crate) fn commit(client: &mut Client, users: usize) -> Duration {
    commit_after(client, 0, users)
}

/// The same in tables that have rows already, and sequences that are far from these ids.
pub(crate) fn commit_next(client: &mut Client, users: usize) -> Duration {
    let last = client
        .query_one("SELECT greatest(1000000000, (SELECT max(id) FROM addresses))", &[])
        .expect("the ids can be asked for");
    commit_after(client, last.get(0), users)
}

/// The same, with the ids after this one.
fn commit_after(client: &mut Client, last: i32, users: usize) -> Duration {
    let id = |at: usize| last + at as i32 + 1;
    let rows: Vec<(i32, String)> = (0..users).map(|user| (id(user), name(user))).collect();
    let addresses: Vec<(i32, String, i32)> =
        (0..2 * users).map(|at| (id(at), email(at / 2, at % 2), id(at / 2))).collect();
    let started = Instant::now();
    let mut transaction = client.transaction().expect("BEGIN works");
    let writer = transaction
        .copy_in("COPY users (id, name) FROM STDIN BINARY")
        .expect("the table can be copied into");
    let mut writer = BinaryCopyInWriter::new(writer, &[Type::INT4, Type::TEXT]);
    for (id, name) in &rows {
        writer.write(&[id, name]).expect("the row is sent");
    }
    writer.finish().expect("the rows are stored");
    let writer = transaction
        .copy_in("COPY addresses (id, email, user_id) FROM STDIN BINARY")
        .expect("the table can be copied into");
    let mut writer = BinaryCopyInWriter::new(writer, &[Type::INT4, Type::TEXT, Type::INT4]);
    for (id, email, user_id) in &addresses {
        writer.write(&[id, email, user_id]).expect("the row is sent");
    }
    writer.finish().expect("the rows are stored");
    transaction.commit().expect("COMMIT works");
    started.elapsed()
}
