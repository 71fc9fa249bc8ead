//! Values past the edge of a type are errors that name the column, on the way there and back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use onetrip::{ErrorKind, Model};
use time::macros::{date, datetime};

use super::*;

/// A table with one column, and a value that is fine and one that is not.
macro_rules! refuses {
    ($($test:ident: $ty:ty = $sql:literal, $fine:expr, [$($wrong:expr),+ $(,)?];)*) => {
        $(
            #[test]
            fn $test() {
                #[derive(::onetrip::Model, Clone, Debug)]
                #[model(table = "edges")]
                struct Edge {
                    #[model(key)]
                    id: i32,
                    value: $ty,
                }

                let schema = Schema::new(
                    concat!("edges_", stringify!($test)),
                    concat!("CREATE TABLE edges (id int PRIMARY KEY, value ", $sql, " NOT NULL)"),
                );
                for strategy in strategies() {
                    let mut client = schema.client();
                    let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
                    uow.add(Edge { id: 0, value: $fine });
                    let row = uow.add(Edge { id: 1, value: $fine });
                    $(
                        uow[row].value = $wrong;
                        let result = catch_unwind(AssertUnwindSafe(|| uow.commit()));
                        let error = result
                            .unwrap_or_else(|_| panic!("{} panics", stringify!($wrong)))
                            .expect_err(stringify!($wrong));
                        assert_eq!(
                            (error.table(), error.column()),
                            (Some("edges"), Some("value")),
                            "{}: {error}",
                            stringify!($wrong)
                        );
                        assert_eq!(schema.count("edges"), 0);
                    )+
                    // The unit of work goes on.
                    uow[row].value = $fine;
                    uow.commit().unwrap();
                    uow.clear();
                    drop(uow);
                    client.batch_execute("TRUNCATE edges").unwrap();
                }
            }
        )*
    };
}

refuses! {
    // The server's years begin in 4714 BC.
    chrono_dates: chrono::NaiveDate = "date", chrono::NaiveDate::default(), [chrono::NaiveDate::MIN];
    chrono_date_times: chrono::NaiveDateTime = "timestamp", chrono::NaiveDateTime::default(), [chrono::NaiveDateTime::MIN];
    chrono_utc: chrono::DateTime<chrono::Utc> = "timestamptz", chrono::DateTime::UNIX_EPOCH, [chrono::DateTime::<chrono::Utc>::MIN_UTC];
    time_dates: time::Date = "date", date!(2000-01-01), [time::Date::MIN];
    time_date_times: time::PrimitiveDateTime = "timestamp", datetime!(2000-01-01 0:00), [time::PrimitiveDateTime::MIN];
    time_offsets: time::OffsetDateTime = "timestamptz", time::OffsetDateTime::UNIX_EPOCH,
        [time::PrimitiveDateTime::MIN.assume_utc()];
    jiff_dates: jiff::civil::Date = "date", jiff::civil::Date::default(), [jiff::civil::Date::MIN];
    jiff_date_times: jiff::civil::DateTime = "timestamp", jiff::civil::DateTime::default(),
        // The last day is past what jiff's own conversion can count.
        [jiff::civil::DateTime::MIN, jiff::civil::DateTime::MAX];
    jiff_timestamps: jiff::Timestamp = "timestamptz", jiff::Timestamp::UNIX_EPOCH, [jiff::Timestamp::MIN];
    // A microsecond past the last moment; then seconds whose microseconds are more than 63, or 64,
    // bits can count, which must not come out as some other moment.
    system_times: SystemTime = "timestamptz", SystemTime::UNIX_EPOCH,
        [at(-210_866_803_201, 999_999), at(9_224_318_016_000, 0), at(18_347_690_758_509, 0), at(18_450_000_000_000, 0),
         at(i64::MAX, 0), at(-18_347_690_758_509, 0)];
}

/// What the server holds and a Rust type cannot is an error that names the column.
macro_rules! cannot_read {
    ($($test:ident: $ty:ty = $sql:literal, [$($value:literal),+ $(,)?];)*) => {
        $(
            #[test]
            fn $test() {
                #[derive(::onetrip::Model, Clone, Debug)]
                #[model(table = "foreign")]
                struct Foreign {
                    #[model(key)]
                    id: i32,
                    value: $ty,
                }

                let schema = Schema::new(
                    concat!("foreign_", stringify!($test)),
                    concat!("CREATE TABLE \"foreign\" (id int PRIMARY KEY, value ", $sql, ")"),
                );
                let mut client = schema.client();
                for (id, value) in (0..).zip([$($value),+]) {
                    client.batch_execute(&format!("INSERT INTO \"foreign\" VALUES ({id}, {value})")).unwrap();
                    let mut uow = UnitOfWork::new(&mut client);
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        uow.find::<Foreign>(id).map(|found| uow[found.unwrap()].value.clone())
                    }));
                    let error = result.unwrap_or_else(|_| panic!("{value} panics")).expect_err(value);
                    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
                    assert_eq!((error.table(), error.column()), (Some("foreign"), Some("value")), "{error}");
                }
            }
        )*
    };
}

cannot_read! {
    no_null: i32 = "int4", ["NULL"];
    no_infinite_chrono_date: chrono::NaiveDate = "date", ["'infinity'", "'-infinity'", "'5874897-12-31'"];
    no_infinite_chrono_date_time: chrono::NaiveDateTime = "timestamp", ["'infinity'", "'-infinity'"];
    no_infinite_chrono_utc: chrono::DateTime<chrono::Utc> = "timestamptz", ["'infinity'", "'-infinity'"];
    no_infinite_chrono_offset: chrono::DateTime<chrono::FixedOffset> = "timestamptz", ["'infinity'", "'-infinity'"];
    no_infinite_time_date: time::Date = "date", ["'infinity'", "'-infinity'", "'10000-01-01'"];
    no_infinite_time_date_time: time::PrimitiveDateTime = "timestamp", ["'infinity'", "'-infinity'", "'10000-01-01'"];
    no_infinite_time_offset: time::OffsetDateTime = "timestamptz", ["'infinity'", "'-infinity'", "'10000-01-01 00:00Z'"];
    no_infinite_jiff_date: jiff::civil::Date = "date", ["'infinity'", "'-infinity'", "'10000-01-01'"];
    no_infinite_jiff_date_time: jiff::civil::DateTime = "timestamp", ["'infinity'", "'-infinity'", "'10000-01-01'"];
    no_infinite_jiff_timestamp: jiff::Timestamp = "timestamptz", ["'infinity'", "'-infinity'", "'10000-01-01 00:00Z'"];
    no_infinite_system_time: SystemTime = "timestamptz", ["'infinity'", "'-infinity'"];
    no_twenty_four_hours_in_chrono: chrono::NaiveTime = "time", ["'24:00'"];
    no_twenty_four_hours_in_time: time::Time = "time", ["'24:00'"];
    no_twenty_four_hours_in_jiff: jiff::civil::Time = "time", ["'24:00'"];
    no_network: IpAddr = "inet", ["'10.0.0.0/8'"];
    no_nulls_in_arrays: Vec<i32> = "int4[]", ["'{1,NULL}'"];
    no_arrays_of_arrays: Vec<i32> = "int4[]", ["'{{1,2},{3,4}}'"];
}

#[derive(Model, Clone, Debug)]
#[model(table = "shifted")]
struct Shifted {
    #[model(key)]
    id: i32,
    list: Vec<i32>,
}

#[test]
fn an_array_that_begins_elsewhere_is_a_list_all_the_same() {
    let schema = Schema::new(
        "types_shifted",
        "CREATE TABLE shifted (id int PRIMARY KEY, list int[] NOT NULL);
         INSERT INTO shifted VALUES (1, '[5:7]={1,2,3}')",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let found = uow.find::<Shifted>(1).unwrap().unwrap();
    assert_eq!(uow[found].list, [1, 2, 3]);
}
