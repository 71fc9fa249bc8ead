//! Columns of types that are not built in, which the driver does not know: what is read of them is
//! the value or an error, however many rows there are. From some thousand rows on, the driver would
//! wait for ever for what it asks the server about a type.

mod common;
#[path = "../examples/support/strategies.rs"]
mod strategies;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use common::Schema;
use onetrip::{Error, ErrorKind, ForeignKey, Model, StatementCache, UnitOfWork};
use strategies::{Named, STRATEGIES};

const ROWS: usize = 100_000;

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE DOMAIN code AS text CHECK (VALUE <> '');
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE owners (id positive PRIMARY KEY, code code NOT NULL);
    CREATE TABLE things (id serial PRIMARY KEY, owner positive NOT NULL REFERENCES owners,
        mood mood DEFAULT 'sad', moods mood[] DEFAULT '{happy,sad}', code code DEFAULT 'c',
        pair pair DEFAULT (1, 'x'), number int DEFAULT 7);";

#[derive(Model, Clone, Debug)]
#[model(table = "owners")]
struct Owner {
    #[model(key)]
    id: i32,
    code: String,
}

/// Everything is read as a text that the server makes of it.
#[derive(Model, Clone, Debug)]
#[model(table = "things")]
struct Thing {
    #[model(key)]
    id: Option<i32>,
    owner: ForeignKey<Owner>,
    #[model(default)]
    mood: Option<String>,
    #[model(default)]
    moods: Option<Vec<String>>,
    #[model(default)]
    code: Option<String>,
    #[model(default)]
    pair: Option<String>,
}

/// A number that is none.
#[derive(Model, Clone, Debug)]
#[model(table = "things")]
struct Wrong {
    #[model(key)]
    id: Option<i32>,
    owner: i32,
    #[model(default)]
    mood: Option<i32>,
}

/// Likewise.
#[derive(Model, Clone, Debug)]
#[model(table = "things")]
struct WrongFloat {
    #[model(key)]
    id: Option<i32>,
    owner: i32,
    #[model(default)]
    mood: Option<f64>,
}

/// One whose type changes.
#[derive(Model, Clone, Debug)]
#[model(table = "things")]
struct Changing {
    #[model(key)]
    id: Option<i32>,
    owner: i32,
    number: i32,
}

/// Fails after a while instead of waiting for ever.
fn in_time<R: Send + 'static>(what: &str, work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    });
    match receiver.recv_timeout(Duration::from_secs(120)) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            panic!("it waits for ever: {what}")
        }
    }
}

fn filled(test: &str) -> Schema {
    let schema = Schema::new(test, TABLES);
    schema
        .client()
        .batch_execute(&format!(
            "INSERT INTO owners VALUES (1, 'c');
            INSERT INTO things (owner) SELECT 1 FROM generate_series(1, {ROWS})"
        ))
        .unwrap();
    schema
}

#[test]
fn what_is_read_as_text_is_the_servers_text() {
    let schema = filled("lookup_text");
    let mut client = schema.client();
    in_time("reads", move || {
        let mut uow = UnitOfWork::new(&mut client);
        let things = uow.query::<Thing>("true").load().unwrap();
        assert_eq!(things.len(), ROWS);
        let thing = &uow[things[ROWS - 1]];
        assert_eq!(thing.mood.as_deref(), Some("sad"));
        assert_eq!(thing.moods.as_ref().unwrap().join(" "), "happy sad");
        assert_eq!(thing.code.as_deref(), Some("c"));
        assert_eq!(thing.pair.as_deref(), Some("(1,x)"));

        let owner = uow.find::<Owner>(1).unwrap().unwrap();
        let keys: Vec<i32> = things.iter().map(|&thing| uow[thing].id.unwrap()).collect();
        uow.clear();
        assert_eq!(uow.find_all::<Thing>(keys).unwrap().len(), ROWS);
        uow.clear();
        let _ = owner;
        let owner = uow.find::<Owner>(1).unwrap().unwrap();
        assert_eq!(uow.children::<Thing, Owner>(&[owner]).unwrap()[0].len(), ROWS);
        uow.refresh_all::<Thing>().unwrap();
        uow.clear();
        let mut count = 0;
        uow.query::<Thing>("true")
            .for_each(|thing| {
                count += usize::from(thing.mood.as_deref() == Some("sad"));
                Ok::<(), Error>(())
            })
            .unwrap();
        assert_eq!(count, ROWS);
    });
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_the_column() {
    let schema = filled("lookup_wrong");
    let (mut client, mut cached) = (schema.client(), schema.client());
    in_time("an error", move || {
        let check = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            assert_eq!((error.table(), error.column()), (Some("things"), Some("mood")), "{error}");
            assert!(error.to_string().contains("`sql_type`"), "{error}");
        };
        let mut uow = UnitOfWork::new(&mut client);
        check(uow.query::<Wrong>("true").load().unwrap_err());
        check(uow.query::<Wrong>("true").for_each(|_| Ok::<(), Error>(())).unwrap_err());
        check(uow.find_all::<Wrong>(1..=ROWS as i32).unwrap_err());
        check(uow.find::<Wrong>(1).unwrap_err());
        check(uow.query::<WrongFloat>("true").load().unwrap_err());
        check(uow.find_all::<WrongFloat>(1..=ROWS as i32).unwrap_err());
        let cache = StatementCache::new();
        for _ in 0..3 {
            let mut uow = UnitOfWork::new(&mut cached).with_statement_cache(&cache);
            check(uow.query::<Wrong>("true").load().unwrap_err());
            drop(uow);
            let _ = cache.prepare(&mut cached);
        }
    });
}

#[test]
fn what_is_read_back_is_the_value_or_an_error() {
    let schema = Schema::new("lookup_written", TABLES);
    schema.client().batch_execute("INSERT INTO owners VALUES (1, 'c')").unwrap();
    for Named { name, strategy } in STRATEGIES {
        // More than these would take long, one at a time.
        let rows = if *name == "row_by_row" { 500 } else { 5_000 };
        let (mut client, strategy) = (schema.client(), strategy());
        in_time(name, move || {
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
            let owner = uow.find::<Owner>(1).unwrap().unwrap();
            let new = |_| Thing {
                id: None,
                owner: owner.into(),
                mood: None,
                moods: None,
                code: None,
                pair: None,
            };
            let things: Vec<_> = (0..rows).map(new).collect();
            let things: Vec<_> = things.into_iter().map(|thing| uow.add(thing)).collect();
            uow.commit().unwrap();
            for &thing in &things {
                assert_eq!(uow[thing].mood.as_deref(), Some("sad"));
                assert_eq!(uow[thing].pair.as_deref(), Some("(1,x)"));
            }
            drop(uow);
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
            for _ in 0..rows {
                uow.add(Wrong { id: None, owner: 1, mood: None });
            }
            let error = uow.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            assert_eq!((error.table(), error.column()), (Some("things"), Some("mood")), "{error}");
        });
        let count: usize = schema.count("things");
        assert_eq!(count, rows, "{name}");
        schema.client().batch_execute("TRUNCATE things").unwrap();
    }
}

#[test]
fn a_type_that_changes_under_a_running_program_is_found_out() {
    let schema = filled("lookup_changes");
    let (mut client, mut other) = (schema.client(), schema.client());
    in_time("a changed type", move || {
        let cache = StatementCache::new();
        for _ in 0..2 {
            let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
            assert_eq!(uow.query::<Changing>("true").load().unwrap().len(), ROWS);
            drop(uow);
            cache.prepare(&mut client).unwrap();
        }
        let change = |client: &mut postgres::Client, ty: &str| {
            client
                .batch_execute(&format!(
                    "ALTER TABLE things ALTER number DROP DEFAULT,
                    ALTER number TYPE {ty} USING number::text::{ty}"
                ))
                .unwrap();
        };
        // A domain is its base type.
        change(&mut other, "positive");
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        assert_eq!(uow.query::<Changing>("true").load().unwrap().len(), ROWS);
        drop(uow);
        other.batch_execute("ALTER TYPE mood ADD VALUE '7'").unwrap();
        change(&mut other, "mood");
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        let error = uow.query::<Changing>("true").load().unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("number")), "{error}");
    });
}
