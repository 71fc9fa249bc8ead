//! A commit that fails leaves the database and the unit of work as they were.

use std::panic::{AssertUnwindSafe, catch_unwind};

use onetrip::{
    BoxError, BytesMut, ErrorKind, ForeignKey, Handle, Model, SqlType, UnitOfWork, Value,
};
use postgres::error::SqlState;

use crate::{Setup, suite};

#[derive(Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: Option<String>,
    #[model(default)]
    score: Option<i32>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: ForeignKey<User>,
}

const USERS: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL CONSTRAINT not_empty CHECK (name <> ''),
        score int NOT NULL DEFAULT 0);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL CONSTRAINT one_owner UNIQUE,
        user_id int NOT NULL CONSTRAINT owner REFERENCES users)";

fn user(name: &str) -> User {
    User { id: None, name: Some(name.to_owned()), score: None }
}

fn address(email: &str, user_id: impl Into<ForeignKey<User>>) -> Address {
    Address { id: None, email: email.to_owned(), user_id: user_id.into() }
}

/// Nothing was written, and the entities are new as before.
fn assert_untouched(
    setup: &Setup,
    uow: &UnitOfWork<'_>,
    user: Handle<User>,
    owned: Handle<Address>,
) {
    assert_eq!((uow[user].id, uow[user].score), (None, None));
    assert_eq!((uow[owned].id, &uow[owned].user_id), (None, &ForeignKey::Pending(user)));
    assert_eq!((setup.schema.count("users"), setup.schema.count("addresses")), (0, 0));
}

fn a_constraint_is_violated_then_mended(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let first = uow.add(address("same", ada));
    let second = uow.add(address("same", ada));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_eq!(error.sqlstate(), Some(&SqlState::UNIQUE_VIOLATION));
    assert_eq!((error.table(), error.constraint()), (Some("addresses"), Some("one_owner")));
    assert!(!error.is_retryable());
    assert!(std::error::Error::source(&error).is_some());
    assert_untouched(setup, &uow, ada, first);

    uow[second].email = "other".into();
    uow[second].user_id = ForeignKey::Key(-1);
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::FOREIGN_KEY_VIOLATION));
    assert_eq!((error.table(), error.constraint()), (Some("addresses"), Some("owner")));
    assert_untouched(setup, &uow, ada, first);

    uow[second].user_id = ada.into();
    uow[ada].name = None;
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::NOT_NULL_VIOLATION));
    assert_eq!((error.table(), error.column()), (Some("users"), Some("name")));
    assert_untouched(setup, &uow, ada, first);

    uow[ada].name = Some(String::new());
    let error = uow.commit().unwrap_err();
    assert_eq!((error.table(), error.constraint()), (Some("users"), Some("not_empty")));
    assert_untouched(setup, &uow, ada, first);

    uow[ada].name = Some("Ada".into());
    let report = uow.commit().unwrap();
    assert_eq!(report.rows(), 3);
    assert_eq!((uow[ada].score, uow[first].id.is_some()), (Some(0), true));
    assert_eq!(uow[second].user_id.key(), uow[ada].id.as_ref());
}

fn a_deferred_constraint_fails_at_commit(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let owned = uow.add(address("a", ada));
    let wrong = uow.add(address("b", ForeignKey::Key(-1)));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database, "{error}");
    assert_eq!(error.sqlstate(), Some(&SqlState::FOREIGN_KEY_VIOLATION));
    assert_eq!(error.constraint(), Some("owner"));
    assert_untouched(setup, &uow, ada, owned);
    uow[wrong].user_id = ada.into();
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("addresses"), 2);
}

fn a_table_is_missing(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let owned = uow.add(address("a", ada));
    setup.client().batch_execute("ALTER TABLE addresses RENAME TO elsewhere").unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::UNDEFINED_TABLE), "{error}");
    setup.client().batch_execute("ALTER TABLE elsewhere RENAME TO addresses").unwrap();
    assert_untouched(setup, &uow, ada, owned);
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("addresses"), 1);
}

fn the_backend_is_killed_mid_commit(setup: &Setup) {
    let mut client = setup.client();
    let mut fresh = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let owned = uow.add(address("kill", ada));
    let error = uow.commit().unwrap_err();
    assert!(
        [ErrorKind::Connection, ErrorKind::UnknownOutcome].contains(&error.kind()),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    assert_untouched(setup, &uow, ada, owned);
    if error.kind() == ErrorKind::UnknownOutcome {
        uow.resolve_unknown(false).unwrap();
    }
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("reconnect")), "{error}");

    uow.reconnect(&mut fresh);
    uow[owned].email = "live".into();
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("addresses"), 1);
}

fn dropped_without_a_commit(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    uow.add(address("a", ada));
    drop(uow);
    let mut uow = setup.uow(&mut client);
    uow.add(user("Bob"));
    uow.flush().unwrap();
    drop(uow);
    assert_eq!(setup.schema.count("users"), 0);
    let mut uow = setup.uow(&mut client);
    uow.add(user("Cid"));
    uow.commit().expect("the connection was left clean");
    assert_eq!(setup.schema.rows("SELECT name FROM users"), ["Cid"]);
}

fn handles_of_another_unit_of_work(setup: &Setup) {
    let (mut client, mut other) = (setup.client(), setup.client());
    let mut uow = setup.uow(&mut client);
    let mut stranger = setup.uow(&mut other);
    let ada = uow.add(user("Ada"));
    let eve = stranger.add(user("Eve"));
    assert_eq!(uow.get(eve).unwrap_err().kind(), ErrorKind::Handle);
    assert_eq!(uow.get_mut(eve).unwrap_err().kind(), ErrorKind::Handle);
    let panic = catch_unwind(AssertUnwindSafe(|| uow[eve].id)).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("users") && text.contains("another unit of work"), "{text}");

    let wrong = uow.add(address("a", eve));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handle, "{error}");
    assert_eq!((error.table(), error.column()), (Some("addresses"), Some("user_id")));
    assert_eq!(uow.plan().unwrap_err().kind(), ErrorKind::Handle, "the plan finds it too");
    uow[wrong].user_id = ada.into();
    uow.commit().unwrap();

    uow.clear();
    assert!(uow.is_empty());
    assert_eq!(uow.get(ada).unwrap_err().kind(), ErrorKind::Handle);
    uow.add(address("b", ada));
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Handle);
    assert_eq!(setup.schema.count("addresses"), 1);
}

fn a_reference_to_an_entity_that_was_rolled_back(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    uow.rollback();
    let error = uow.get(ada).unwrap_err();
    assert!(error.to_string().contains("rolled back"), "{error}");
    uow.add(address("a", ada));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handle, "{error}");
    assert_eq!(setup.schema.count("users"), 0);
}

/// A value whose encoding panics or fails on demand.
#[derive(Debug, Clone, PartialEq)]
struct Moody(i32);

impl Value for Moody {
    const TYPE: SqlType = SqlType::INT4;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        assert!(self.0 != 13, "thirteen");
        // A half-written value must not get out either.
        out.extend_from_slice(&[0]);
        if self.0 == 14 {
            return Err("fourteen is refused".into());
        }
        out.extend_from_slice(&self.0.to_be_bytes()[1..]);
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Moody, BoxError> {
        match i32::decode(raw)? {
            99 => Err("ninety-nine cannot be read".into()),
            value => Ok(Moody(value)),
        }
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "moody")]
struct MoodyRow {
    #[model(key)]
    id: Option<i32>,
    value: Moody,
    #[model(default)]
    back: Option<Moody>,
}

fn a_value_that_fails_or_panics(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let rows: Vec<_> =
        (0..5).map(|n| uow.add(MoodyRow { id: None, value: Moody(n), back: None })).collect();
    uow[rows[4]].value = Moody(14);
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!((error.table(), error.column()), (Some("moody"), Some("value")));

    uow[rows[4]].value = Moody(13);
    catch_unwind(AssertUnwindSafe(|| uow.commit())).unwrap_err();
    assert_eq!(uow[rows[0]].id, None);
    assert_eq!(setup.schema.count("moody"), 0);

    // What the server gives back must be readable before it is committed.
    uow[rows[4]].value = Moody(4);
    setup.client().batch_execute("ALTER TABLE moody ALTER back SET DEFAULT 99").unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.column(), Some("back"), "{error}");
    if setup.commits_in_one_statement(5) {
        // It is committed by then, and the error says so.
        assert_eq!(error.kind(), ErrorKind::ReadBack, "{error}");
        assert_eq!(setup.schema.count("moody"), 5);
        assert!(rows.iter().all(|&row| uow[row].id.is_some() && uow[row].back.is_none()));
        assert_eq!(uow.commit().unwrap().rows(), 0);
        return;
    }
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(setup.schema.count("moody"), 0);
    assert_eq!(uow[rows[0]].id, None);

    setup.client().batch_execute("ALTER TABLE moody ALTER back SET DEFAULT 98").unwrap();
    uow.commit().unwrap();
    assert_eq!(uow[rows[4]].back, Some(Moody(98)));
    assert_eq!(setup.schema.count("moody"), 5);
}

#[derive(Model, Clone, Debug)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    body: String,
}

/// By the time the last row is looked at, a strategy that streams has sent the first ones.
fn a_text_that_cannot_be_stored_after_many_that_can(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let body = "of a length that fills some buffers ".repeat(8);
    let notes: Vec<_> =
        (0..1_000).map(|_| uow.add(Note { id: None, body: body.clone() })).collect();
    let last = notes[999];
    uow[last].body = "\0".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert_eq!((error.table(), error.column()), (Some("notes"), Some("body")));
    assert!(error.to_string().contains("NUL"), "{error}");
    assert_eq!(setup.schema.count("notes"), 0);
    assert!(notes.iter().all(|&note| uow[note].id.is_none()));

    uow[last].body = body;
    assert_eq!(uow.commit().unwrap().rows(), 1_000);
    assert!(notes.iter().all(|&note| uow[note].id.is_some()));
    assert_eq!(setup.schema.count("notes"), 1_000);
}

fn a_default_of_another_type(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let row = uow.add(MoodyRow { id: None, value: Moody(1), back: None });
    let error = uow.commit().unwrap_err();
    let is_committed = error.kind() == ErrorKind::ReadBack;
    assert_eq!(is_committed, setup.commits_in_one_statement(1), "{error}");
    assert_eq!(setup.schema.count("moody"), usize::from(is_committed));
    // What is committed is not written a second time.
    assert_eq!(uow.get(row).is_err(), is_committed);
    let again = uow.commit();
    assert_eq!(again.is_ok(), is_committed);
    assert_eq!(setup.schema.count("moody"), usize::from(is_committed));
}

suite! {
    a_constraint_is_violated_then_mended: super::USERS,
    a_deferred_constraint_fails_at_commit: &format!("{}; ALTER TABLE addresses ALTER CONSTRAINT owner
        DEFERRABLE INITIALLY DEFERRED", super::USERS),
    a_table_is_missing: super::USERS,
    the_backend_is_killed_mid_commit: &format!("{}; CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.email = 'kill' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW; END $$;
        CREATE TRIGGER kill BEFORE INSERT ON addresses FOR EACH ROW EXECUTE FUNCTION kill()", super::USERS),
    dropped_without_a_commit: super::USERS,
    handles_of_another_unit_of_work: super::USERS,
    a_reference_to_an_entity_that_was_rolled_back: super::USERS,
    a_value_that_fails_or_panics: "CREATE TABLE moody (id serial PRIMARY KEY, value int NOT NULL, back int NOT NULL DEFAULT 0)",
    a_text_that_cannot_be_stored_after_many_that_can: "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL)",
    a_default_of_another_type: "CREATE TABLE moody (id serial PRIMARY KEY, value int NOT NULL, back bigint NOT NULL DEFAULT 0)",
}
