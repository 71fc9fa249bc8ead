//! Rows in each of which other columns change, by the unit of work and by one statement by hand that
//! sets all columns of each.

use std::time::{Duration, Instant};

use onetrip::{Model, UnitOfWork};
use postgres::Client;
use postgres::types::ToSql;

use crate::database::Database;

/// The rows in the table, all of which change.
pub(crate) const ROWS: usize = 10_000;

const COLUMNS: usize = 16;

macro_rules! wide {
    ($($column:ident),*) => {
        pub(crate) const TABLES: &str = concat!(
            "CREATE TABLE wide (id int PRIMARY KEY",
            $(", ", stringify!($column), " int",)*
            ")"
        );

        #[derive(Model, Clone)]
        #[model(table = "wide")]
        struct Wide {
            #[model(key)]
            id: i32,
            $($column: Option<i32>,)*
        }

        impl Wide {
            fn columns(&mut self) -> [&mut Option<i32>; COLUMNS] {
                [$(&mut self.$column),*]
            }
        }

        const NAMES: [&str; COLUMNS] = [$(stringify!($column)),*];
    };
}

wide! { c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15 }

/// Whether this column of this row changes: half of them do, in other rows others.
fn changes(row: i32, column: usize) -> bool {
    ((row as u32).wrapping_mul(2_654_435_761) >> (column + 8)) & 1 == 1
}

/// Fills the table, as if its rows had long been there.
pub(crate) fn fill(database: &Database) {
    database.empty();
    database.run(&format!("INSERT INTO wide SELECT n FROM generate_series(1, {ROWS}) AS n"));
    database.run("VACUUM ANALYZE wide");
}

/// The time of the commit.
pub(crate) fn by_commit(client: &mut Client) -> Duration {
    let mut uow = UnitOfWork::new(client);
    for row in uow.query::<Wide>("true").load().expect("the query works") {
        let wide = &mut uow[row];
        let id = wide.id;
        for (column, value) in wide.columns().into_iter().enumerate() {
            if changes(id, column) {
                *value = Some(id);
            }
        }
    }
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!(report.round_trips(), 1);
    elapsed
}

/// The time of the statement by hand.
pub(crate) fn by_hand(client: &mut Client) -> Duration {
    let ids: Vec<i32> = (1..=ROWS as i32).collect();
    let columns: Vec<Vec<Option<i32>>> = (0..COLUMNS)
        .map(|column| ids.iter().map(|&id| changes(id, column).then_some(id)).collect())
        .collect();
    let sets: Vec<_> = NAMES.iter().map(|name| format!("{name} = r.{name}")).collect();
    let arrays: Vec<_> = (2..COLUMNS + 2).map(|number| format!("${number}::int[]")).collect();
    let sql = format!(
        "UPDATE wide SET {} FROM unnest($1::int[], {}) AS r (id, {}) WHERE wide.id = r.id",
        sets.join(", "),
        arrays.join(", "),
        NAMES.join(", ")
    );
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&ids];
    params.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
    let started = Instant::now();
    let changed = client.execute(&sql, &params).expect("the statement works");
    let elapsed = started.elapsed();
    assert_eq!(changed, ROWS as u64);
    elapsed
}
