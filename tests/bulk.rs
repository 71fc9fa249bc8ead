//! A bulk commit: what it holds in memory besides the entities, and what it says on its way.
//!
//! This binary has one test, and an allocator that counts. `ONETRIP_BULK_ROWS=1000000` makes it
//! the full one.

mod common;
#[path = "common/users.rs"]
mod users;

use std::sync::{Arc, Mutex};

use common::Schema;
use onetrip::{Auto, Progress, UnitOfWork};
use peak_alloc::PeakAlloc;
use users::{TABLES, address, user};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// The number of rows, which can be given.
fn rows() -> usize {
    match std::env::var("ONETRIP_BULK_ROWS") {
        Ok(rows) => rows.parse().expect("ONETRIP_BULK_ROWS is a number"),
        Err(_) => 200_000,
    }
}

/// So many rows: users with two addresses each, but for the last one.
fn add(uow: &mut UnitOfWork<'_>, rows: usize) {
    for number in 0..rows.div_ceil(3) {
        let user = uow.add(user(format!("user {number}")));
        for kind in ["home", "work"].iter().take(rows - 3 * number - 1) {
            let email = format!("user{number}.{kind}@example.org");
            uow.add(address(email, user));
        }
    }
}

#[test]
fn a_bulk_commit_holds_little_more_than_the_entities_and_says_how_far_it_is() {
    let rows = rows();
    // What is kept for each row grows with them; the pieces that are sent do not, and count for more
    // where there are few.
    let allowed = 64 * MIB * rows / 1_000_000 + if rows < 1_000_000 { 4 * MIB } else { 0 };
    let schema = Schema::new("bulk", TABLES);
    let mut client = schema.client();
    let said: Arc<Mutex<Vec<Progress>>> = Arc::default();
    said.lock().unwrap().reserve(100_000);
    let hear = Arc::clone(&said);
    let mut uow = UnitOfWork::new(&mut client)
        .with_strategy(Auto::new())
        .with_progress(move |progress| hear.lock().unwrap().push(progress));
    add(&mut uow, rows);

    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let report = uow.commit().unwrap();
    let more = HEAP.peak_usage() - before;

    assert_eq!(report.written_by(), "copy");
    assert_eq!(report.rows(), rows);
    let [users, addresses] = ["users", "addresses"].map(|table| schema.count(table));
    assert_eq!(users + addresses, rows);
    let right = "SELECT count(*) FROM addresses JOIN users ON users.id = user_id
        WHERE split_part(email, '.', 1) = replace(name, ' ', '')";
    assert_eq!(schema.rows(right), [addresses.to_string()]);

    let said = said.lock().unwrap();
    // A piece of a COPY has 64 KiB, which is some 2,000 of these rows.
    assert!(said.len() > rows / 10_000, "it was called {} times", said.len());
    assert!(said.iter().all(|progress| progress.total == rows));
    assert!(said.windows(2).all(|two| two[0].rows <= two[1].rows), "{said:?}");
    assert_eq!(said.last().map(|progress| progress.rows), Some(rows));
    assert_eq!((said[0].table, said[said.len() - 1].table), ("users", "addresses"));

    let mib = |bytes: usize| bytes as f64 / MIB as f64;
    println!(
        "{rows} rows: the entities hold {:.1} MiB, and the commit {:.1} MiB more; {:.1} are allowed",
        mib(before),
        mib(more),
        mib(allowed)
    );
    assert!(more <= allowed, "{:.1} MiB more, {:.1} allowed", mib(more), mib(allowed));
}
