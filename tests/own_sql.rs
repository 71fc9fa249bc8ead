//! Statements of the caller's own, in the transaction of the unit of work.

mod common;
#[path = "common/users.rs"]
mod users;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::Schema;
use onetrip::{Error, ErrorKind, Model, Retry, UnitOfWork};
use postgres::error::SqlState;
use users::{TABLES, User, user};

fn schema(test: &str) -> Schema {
    Schema::new(
        &format!("own_sql_{test}"),
        &format!("{TABLES}; INSERT INTO users (name) VALUES ('Ada'), ('Bob');"),
    )
}

/// Fails after a while instead of waiting for ever.
fn in_time<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    });
    match receiver.recv_timeout(Duration::from_secs(60)) {
        Ok(result) => result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => panic!("it waits for ever"),
    }
}

// --- The transaction ---

#[test]
fn it_is_committed_with_the_entities_and_never_alone() {
    let schema = schema("commit");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let rename = "UPDATE users SET name = name || $1 WHERE name = $2";
    assert_eq!(uow.sql(rename).bind("!").bind("Ada").execute().unwrap(), 1);
    assert_eq!(schema.rows("SELECT name FROM users ORDER BY id"), ["Ada", "Bob"], "it is open");
    uow.add(user("Cid"));
    let report = uow.commit().unwrap();
    // BEGIN, the update; a savepoint, the insert, COMMIT.
    assert_eq!((report.statements(), report.round_trips()), (2, 5));
    assert_eq!(schema.rows("SELECT name FROM users ORDER BY id"), ["Ada!", "Bob", "Cid"]);

    uow.sql("DELETE FROM users").execute().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!((report.statements(), report.round_trips()), (1, 3), "nothing but that");
    assert_eq!(schema.count("users"), 0);
    assert_eq!(uow.commit().unwrap().round_trips(), 0, "it is reported once");
}

#[test]
fn rollback_clear_and_the_end_undo_it() {
    let schema = schema("undo");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let delete = "DELETE FROM users";
    assert_eq!(uow.sql(delete).execute().unwrap(), 2);
    uow.rollback();
    assert_eq!(uow.sql(delete).execute().unwrap(), 2);
    uow.clear();
    assert_eq!(uow.sql(delete).execute().unwrap(), 2);
    drop(uow);
    assert_eq!(schema.count("users"), 2);
    // What was undone is in no report.
    let mut uow = UnitOfWork::new(&mut client);
    uow.sql(delete).execute().unwrap();
    uow.rollback();
    uow.add(user("Cid"));
    assert_eq!(uow.commit().unwrap().round_trips(), 1);
}

#[test]
fn a_failed_commit_keeps_it_and_it_sees_what_was_flushed() {
    let schema = schema("flushed");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let cid = uow.add(user("Cid"));
    let count = |uow: &mut UnitOfWork<'_>| uow.sql("SELECT count(*) FROM users").first::<i64>();
    assert_eq!(count(&mut uow).unwrap(), Some(2), "it is not flushed by itself");
    uow.flush().unwrap();
    assert_eq!(count(&mut uow).unwrap(), Some(3));
    uow.sql("UPDATE users SET name = upper(name)").execute().unwrap();
    assert_eq!(uow[cid].name, "Cid");
    uow.refresh_all::<User>().unwrap();
    assert_eq!(uow[cid].name, "CID");
    let dan = uow.add(User { id: Some(1), name: "Dan".into() });
    uow.commit().unwrap_err();
    uow.delete(dan).unwrap();
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT name FROM users ORDER BY id"), ["ADA", "BOB", "CID"]);
}

#[test]
fn it_belongs_to_the_savepoint_and_to_the_callers_transaction() {
    let schema = schema("nested");
    let mut client = schema.client();
    let mut transaction = client.transaction().unwrap();
    let mut uow = UnitOfWork::new(&mut transaction);
    uow.sql("INSERT INTO users (name) VALUES ('kept')").execute().unwrap();
    let failed = uow.savepoint(|uow| -> Result<(), Error> {
        uow.sql("DELETE FROM users").execute()?;
        uow.sql("SELECT 1 / (count(*) - count(*)) FROM users").first::<i64>().map(drop)
    });
    assert_eq!(failed.unwrap_err().sqlstate(), Some(&SqlState::DIVISION_BY_ZERO));
    uow.savepoint(|uow| uow.sql("UPDATE users SET name = 'b' WHERE name = 'Bob'").execute())
        .unwrap();
    uow.commit().unwrap();
    drop(uow);
    assert_eq!(schema.count("users"), 2, "it is the caller's to commit");
    transaction.commit().unwrap();
    assert_eq!(schema.rows("SELECT name FROM users ORDER BY id"), ["Ada", "b", "kept"]);
}

#[test]
fn one_that_fails_first_leaves_no_transaction_open() {
    let schema = schema("first_fails");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.sql("SELECT 1 / 0").execute().unwrap_err();
    uow.add(user("Cid"));
    assert_eq!(uow.commit().unwrap().rows(), 1);

    // A later one leaves the transaction as the server does.
    uow.sql("DELETE FROM users").execute().unwrap();
    uow.sql("SELECT 1 / 0").execute().unwrap_err();
    uow.add(user("Dan"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::IN_FAILED_SQL_TRANSACTION), "{error}");
    assert_eq!(schema.count("users"), 3, "nothing was committed");
}

#[test]
fn settings_and_locks_of_the_transaction_last_until_its_commit() {
    let schema = schema("settings");
    let mut client = schema.client();
    let mut other = schema.client();
    let free = "SELECT pg_try_advisory_lock(4711), pg_advisory_unlock(4711)";
    let mut is_free = || other.query_one(free, &[]).unwrap().get::<_, bool>(0);
    let mut uow = UnitOfWork::new(&mut client);
    uow.sql("SELECT set_config('own.setting', $1, true)").bind("on").execute().unwrap();
    uow.sql("SELECT pg_advisory_xact_lock($1)").bind(4711_i64).execute().unwrap();
    uow.add(user("Cid"));
    uow.flush().unwrap();
    let setting = |uow: &mut UnitOfWork<'_>| {
        uow.sql("SELECT current_setting('own.setting', true)").first::<Option<String>>().unwrap()
    };
    assert_eq!(setting(&mut uow), Some(Some("on".into())));
    assert!(!is_free());
    uow.commit().unwrap();
    assert!(is_free());
    assert_eq!(setting(&mut uow), Some(Some(String::new())));
}

#[test]
fn what_would_end_the_transaction_is_refused_before_anything_is_sent() {
    let schema = schema("ends");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.sql("UPDATE users SET name = 'x'").execute().unwrap();
    for text in [
        "COMMIT",
        "; /* a */ end",
        "ROLLBACK",
        "rollback to savepoint onetrip_1",
        "SAVEPOINT onetrip_1",
        "RELEASE a",
        "BEGIN",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'a'",
        "ABORT",
    ] {
        let error = uow.sql(text).execute().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transaction, "{text}: {error}");
        assert!(error.sqlstate().is_none() && error.hint().is_some(), "{text}: {error}");
        uow.sql(text).rows::<i32>().unwrap_err();
    }
    // What the server would refuse takes nothing along that was done before.
    let error = uow.savepoint(|uow| uow.sql("DELETE FROM users; COMMIT").execute()).unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::SYNTAX_ERROR), "{error}");
    let ends = "DO $$ BEGIN DELETE FROM users; COMMIT; END $$";
    let error = uow.savepoint(|uow| uow.sql(ends).execute()).unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::INVALID_TRANSACTION_TERMINATION), "{error}");
    assert_eq!(schema.rows("SELECT DISTINCT name FROM users ORDER BY name"), ["Ada", "Bob"]);
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT DISTINCT name FROM users"), ["x"]);
}

#[test]
fn copy_is_an_error_and_does_not_wait() {
    let schema = schema("copy");
    let mut client = schema.client();
    in_time(move || {
        let mut uow = UnitOfWork::new(&mut client);
        for text in ["COPY users FROM STDIN", "/* a */ copy (SELECT 1) TO STDOUT"] {
            let error = uow.sql(text).execute().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(uow.sql(text).rows::<i32>().unwrap_err().kind(), ErrorKind::Unsupported);
        }
        assert_eq!(uow.sql("SELECT 1").first::<i32>().unwrap(), Some(1));
    });
}

// --- Errors that the work keeps to itself ---

#[derive(Model, Clone)]
#[model(table = "a")]
struct A {
    #[model(key)]
    id: i32,
    x: i32,
}

/// Three rows, with 1, 2 and 3.
fn three(test: &str) -> Schema {
    Schema::new(
        &format!("own_sql_{test}"),
        "CREATE TABLE a (id int PRIMARY KEY, x int NOT NULL);
         INSERT INTO a SELECT n, n FROM generate_series(1, 3) AS n",
    )
}

fn values(schema: &Schema) -> Vec<String> {
    schema.rows("SELECT x FROM a ORDER BY id")
}

/// Aborts what is open, and says nothing of it.
fn swallow(uow: &mut UnitOfWork<'_>) {
    let _ = uow.sql("SELECT 1 / 0").execute();
}

/// Nests savepoints. Each writes its number into the second row, by an entity or by SQL, and the innermost
/// swallows an error. Each but the outermost one handles the error of the next.
fn nest(uow: &mut UnitOfWork<'_>, depth: i32, by_entity: bool) -> Result<(), Error> {
    uow.savepoint(|uow| {
        if by_entity {
            let two = uow.find::<A>(2)?.expect("it is there");
            uow[two].x = 100 + depth;
            uow.flush()?;
        } else {
            uow.sql("UPDATE a SET x = $1 WHERE id = 2").bind(100 + depth).execute()?;
        }
        match depth {
            1 => swallow(uow),
            _ => {
                let error = nest(uow, depth - 1, by_entity).err();
                let aborted = Some(&SqlState::IN_FAILED_SQL_TRANSACTION);
                assert_eq!(
                    error.as_ref().and_then(Error::sqlstate),
                    aborted.filter(|_| depth == 2)
                );
            }
        }
        Ok(())
    })
}

/// Runs work before, savepoints around an error that is swallowed, and a commit.
fn work(uow: &mut UnitOfWork<'_>, depth: i32, by_entity: bool, before: bool) -> Result<(), Error> {
    let one = uow.find::<A>(1)?.expect("it is there");
    if before {
        uow[one].x = 50;
        uow.flush()?;
        uow.sql("UPDATE a SET x = 60 WHERE id = 3").execute()?;
    }
    let result = nest(uow, depth, by_entity);
    assert_eq!(result.is_err(), depth == 1, "only the innermost one fails");
    if let (true, Some(two)) = (by_entity, uow.find::<A>(2)?) {
        assert_eq!(uow[two].x, if depth == 1 { 2 } else { 102 });
    }
    uow[one].x += 1;
    Ok(())
}

#[test]
fn an_error_that_is_swallowed_undoes_the_innermost_savepoint_alone() {
    for (depth, by_entity, before, way) in (1..=3).flat_map(|depth| {
        [false, true].into_iter().flat_map(move |by_entity| {
            [false, true]
                .into_iter()
                .flat_map(move |before| (0..3).map(move |way| (depth, by_entity, before, way)))
        })
    }) {
        let schema = three("swallowed");
        let mut client = schema.client();
        match way {
            0 => {
                let mut uow = UnitOfWork::new(&mut client);
                work(&mut uow, depth, by_entity, before).unwrap();
                uow.commit().unwrap();
            }
            1 => {
                let mut transaction = client.transaction().unwrap();
                let mut uow = UnitOfWork::new(&mut transaction);
                work(&mut uow, depth, by_entity, before).unwrap();
                uow.commit().unwrap();
                drop(uow);
                transaction.commit().unwrap();
            }
            _ => Retry::new().run(&mut client, |uow| work(uow, depth, by_entity, before)).unwrap(),
        }
        let expected = [
            if before { 51 } else { 2 },
            if depth == 1 { 2 } else { 102 },
            if before { 60 } else { 3 },
        ];
        let found = values(&schema);
        let expected = expected.map(|value| value.to_string());
        assert_eq!(found, expected, "{depth} by entity {by_entity} before {before} way {way}");
    }
}

#[test]
fn a_savepoint_in_which_nothing_else_is_sent_says_that_the_transaction_is_aborted() {
    let schema = three("aborted");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let aborted = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.sqlstate(), Some(&SqlState::IN_FAILED_SQL_TRANSACTION), "{error}");
    };
    uow.sql("UPDATE a SET x = 50 WHERE id = 1").execute().unwrap();
    aborted(uow.savepoint(|uow| {
        aborted(uow.savepoint(|uow| {
            swallow(uow);
            uow.savepoint(|_| Ok::<(), Error>(())).unwrap_err();
            Ok(())
        }));
        swallow(uow);
        Ok(())
    }));
    uow.commit().unwrap();
    assert_eq!(values(&schema), ["50", "2", "3"]);
}

#[test]
fn a_commit_is_refused_while_what_sql_has_done_is_undone() {
    const DEFERRED: &str =
        "ALTER TABLE a ADD CONSTRAINT x_once UNIQUE (x) DEFERRABLE INITIALLY DEFERRED";
    type Fail = fn(&mut UnitOfWork<'_>);
    let fails: [Fail; 2] = [swallow, |uow| {
        uow.add(A { id: 9, x: 2 });
    }];
    for (at, fail) in fails.into_iter().enumerate() {
        for own in [false, true] {
            let schema = three("undone");
            schema.client().batch_execute(DEFERRED).unwrap();
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client);
            let one = uow.find::<A>(1).unwrap().unwrap();
            uow[one].x = 10;
            uow.flush().unwrap();
            if own {
                uow.sql("UPDATE a SET x = 30 WHERE id = 3").execute().unwrap();
            }
            uow[one].x = 11;
            fail(&mut uow);
            uow.commit().unwrap_err();
            let added: Vec<_> = uow.added::<A>().collect();
            for handle in added {
                uow.expunge(handle).unwrap();
            }
            if own {
                let refused = [
                    uow.commit().unwrap_err(),
                    uow.flush().unwrap_err(),
                    uow.sql("SELECT 1").execute().unwrap_err(),
                    uow.find_for_update::<A>(1).unwrap_err(),
                    uow.savepoint(|_| Ok::<(), Error>(())).unwrap_err(),
                ];
                for error in refused {
                    assert_eq!(error.kind(), ErrorKind::Transaction, "{at}: {error}");
                    assert!(error.hint().is_some_and(|hint| hint.contains("`rollback`")));
                }
                assert_eq!(values(&schema), ["1", "2", "3"]);
                uow.rollback();
                assert_eq!(uow[one].x, 1);
                uow.sql("UPDATE a SET x = 30 WHERE id = 3").execute().unwrap();
                uow[one].x = 11;
            }
            uow.commit().unwrap();
            assert_eq!(values(&schema), ["11", "2", if own { "30" } else { "3" }], "{at}");
        }
    }
}

/// The transaction is gone before the savepoint ends, and what follows would be in another one.
#[test]
fn a_savepoint_does_not_go_on_in_another_transaction() {
    let schema = three("another");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let one = uow.find::<A>(1).unwrap().unwrap();
    uow.savepoint(|uow| {
        uow.sql("UPDATE a SET x = 20 WHERE id = 2").execute()?;
        swallow(uow);
        uow[one].x = 10;
        uow.flush().unwrap_err();
        let error = uow.sql("UPDATE a SET x = 30 WHERE id = 3").execute().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transaction, "{error}");
        Ok::<(), Error>(())
    })
    .unwrap_err();
    uow[one].x = 11;
    uow.commit().unwrap();
    assert_eq!(values(&schema), ["11", "2", "3"]);
}

#[test]
fn nothing_stays_of_a_statement_whose_rows_cannot_be_read() {
    let add = "UPDATE a SET x = x + 1 WHERE id = 1 RETURNING";
    fn fail<R: onetrip::ResultRow>(uow: &mut UnitOfWork<'_>, text: String) {
        let Err(error) = uow.sql(&*text).rows::<R>() else { panic!("{text} can be read") };
        assert_eq!(error.kind(), ErrorKind::Decode, "{text}: {error}");
    }
    let fails: [&dyn Fn(&mut UnitOfWork<'_>); 4] = [
        &|uow| fail::<f64>(uow, format!("{add} x")),
        &|uow| fail::<i32>(uow, format!("{add} NULL::int4")),
        &|uow| fail::<(i32, i32)>(uow, format!("{add} x")),
        &|uow| fail::<i32>(uow, format!("{add} x::int8")),
    ];
    for (at, fail) in fails.into_iter().enumerate() {
        let schema = three("unread");
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client);
        fail(&mut uow);
        assert_eq!(uow.commit().unwrap().round_trips(), 0, "{at}: it was the first");
        uow.sql("UPDATE a SET x = 20 WHERE id = 2").execute().unwrap();
        uow.savepoint(|uow| {
            fail(uow);
            Ok::<(), Error>(())
        })
        .unwrap_err();
        uow.commit().unwrap();
        assert_eq!(values(&schema), ["1", "20", "3"], "{at}");
        uow.sql("UPDATE a SET x = 21 WHERE id = 2").execute().unwrap();
        fail(&mut uow);
        uow.commit().unwrap_err();
        uow.commit().unwrap_err();
        assert_eq!(values(&schema), ["1", "20", "3"], "{at}");
    }
}

// --- Rows ---

#[test]
fn rows_come_as_values_options_and_tuples() {
    let schema = schema("rows");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let rows = uow
        .sql("SELECT id, name FROM users WHERE id >= $1 ORDER BY id DESC -- all")
        .bind(1)
        .rows::<(i32, String)>()
        .unwrap();
    assert_eq!(rows, [(2, "Bob".to_owned()), (1, "Ada".to_owned())]);
    assert_eq!(
        uow.sql("VALUES (1), (NULL), (3);").rows::<Option<i32>>().unwrap(),
        [Some(1), None, Some(3)]
    );
    assert_eq!(uow.sql("TABLE users").first::<(i32, String)>().unwrap(), Some((1, "Ada".into())));
    assert_eq!(uow.sql("SELECT 1 WHERE false").first::<i32>().unwrap(), None);
    let eight = "SELECT true, 1::int2, 2, 3::int8, 1.5::float4, 2.5::float8, 'x', '\\x01'::bytea";
    type Eight = (bool, i16, i32, i64, f32, f64, String, Vec<u8>);
    let expected: Eight = (true, 1, 2, 3, 1.5, 2.5, "x".into(), vec![1]);
    assert_eq!(uow.sql(eight).rows::<Eight>().unwrap(), [expected]);
    assert_eq!(
        uow.sql("SELECT ARRAY[1, 2], ARRAY['a'::name]").rows::<(Vec<i32>, Vec<String>)>().unwrap(),
        [(vec![1, 2], vec!["a".to_owned()])]
    );
    assert_eq!(uow.sql("SHOW server_encoding").first::<String>().unwrap().as_deref(), Some("UTF8"));
    assert!(!uow.sql("EXPLAIN SELECT 1").rows::<String>().unwrap().is_empty());
    assert!(uow.sql("SHOW server_encoding").first::<(String, String)>().is_err());
}

#[test]
fn rows_of_what_writes_are_those_of_its_returning() {
    let schema = schema("returning");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ids =
        uow.sql("INSERT INTO users (name) VALUES ($1), ($2) RETURNING id").bind("C").bind("D");
    assert_eq!(ids.rows::<i32>().unwrap(), [3, 4]);
    let moved = "WITH gone AS (DELETE FROM users WHERE id > $1 RETURNING name), \
                 names AS (SELECT string_agg(name, '' ORDER BY name) AS all_names FROM gone)
                 INSERT INTO users (name) SELECT all_names FROM names RETURNING name, id";
    assert_eq!(uow.sql(moved).bind(2).rows::<(String, i32)>().unwrap(), [("CD".to_owned(), 5)]);
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3) SELECT n FROM n";
    assert_eq!(uow.sql(numbers).rows::<i32>().unwrap(), [1, 2, 3]);
    let locked = "SELECT name FROM users ORDER BY id FOR UPDATE SKIP LOCKED";
    assert_eq!(uow.sql(locked).rows::<String>().unwrap(), ["Ada", "Bob", "CD"]);
    uow.commit().unwrap();
    assert_eq!(schema.count("users"), 3);
    let error = uow.sql("DELETE FROM users").rows::<i32>().unwrap_err();
    assert!(error.to_string().contains("`execute`"), "{error}");
    for text in ["LOCK TABLE users", "FETCH 1 FROM c", "EXECUTE p", "CALL p()"] {
        let error = uow.sql(text).rows::<i32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}: {error}");
    }
    assert_eq!(schema.count("users"), 3);
}

#[test]
fn a_row_of_another_shape_is_an_error_that_names_the_column() {
    let schema = schema("shapes");
    schema
        .client()
        .batch_execute("CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN d AS numeric")
        .unwrap();
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    fn wrong<R: onetrip::ResultRow>(uow: &mut UnitOfWork<'_>, text: &str) -> String {
        let Err(error) = uow.sql(text).rows::<R>() else { panic!("{text} can be read") };
        assert_eq!(error.kind(), ErrorKind::Decode, "{text}: {error}");
        uow.rollback();
        error.to_string()
    }
    for (text, what) in [
        (wrong::<(i32, i32)>(&mut uow, "SELECT 1"), "does not return 2 columns"),
        (wrong::<i32>(&mut uow, "SELECT 1, 2"), "does not return one column"),
        (
            wrong::<(i32, i32)>(&mut uow, "DELETE FROM users RETURNING id"),
            "does not return 2 columns",
        ),
        (
            wrong::<(i32, i32)>(&mut uow, "SELECT 1, 'sad'::mood"),
            "column 2: the result is read as int4",
        ),
        (
            wrong::<(i32, f64)>(&mut uow, "SELECT 1, 'sad'::mood"),
            "column 2: the result is read as float8",
        ),
        (
            wrong::<(i32, f64)>(&mut uow, "SELECT 1, 2"),
            "column 2: the result is read as float8 there: it has the type int4",
        ),
        (
            wrong::<(String, i32)>(&mut uow, "SELECT 'ä', count(*) FROM users"),
            "column 2: the result is read as int4 there: it has the type int8",
        ),
        (wrong::<bool>(&mut uow, "SELECT 1"), "column 1: the result is read as bool"),
        (wrong::<Vec<i32>>(&mut uow, "SELECT 1"), "column 1: the result is read as int4[]"),
        (
            wrong::<(i32, i32)>(&mut uow, "SELECT 1, NULL::int4"),
            "column 2: cannot read the value: it is NULL",
        ),
        (wrong::<i32>(&mut uow, "SELECT 1::d"), "column 1: the result is read as int4"),
    ] {
        assert!(text.contains(what), "{text}");
    }
    // An error in the text is not taken for one about columns.
    let error = uow.sql("SELECT nothing").rows::<i32>().unwrap_err();
    assert_eq!(
        (error.kind(), error.sqlstate()),
        (ErrorKind::Database, Some(&SqlState::UNDEFINED_COLUMN))
    );
    for text in ["SELECT (1", "SELECT 'open", "SELECT 1; SELECT 2"] {
        let error = uow.sql(text).rows::<i32>().unwrap_err();
        assert_eq!(error.sqlstate(), Some(&SqlState::SYNTAX_ERROR), "{text}: {error}");
        assert_eq!(error.kind(), ErrorKind::Database, "{text}: {error}");
    }
    assert_eq!(schema.count("users"), 2);
}

#[test]
fn types_that_are_not_built_in_come_as_text_or_are_an_error_and_never_wait() {
    let schema = Schema::new(
        "own_sql_types",
        "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN positive AS int CHECK (VALUE > 0);",
    );
    let mut client = schema.client();
    in_time(move || {
        const ROWS: usize = 100_000;
        let text = format!(
            "SELECT n::positive, 'sad'::mood, ARRAY['sad'::mood], (1, 'x')::pair FROM generate_series(1, {ROWS}) n"
        );
        let mut uow = UnitOfWork::new(&mut client);
        let rows = uow.sql(&*text).rows::<(i32, String, Vec<String>, String)>().unwrap();
        assert_eq!(rows.len(), ROWS);
        assert_eq!(rows[ROWS - 1], (ROWS as i32, "sad".into(), vec!["sad".into()], "(1,x)".into()));
        assert_eq!(uow.sql(&*text).execute().unwrap(), ROWS as u64);
        let error = uow.sql(&*text).rows::<(i32, i32, Vec<String>, String)>().unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("2")), "{error}");
        uow.rollback();
        let error = uow.sql(&*text).rows::<(i32, String, Vec<i64>, String)>().unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("3")), "{error}");
        uow.rollback();
        let wrapped = format!("INSERT INTO moods {text} RETURNING mood");
        uow.sql("CREATE TEMPORARY TABLE moods (n positive, mood mood, moods mood[], pair pair)")
            .execute()
            .unwrap();
        assert_eq!(uow.sql(wrapped).rows::<String>().unwrap().len(), ROWS);
    });
}

// --- Values ---

#[test]
fn values_are_counted_before_anything_is_sent() {
    let schema = schema("values");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_round_trip_budget(2);
    for (statement, message) in [
        (uow.sql("SELECT $1::int4").execute(), "the statement names $1, and 0 values are bound"),
        (
            uow.sql("SELECT 1").bind(1).execute(),
            "1 values are bound, and the statement names no more than 0",
        ),
        (uow.sql("SELECT '$1'").bind(1).execute(), "1 values are bound"),
        (uow.sql("SELECT $1::text").bind("a\0").bind(1).execute(), "cannot"),
    ]
    .map(|(result, message)| (result.unwrap_err(), message))
    {
        assert!(statement.to_string().contains(message) || message == "cannot", "{statement}");
        assert!(statement.sqlstate().is_none() || message == "cannot", "{statement}");
    }
    // Two round trips are left: nothing was sent so far.
    let row = uow
        .sql("SELECT $1::date, $2::int4 IS NULL, $3::int4[]")
        .bind("2001-02-03")
        .bind(None::<i32>)
        .bind(vec![1, 2]);
    assert_eq!(
        row.first::<(String, bool, Vec<i32>)>().unwrap(),
        Some(("2001-02-03".into(), true, vec![1, 2]))
    );
}

// --- Budget, outcomes, retry ---

#[test]
fn a_budget_holds_for_statements_and_the_commit_together() {
    let schema = schema("budget");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_round_trip_budget(1);
    let delete = "DELETE FROM users";
    let error = uow.sql(delete).execute().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget);
    assert_eq!(error.to_string(), "it takes 2 round trips, and the budget is 1");
    drop(uow);

    let mut uow = UnitOfWork::new(&mut client).with_round_trip_budget(4);
    uow.sql(delete).execute().unwrap();
    uow.sql(delete).execute().unwrap();
    uow.add(user("Cid"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget, "{error}");
    assert_eq!(
        error.to_string(),
        "after 3 round trips, writing 1 row by one_trip takes 3 more, and the budget is 4"
    );
    uow.sql(delete).execute().unwrap();
    let error = uow.sql(delete).execute().unwrap_err();
    assert_eq!(error.to_string(), "after 4 round trips, it takes 1 more, and the budget is 4");
    uow.rollback();
    assert_eq!(schema.count("users"), 2);
    uow.add(user("Cid"));
    assert_eq!(uow.commit().unwrap().round_trips(), 1);
}

#[test]
fn retry_repeats_it() {
    let schema = schema("retry");
    let mut client = schema.session();
    client.batch_execute("SET default_transaction_isolation = 'serializable'").unwrap();
    let mut attempts = 0;
    let retry = Retry::new().base_delay(Duration::from_millis(1));
    let mut other = schema.client();
    retry
        .run(&mut client, |uow| {
            attempts += 1;
            uow.sql("SELECT count(*) FROM users").first::<i64>()?;
            if attempts == 1 {
                other.batch_execute("UPDATE users SET name = name || '?'").unwrap();
            }
            uow.sql("UPDATE users SET name = name || '!'").execute().map(drop)
        })
        .unwrap();
    assert_eq!(attempts, 2);
    assert_eq!(schema.rows("SELECT name FROM users ORDER BY id"), ["Ada?!", "Bob?!"]);
}

#[derive(Model, Clone)]
#[model(table = "users")]
struct Kept {
    #[model(key)]
    id: i32,
    name: String,
}

#[test]
fn a_transaction_that_was_opened_by_hand_is_noticed() {
    let schema = schema("by_hand");
    let mut client = schema.client();
    client.batch_execute("BEGIN").unwrap();
    thread::sleep(Duration::from_millis(5));
    let mut uow = UnitOfWork::new(&mut client);
    let error = uow.sql("DELETE FROM users").execute().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction);
    drop(uow);
    let error = Retry::new()
        .run(&mut client, |uow| {
            uow.find::<Kept>(1).map(|user| user.map(|user| (uow[user].id, uow[user].name.clone())))
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction);
    assert_eq!(client.query_one("SELECT count(*) FROM users", &[]).unwrap().get::<_, i64>(0), 2);
    let error = client.batch_execute("RELEASE SAVEPOINT onetrip_1").unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::S_E_INVALID_SPECIFICATION), "it is left as it was");
}
