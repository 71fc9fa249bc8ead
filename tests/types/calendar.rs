//! Dates and times, of the standard library and of three others.
//!
//! PostgreSQL counts in microseconds and these types in nanoseconds. What holds is pinned in
//! `what_becomes_of_nanoseconds`: a part below a microsecond is no error but cut off. It is cut off
//! towards the past, except by the driver's conversions of moments, which cut towards the year 2000.

use onetrip::Model;
use time::macros::{date, datetime, time};

use super::*;

fn chrono_date(year: i32, month: u32, day: u32) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn chrono_time(hour: u32, minute: u32, second: u32, microsecond: u32) -> chrono::NaiveTime {
    chrono::NaiveTime::from_hms_micro_opt(hour, minute, second, microsecond).unwrap()
}

fn last_microsecond() -> chrono::NaiveTime {
    chrono_time(23, 59, 59, 999_999)
}

fn fixed(text: &str) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(text).unwrap()
}

fn timestamp(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

// The earliest day is that of the server, the latest that of the library or the server.
round_trips! {
    chrono_dates: chrono::NaiveDate = "date",
        [chrono_date(2000, 1, 1), chrono_date(1999, 12, 31), chrono_date(1970, 1, 1), chrono_date(2024, 2, 29),
         chrono_date(1, 1, 1), chrono_date(0, 12, 31), chrono_date(-4713, 11, 24), chrono::NaiveDate::MAX];
    chrono_times: chrono::NaiveTime = "time",
        [chrono_time(0, 0, 0, 0), chrono_time(12, 34, 56, 1), last_microsecond()];
    chrono_date_times: chrono::NaiveDateTime = "timestamp",
        [chrono_date(2000, 1, 1).into(), chrono_date(1999, 12, 31).and_time(last_microsecond()),
         chrono_date(1, 1, 1).into(), chrono_date(-4713, 11, 24).into(),
         chrono::NaiveDate::MAX.and_time(last_microsecond())];
    chrono_utc: chrono::DateTime<chrono::Utc> = "timestamptz",
        [chrono::DateTime::UNIX_EPOCH, chrono_date(1999, 12, 31).and_time(last_microsecond()).and_utc(),
         chrono_date(-4713, 11, 24).and_hms_opt(0, 0, 0).unwrap().and_utc(),
         chrono::NaiveDate::MAX.and_time(last_microsecond()).and_utc()];
    // The moment is kept, the offset is not: the server has no place for it, and all come back as UTC.
    chrono_offsets: chrono::DateTime<chrono::FixedOffset> = "timestamptz",
        [fixed("1970-01-01T00:00:00Z"), fixed("2024-02-29T23:59:59.999999+05:30"), fixed("1066-10-14T09:00:00-12:00")];

    time_dates: time::Date = "date",
        [date!(2000-01-01), date!(1999-12-31), date!(2024-02-29), date!(0001-01-01), date!(-0001-12-31),
         date!(-4713-11-24), time::Date::MAX];
    time_times: time::Time = "time", [time!(0:00), time!(12:34:56.000001), time!(23:59:59.999999)];
    time_date_times: time::PrimitiveDateTime = "timestamp",
        [datetime!(2000-01-01 0:00), datetime!(1999-12-31 23:59:59.999999), datetime!(-4713-11-24 0:00),
         datetime!(9999-12-31 23:59:59.999999)];
    time_offsets: time::OffsetDateTime = "timestamptz",
        [datetime!(1970-01-01 0:00 UTC), datetime!(2024-02-29 23:59:59.999999 +5:30), datetime!(-4713-11-24 0:00 UTC),
         datetime!(9999-12-31 23:59:59.999999 UTC)];

    jiff_dates: jiff::civil::Date = "date",
        [jiff::civil::date(2000, 1, 1), jiff::civil::date(1999, 12, 31), jiff::civil::date(2024, 2, 29),
         jiff::civil::date(1, 1, 1), jiff::civil::date(-4713, 11, 24), jiff::civil::Date::MAX];
    jiff_times: jiff::civil::Time = "time",
        [jiff::civil::time(0, 0, 0, 0), jiff::civil::time(12, 34, 56, 1_000), jiff::civil::time(23, 59, 59, 999_999_000)];
    jiff_date_times: jiff::civil::DateTime = "timestamp",
        [jiff::civil::date(2000, 1, 1).into(), jiff::civil::date(1999, 12, 31).at(23, 59, 59, 999_999_000),
         jiff::civil::date(-4713, 11, 24).into(), jiff::civil::date(9999, 12, 30).at(22, 0, 0, 0)];
    jiff_timestamps: jiff::Timestamp = "timestamptz",
        [jiff::Timestamp::UNIX_EPOCH, timestamp("2024-02-29T23:59:59.999999Z"), timestamp("1999-12-31T23:59:59.999999Z"),
         timestamp("-004713-11-24T00:00:00Z"), timestamp("9999-12-30T22:00:00.999999Z")];
}

#[derive(Model, Clone, Debug)]
#[model(table = "fine")]
struct Fine {
    #[model(key)]
    id: i32,
    std: SystemTime,
    chrono_time: chrono::NaiveTime,
    chrono_plain: chrono::NaiveDateTime,
    chrono_utc: chrono::DateTime<chrono::Utc>,
    time_time: time::Time,
    time_plain: time::PrimitiveDateTime,
    time_utc: time::OffsetDateTime,
    jiff_time: jiff::civil::Time,
    jiff_plain: jiff::civil::DateTime,
    jiff_utc: jiff::Timestamp,
}

/// One moment in every type: a time of day before 2000 or after it, with nanoseconds.
fn fine(id: i32, year: i16, nanosecond: u32) -> Fine {
    let date = jiff::civil::date(year, 1, 1);
    let time = date.at(12, 0, 0, nanosecond as i32);
    let utc = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let chrono_time = chrono::NaiveTime::from_hms_nano_opt(12, 0, 0, nanosecond).unwrap();
    let chrono_plain = chrono_date(year.into(), 1, 1).and_time(chrono_time);
    let time_time = time::Time::from_hms_nano(12, 0, 0, nanosecond).unwrap();
    let time_plain = time::Date::from_ordinal_date(year.into(), 1).unwrap().with_time(time_time);
    Fine {
        id,
        std: utc.into(),
        chrono_time,
        chrono_plain,
        chrono_utc: chrono_plain.and_utc(),
        time_time,
        time_plain,
        time_utc: time_plain.assume_utc(),
        jiff_time: time.time(),
        jiff_plain: time,
        jiff_utc: utc,
    }
}

impl Fine {
    /// The part below a second of each, in nanoseconds.
    fn nanoseconds(&self) -> [u32; 10] {
        use chrono::Timelike;
        let std = self.std.duration_since(at(-4_000_000_000, 0)).unwrap();
        [
            std.subsec_nanos(),
            self.chrono_time.nanosecond(),
            self.chrono_plain.nanosecond(),
            self.chrono_utc.nanosecond(),
            self.time_time.nanosecond(),
            self.time_plain.nanosecond(),
            self.time_utc.nanosecond(),
            self.jiff_time.subsec_nanosecond() as u32,
            self.jiff_plain.subsec_nanosecond() as u32,
            self.jiff_utc.subsec_nanosecond() as u32,
        ]
    }
}

#[test]
fn what_becomes_of_nanoseconds() {
    let schema = Schema::new(
        "types_nanoseconds",
        "CREATE TABLE fine (id int PRIMARY KEY, std timestamptz NOT NULL, chrono_time time NOT NULL,
             chrono_plain timestamp NOT NULL, chrono_utc timestamptz NOT NULL, time_time time NOT NULL,
             time_plain timestamp NOT NULL, time_utc timestamptz NOT NULL, jiff_time time NOT NULL,
             jiff_plain timestamp NOT NULL, jiff_utc timestamptz NOT NULL)",
    );
    for (base, strategy) in [0, 10].into_iter().zip(strategies()) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let sent = [(2024, 1_499), (2024, 1_501), (1990, 1_499), (1990, 1_501)];
        for (id, (year, nanosecond)) in (base..).zip(sent) {
            let row = fine(id, year, nanosecond);
            assert_eq!(row.nanoseconds(), [nanosecond; 10]);
            uow.add(row);
        }
        uow.commit().unwrap();
        uow.clear();
        let mut read = |id| {
            let found = uow.find::<Fine>(id).unwrap().unwrap();
            uow[found].nanoseconds()
        };
        // Before 2000, where the driver's count turns, its cut leads forward in time.
        let (cut, driver) = (1_000, 2_000);
        assert_eq!([read(base), read(base + 1)], [[cut; 10]; 2]);
        let before_2000 = [cut, cut, driver, driver, cut, driver, driver, cut, driver, driver];
        assert_eq!([read(base + 2), read(base + 3)], [before_2000; 2]);
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "leaps")]
struct Leap {
    #[model(key)]
    id: i32,
    time: chrono::NaiveTime,
}

/// chrono can hold a leap second, the server cannot: it is the first second of the next minute
/// there, and an error at the end of the day.
#[test]
fn what_becomes_of_a_leap_second() {
    let schema =
        Schema::new("types_leap", "CREATE TABLE leaps (id int PRIMARY KEY, time time NOT NULL)");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let leap = |hour, minute| {
        chrono::NaiveTime::from_hms_milli_opt(hour, minute, 59, 1_500).expect("a leap second")
    };
    let row = uow.add(Leap { id: 1, time: leap(23, 59) });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.table(), Some("leaps"), "{error}");
    uow[row].time = leap(12, 34);
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT time FROM leaps"), ["12:35:00.5"]);
}
