//! Flush, rollback, and transactions of the caller's.

use onetrip::{ErrorKind, ForeignKey, Model};

use crate::{Setup, suite};

#[derive(Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    boss: Option<ForeignKey<User>>,
    #[model(default)]
    score: Option<i32>,
}

const USERS: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE,
    boss int CONSTRAINT boss REFERENCES users DEFERRABLE, score int NOT NULL DEFAULT 0)";

fn user(name: &str) -> User {
    User { id: None, name: name.to_owned(), boss: None, score: None }
}

fn flush_writes_and_commit_keeps(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let report = uow.flush().unwrap();
    assert_eq!(report.rows(), 1);
    assert!(uow[ada].id.is_some(), "flushed entities have their keys");
    assert_eq!(setup.schema.count("users"), 0, "others do not see them yet");
    let bob = uow.add(User { boss: ada.into(), ..user("Bob") });
    let plan = uow.plan().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!(report.rows(), 1);
    assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
    assert_eq!(uow[bob].boss.as_ref().unwrap().key(), uow[ada].id.as_ref());
    assert_eq!(setup.schema.rows("SELECT name FROM users ORDER BY id"), ["Ada", "Bob"]);
    assert_eq!(uow.flush().unwrap().round_trips(), 0);
}

fn rollback_discards_since_the_last_commit(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    uow.commit().unwrap();
    let bob = uow.add(user("Bob"));
    uow.flush().unwrap();
    let cid = uow.add(user("Cid"));
    uow[ada].name = "changed".into();
    uow.rollback();
    assert_eq!(uow[ada].name, "Ada");
    assert!(uow.get(bob).is_err() && uow.get(cid).is_err());
    assert_eq!(uow.len(), 1);
    let bob = uow.add(user("Bob"));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT name FROM users ORDER BY id"), ["Ada", "Bob"]);
    assert_eq!(uow.find::<User>(uow[bob].id.unwrap()).unwrap(), Some(bob));
}

fn a_failed_flush_keeps_the_one_before(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    let id = uow[ada].id;
    let twin = uow.add(User { boss: ada.into(), ..user("Ada") });
    for attempt in 0..2 {
        let error = if attempt == 0 { uow.flush() } else { uow.commit() }.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "23505", "{error}");
        assert_eq!((uow[ada].id, uow[twin].id), (id, None));
        assert_eq!(uow[twin].boss, ada.into());
    }
    uow[twin].name = "Twin".into();
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT name FROM users ORDER BY id"), ["Ada", "Twin"]);
}

fn a_refused_commit_makes_flushed_entities_new_again(setup: &Setup) {
    let mut client = setup.session();
    client.batch_execute("SET default_transaction_isolation = 'read committed'").unwrap();
    setup
        .client()
        .batch_execute("ALTER TABLE users ALTER CONSTRAINT boss DEFERRABLE INITIALLY DEFERRED")
        .unwrap();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    let bob = uow.add(User { boss: ada.into(), ..user("Bob") });
    uow.flush().unwrap();
    assert_eq!(uow[bob].boss.as_ref().unwrap().key(), uow[ada].id.as_ref());
    let eve = uow.add(User { boss: Some(ForeignKey::Key(-1)), ..user("Eve") });
    uow.flush().expect("the constraint is checked at COMMIT");
    uow[ada].name = "Ada Lovelace".into(); // the caller's change survives
    uow[ada].name = "Ada".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23503", "{error}");
    assert_eq!((uow[ada].id, uow[ada].score), (None, None), "new again");
    assert_eq!(uow[bob].boss, ada.into(), "and refers to a new one again");
    assert_eq!(uow[eve].boss, Some(ForeignKey::Key(-1)));
    uow[eve].boss = bob.into();
    assert_eq!(uow.commit().unwrap().rows(), 3);
    assert_eq!(uow[eve].boss.as_ref().unwrap().key(), uow[bob].id.as_ref());
    assert_eq!(setup.schema.count("users"), 3);
}

fn inside_a_transaction_of_the_caller(setup: &Setup) {
    let mut client = setup.client();
    let mut transaction = client.transaction().unwrap();
    transaction.execute("INSERT INTO users (name) VALUES ('by hand')", &[]).unwrap();
    let mut uow = onetrip::UnitOfWork::new(&mut transaction).with_strategy((setup.strategy)());
    let ada = uow.add(user("Ada"));
    let plan = uow.plan().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
    let id = uow[ada].id.unwrap();
    let twin = uow.add(user("by hand"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23505", "{error}");
    uow[twin].name = "Twin".into();
    uow.commit().expect("the error undid only what the commit had written");
    uow.add(user("never"));
    uow.flush().unwrap();
    uow.rollback();
    uow.add(user("dropped"));
    uow.flush().unwrap();
    drop(uow);
    assert_eq!(setup.schema.count("users"), 0, "it is the caller who commits");
    transaction.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT name FROM users ORDER BY name"),
        ["Ada", "Twin", "by hand"]
    );
    assert_eq!(setup.schema.rows(&format!("SELECT name FROM users WHERE id = {id}")), ["Ada"]);

    let mut transaction = client.transaction().unwrap();
    let mut uow = onetrip::UnitOfWork::new(&mut transaction).with_strategy((setup.strategy)());
    uow.add(user("gone"));
    uow.commit().unwrap();
    drop(uow);
    transaction.rollback().unwrap();
    assert_eq!(setup.schema.count("users"), 3);
}

fn a_transaction_opened_by_hand(setup: &Setup) {
    let mut client = setup.client();
    client.batch_execute("BEGIN; INSERT INTO users (name) VALUES ('by hand')").unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(user("Ada"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction, "{error}");
    assert!(error.to_string().contains("by hand"), "{error}");
    drop(uow);
    assert_eq!(setup.schema.count("users"), 0, "theirs was not committed");
    client.batch_execute("COMMIT").expect("nor was it broken");
    assert_eq!(setup.schema.rows("SELECT name FROM users"), ["by hand"]);

    client.batch_execute("BEGIN").unwrap();
    client.batch_execute("SELECT 1 / 0").unwrap_err();
    let mut uow = setup.uow(&mut client);
    uow.add(user("Ada"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25P02", "{error}");
    drop(uow);
    client.batch_execute("ROLLBACK").unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(user("Ada"));
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("users"), 2);
}

fn inside_an_asynchronous_runtime(setup: &Setup) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    uow.add(user("Ada"));
    let error = runtime.block_on(async { uow.commit() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AsyncContext, "{error}");
    assert!(error.to_string().contains("spawn_blocking"), "{error}");
    assert_eq!(setup.schema.count("users"), 0);
    uow.commit().expect("nothing was sent, so nothing is broken");
    assert_eq!(setup.schema.count("users"), 1);
}

suite! {
    flush_writes_and_commit_keeps: super::USERS,
    rollback_discards_since_the_last_commit: super::USERS,
    a_failed_flush_keeps_the_one_before: super::USERS,
    a_refused_commit_makes_flushed_entities_new_again: super::USERS,
    inside_a_transaction_of_the_caller: super::USERS,
    a_transaction_opened_by_hand: super::USERS,
    inside_an_asynchronous_runtime: super::USERS,
}
