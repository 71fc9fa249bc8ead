//! A `COPY` that the server refuses before it begins: the driver then waits for one answer too few, so
//! the session has to end, and nobody may take an answer for that of another question.

mod common;

use common::Schema;
use onetrip::{Copy, ErrorKind, Model, UnitOfWork};

#[derive(Model, Clone)]
#[model(table = "items")]
struct Item {
    #[model(key)]
    id: i32,
}

#[test]
fn the_session_ends_and_the_entities_go_on_elsewhere() {
    let schema = Schema::new("copy_refused", "CREATE TABLE items (id int PRIMARY KEY)");
    let mut blocker = schema.client();
    blocker.batch_execute("BEGIN; LOCK TABLE items IN SHARE MODE").unwrap();
    let (mut client, mut fresh) = (schema.client(), schema.client());
    client.batch_execute("SET lock_timeout = '50ms'").unwrap();

    let mut uow = UnitOfWork::new(&mut client).with_strategy(Copy);
    let item = uow.add(Item { id: 1 });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "55P03", "{error}");
    assert_eq!((error.kind(), error.table()), (ErrorKind::Database, Some("items")), "{error}");
    assert!(error.to_string().contains("open a new one"), "{error}");
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Connection);

    blocker.batch_execute("ROLLBACK").unwrap();
    uow.reconnect(&mut fresh);
    uow.commit().unwrap();
    assert_eq!(uow[item].id, 1);
    drop(uow);
    assert_eq!(schema.rows("SELECT id FROM items"), ["1"]);

    // Whatever the caller asks on the old connection, there is no answer that is another's.
    let _ = client.batch_execute("SET lock_timeout = 0");
    assert!(client.batch_execute("nonsense").is_err(), "it got the answer to what was right");
    for question in ["SELECT 1", "SELECT 2", "SELECT 3"] {
        assert!(client.query_one(question, &[]).is_err(), "{question}");
    }
    assert!(client.is_closed());
}

#[test]
fn inside_a_transaction_of_the_caller() {
    let schema = Schema::new("copy_refused_nested", "CREATE TABLE items (id int PRIMARY KEY)");
    let mut blocker = schema.client();
    blocker.batch_execute("BEGIN; LOCK TABLE items IN SHARE MODE").unwrap();
    let mut client = schema.client();
    client.batch_execute("SET lock_timeout = '50ms'").unwrap();
    let mut transaction = client.transaction().unwrap();
    let mut uow = UnitOfWork::new(&mut transaction).with_strategy(Copy);
    uow.add(Item { id: 1 });
    assert_eq!(uow.commit().unwrap_err().sqlstate().unwrap().code(), "55P03");
    drop(uow);
    assert!(
        transaction.batch_execute("nonsense").is_err(),
        "the answer that was left over says yes"
    );
    assert!(transaction.query("SELECT 1", &[]).is_err());
    assert!(transaction.commit().is_err(), "nothing of it is committed");
    assert!(client.query_one("SELECT 2", &[]).is_err());
    assert_eq!(schema.count("items"), 0);
}
