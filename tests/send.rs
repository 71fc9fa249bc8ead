//! What the public types promise: which of them cross threads, and what errors say.

mod common;

use std::error::Error as _;

use common::Schema;
use insta::assert_snapshot;
use onetrip::{
    Batch, Bound, CommitPlan, CommitReport, Connection, Cycles, Error, ErrorKind, FlushPlan,
    ForeignKey, Handle, InsertStrategy, Model, Params, PlannedStatement, Problem, Retry, RowByRow,
    Rows, SqlType, Step, Strategy, Table, UnitOfWork, Verify, VerifyReport,
};

const fn send<T: Send>() {}
const fn send_and_sync<T: Send + Sync>() {}

/// Finds out whether a type is `Sync`, without an error if it is not.
macro_rules! is_sync {
    ($ty:ty) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const IS_SYNC: bool = false;
        }
        impl<T: ?Sized> Otherwise for Of<T> {}
        struct Of<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + Sync> Of<T> {
            const IS_SYNC: bool = true;
        }
        Of::<$ty>::IS_SYNC
    }};
}

/// An entity may hold what does not cross threads by reference: it is owned by the unit of work.
#[derive(Model, Clone)]
#[model(table = "cells")]
struct WithCell {
    #[model(key)]
    id: i32,
    #[model(skip)]
    cell: std::cell::Cell<i32>,
}

const _: () = {
    send::<UnitOfWork<'_>>();
    send::<Connection<'_>>();
    send_and_sync::<Error>();
    send_and_sync::<Handle<WithCell>>();
    send_and_sync::<Handle<*const u8>>();
    send_and_sync::<ForeignKey<WithCell>>();
    send_and_sync::<CommitPlan>();
    send_and_sync::<CommitReport>();
    send_and_sync::<FlushPlan>();
    send_and_sync::<Step>();
    send_and_sync::<PlannedStatement>();
    send_and_sync::<Box<dyn InsertStrategy>>();
    send_and_sync::<Strategy>();
    send_and_sync::<Params>();
    send_and_sync::<Rows>();
    send_and_sync::<Bound>();
    send_and_sync::<Cycles>();
    send_and_sync::<Table>();
    send_and_sync::<SqlType>();
    send_and_sync::<Retry>();
    send_and_sync::<Verify>();
    send_and_sync::<VerifyReport>();
    send_and_sync::<Problem>();
};

#[test]
fn a_unit_of_work_is_used_by_one_thread_at_a_time() {
    assert!(is_sync!(Error), "this is how the next one would fail");
    assert!(!is_sync!(UnitOfWork<'_>), "entities need not be `Sync`, so neither is what owns them");
}

#[test]
fn a_unit_of_work_moves_to_another_thread() {
    let schema = Schema::new("send", "CREATE TABLE cells (id int PRIMARY KEY)");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let first = uow.add(WithCell { id: 1, cell: 5.into() });
    let second = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let second = uow.add(WithCell { id: 2, cell: 6.into() });
            uow[first].cell.set(7);
            uow.commit().map(|_| (uow, second))
        });
        let (uow, second) = work.join().unwrap().unwrap();
        assert_eq!(uow[first].cell.get(), 7);
        second
    });
    assert_ne!(first, second);
    assert_eq!(schema.count("cells"), 2);
}

// --- What errors say ---

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    boss: Option<ForeignKey<User>>,
}

#[derive(Model, Clone)]
#[model(table = "teams")]
struct Team {
    #[model(key, column = "user_id")]
    user: ForeignKey<User>,
    #[model(column = "user_id")]
    again: ForeignKey<User>,
}

#[derive(Model, Clone)]
#[model(table = "users")]
struct Mistyped {
    #[model(key)]
    id: i16,
}

/// A model whose description of its table is wrong.
#[derive(Clone)]
struct Wrong;

impl Model for Wrong {
    type Key = i32;

    fn table() -> &'static Table {
        static TABLE: Table = Table::new("wrong", &[], &[0]);
        &TABLE
    }

    fn key(&self) -> Option<i32> {
        None
    }

    fn encode(&self, _: usize, _: &mut onetrip::Encoder<'_>) {}

    fn decode(_: &onetrip::Row<'_>) -> Result<Wrong, Error> {
        Ok(Wrong)
    }

    fn update(&mut self, _: &onetrip::Row<'_>) -> Result<(), Error> {
        Ok(())
    }
}

const USERS: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, boss int REFERENCES users);
    CREATE TABLE teams (user_id int PRIMARY KEY REFERENCES users);
    CREATE FUNCTION moody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        CASE NEW.name
            WHEN 'refuse' THEN RAISE 'not today' USING ERRCODE = '22000', TABLE = 'users',
                COLUMN = 'name', CONSTRAINT = 'mood', HINT = 'try tomorrow', DETAIL = 'secret';
            WHEN 'serialize' THEN RAISE 'again' USING ERRCODE = '40001';
            WHEN 'deadlock' THEN RAISE 'again' USING ERRCODE = '40P01';
            WHEN 'swallow' THEN RETURN NULL;
            WHEN 'kill' THEN PERFORM pg_terminate_backend(pg_backend_pid());
            ELSE NULL;
        END CASE;
        RETURN NEW;
    END $$;
    CREATE TRIGGER moody BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION moody();
    CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.name = 'kill at commit') EXECUTE FUNCTION kill()";

fn user(name: &str) -> User {
    User { id: None, name: name.to_owned(), boss: None }
}

/// The error of a commit of what `fill` adds.
fn error_of<R>(schema: &Schema, fill: impl FnOnce(&mut UnitOfWork<'_>) -> R) -> Error {
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(RowByRow);
    fill(&mut uow);
    uow.commit().unwrap_err()
}

#[test]
fn every_kind_of_error_says_what_it_is_about() {
    let schema = Schema::new("error_table", USERS);
    let errors = [
        error_of(&schema, |uow| uow.add(user("refuse"))),
        error_of(&schema, |uow| uow.add(Wrong)),
        error_of(&schema, |uow| uow.add(user("secret\0"))),
        error_of(&schema, |uow| uow.add(user("swallow"))),
        error_of(&schema, |uow| {
            let own = uow.add(user("own"));
            uow[own].boss = own.into();
        }),
        error_of(&schema, |uow| {
            let (user, again) = (uow.add(user("a")).into(), uow.add(user("b")).into());
            uow.add(Team { user, again });
        }),
        error_of(&schema, |uow| {
            let gone = uow.add(user("a"));
            uow.rollback();
            uow.add(User { boss: gone.into(), ..user("b") });
        }),
        {
            let mut client = schema.client();
            client.batch_execute("INSERT INTO users VALUES (7, '', NULL)").unwrap();
            UnitOfWork::new(&mut client).find::<Mistyped>(7_i16).unwrap_err()
        },
        {
            let mut client = schema.client();
            client.batch_execute("BEGIN").unwrap();
            // One statement could not tell a transaction that is as young as this one.
            let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
            uow.add(user("a"));
            uow.commit().unwrap_err()
        },
        {
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
            uow.add(user("a"));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { uow.commit() }).unwrap_err()
        },
    ];
    let lines: Vec<_> = errors.iter().map(|e| format!("{:?}: {e}", e.kind())).collect();
    assert_snapshot!(lines.join("\n"), @"
    Database: table users, column name: not today (SQLSTATE 22000); hint: try tomorrow
    Model: table wrong: there is no column at position 0
    Encode: table users, column name: cannot send the value: the text holds a NUL character (U+0000), which PostgreSQL cannot store
    RowMismatch: table users: of 1 rows sent, 0 were stored: a trigger, a rule or a policy has interfered
    Cycle: table users: new rows refer to each other in a circle, which this strategy cannot write: users.boss → users
    Conflict: table teams, column user_id: two fields share this column and give it different values; hint: where a key changes in the same commit, refer to it by its handle: a key is taken at its word
    Handle: table users, column boss: it refers to an entity of users that is not in the unit of work any more
    Decode: table users, column id: it has the type int4 in the database, and the model reads it as int2; hint: change the field's type, or name the column's with `sql_type`
    Transaction: the connection is in a transaction that was opened by hand, which a commit of the unit of work would end; hint: end it first, or pass the driver's `Transaction` instead of the client
    AsyncContext: called inside an asynchronous runtime, where a synchronous call cannot wait; nothing was sent; hint: run the unit of work in `tokio::task::spawn_blocking`
    ");
    assert_eq!(schema.rows("SELECT id FROM users"), ["7"], "none of them has written anything");

    let refused = &errors[0];
    assert_eq!((refused.table(), refused.column()), (Some("users"), Some("name")));
    assert_eq!((refused.constraint(), refused.hint()), (Some("mood"), Some("try tomorrow")));
    assert_eq!(refused.sqlstate().unwrap().code(), "22000");
    let driver = refused.source().unwrap().downcast_ref::<postgres::Error>().unwrap();
    assert_eq!(driver.as_db_error().unwrap().detail(), Some("secret"), "for who looks for it");
    for error in &errors {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(!error.is_retryable(), "{error}");
    }
}

#[test]
fn a_lost_link_says_whether_there_is_doubt() {
    let schema = Schema::new("error_lost", USERS);
    let lost = error_of(&schema, |uow| uow.add(user("kill")));
    assert_eq!(lost.kind(), ErrorKind::Connection, "{lost}");
    let unknown = error_of(&schema, |uow| uow.add(user("kill at commit")));
    assert_eq!(unknown.kind(), ErrorKind::UnknownOutcome, "{unknown}");
    assert!(unknown.to_string().contains("may or may not have been committed"), "{unknown}");
    assert!(!lost.is_retryable() && !unknown.is_retryable());
    assert_eq!(schema.count("users"), 0);
}

#[test]
fn conflicts_with_others_are_worth_another_try() {
    let schema = Schema::new("error_retry", USERS);
    for (name, code) in [("serialize", "40001"), ("deadlock", "40P01")] {
        let error = error_of(&schema, |uow| uow.add(user(name)));
        assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (ErrorKind::Database, code));
        assert!(error.is_retryable(), "{error}");
    }
}
