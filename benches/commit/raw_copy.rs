//! What one would write by hand where speed is all: a binary `COPY` for each table, with ids that are
//! known beforehand, in one transaction.

use std::time::{Duration, Instant};

use postgres::Client;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;

use crate::users::{email, name};

/// The time that the same rows take as those of [`users::commit`](crate::users::commit).
pub(crate) fn commit(client: &mut Client, users: usize) -> Duration {
    let rows: Vec<(i32, String)> = (0..users).map(|user| (user as i32 + 1, name(user))).collect();
    let addresses: Vec<(i32, String, i32)> = (0..2 * users)
        .map(|at| (at as i32 + 1, email(at / 2, at % 2), (at / 2) as i32 + 1))
        .collect();
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
