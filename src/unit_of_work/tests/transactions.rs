//! What brackets the statements: transactions, savepoints, and the end of a unit of work.

use insta::assert_snapshot;

use super::*;
use crate::connection::recording::Fault;

#[test]
fn nothing_to_do_is_nothing_sent() {
    for strategy in strategies() {
        let (mut uow, recording) = record(strategy);
        uow.commit().unwrap();
        uow.flush().unwrap();
        uow.rollback();
        uow.add(user("Ada"));
        uow.rollback();
        let report = uow.commit().unwrap();
        assert_eq!((report.rows(), report.statements(), report.round_trips()), (0, 0, 0));
        uow.plan().unwrap();
        uow.clear();
        drop(uow);
        assert_eq!(recording.take(), "");
    }
}

#[test]
fn a_second_commit_writes_only_what_is_new() {
    let (mut uow, recording) = record(Batch);
    let ada = uow.add(user("Ada"));
    uow.commit().unwrap();
    recording.take();
    uow.add(address("home", ada));
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"addresses"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g) -- 1 int4
    INSERT INTO "addresses" ("id", "email", "user_id") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 2 int4, 'home' text, 1 int4
    SELECT 1; COMMIT
    "#);
    uow.commit().unwrap();
    assert_eq!(recording.take(), "");
}

#[test]
fn flushes_share_one_transaction() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    assert_eq!(uow[ada].id, Some(1));
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    "#);
    uow.flush().unwrap();
    assert_eq!(recording.take(), "", "nothing is new");
    // In a savepoint, so that a failure leaves the first flush alone.
    let home = uow.add(address("home", ada));
    uow.flush().unwrap();
    assert_eq!(uow[home].user_id, ForeignKey::Key(1));
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'home' text, 1 int4
    RELEASE SAVEPOINT onetrip_1
    "#);
    uow.add(user("Bob"));
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    SELECT 1; COMMIT
    "#);
    uow.add(user("Cid"));
    uow.flush().unwrap();
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Cid' text
    SELECT 1; COMMIT
    "#);
}

#[test]
fn a_failed_flush_goes_back_to_its_savepoint() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    let bob = uow.add(user("Bob"));
    recording.take();
    recording.fail_after(1, Fault::Refused);
    uow.flush().unwrap_err();
    assert_eq!((uow[ada].id, uow[bob].id), (Some(1), None));
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    "#);
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    SELECT 1; COMMIT
    "#);
}

#[test]
fn rollback_and_drop_end_an_open_transaction() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    uow.rollback();
    assert!(uow.get(ada).is_err());
    assert_snapshot!(recording.take(), @"ROLLBACK");
    uow.rollback();
    assert_eq!(recording.take(), "");
    uow.add(user("Bob"));
    uow.flush().unwrap();
    recording.take();
    uow.clear();
    assert_snapshot!(recording.take(), @"ROLLBACK");
    uow.add(user("Cid"));
    uow.flush().unwrap();
    recording.take();
    drop(uow);
    assert_snapshot!(recording.take(), @"ROLLBACK");
}

#[test]
fn another_connection_ends_the_transaction_of_the_first() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    let second = Recording::default();
    uow.reconnect(second.clone());
    assert_snapshot!(recording.take(), @"ROLLBACK");
    assert_eq!(uow[ada].id, None, "new again");
    uow.commit().unwrap();
    assert_eq!(recording.take(), "");
    assert_snapshot!(second.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    SELECT 1; COMMIT
    "#);
}

#[test]
fn inside_a_transaction_of_the_caller() {
    let (mut uow, recording) = record_nested(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    RELEASE SAVEPOINT onetrip
    "#);
    uow.add(address("home", ada));
    uow.flush().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'home' text, 1 int4
    "#);
    uow.add(user("Bob"));
    uow.flush().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    RELEASE SAVEPOINT onetrip_1
    "#);
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @"RELEASE SAVEPOINT onetrip");
    uow.add(user("Cid"));
    uow.flush().unwrap();
    recording.take();
    uow.rollback();
    assert_snapshot!(recording.take(), @"ROLLBACK TO SAVEPOINT onetrip; RELEASE SAVEPOINT onetrip");
    uow.add(user("Dora"));
    uow.flush().unwrap();
    recording.take();
    drop(uow);
    assert_snapshot!(recording.take(), @"ROLLBACK TO SAVEPOINT onetrip; RELEASE SAVEPOINT onetrip");
}

#[test]
fn a_failure_inside_a_transaction_of_the_caller() {
    let (mut uow, recording) = record_nested(RowByRow);
    uow.add(user("Ada"));
    recording.fail_after(1, Fault::Refused);
    uow.commit().unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    ROLLBACK TO SAVEPOINT onetrip; RELEASE SAVEPOINT onetrip
    "#);
    uow.flush().unwrap();
    uow.add(user("Bob"));
    recording.take();
    recording.fail_after(1, Fault::Refused);
    uow.flush().unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    "#);
}

#[test]
fn a_find_that_is_refused_does_not_stand_in_the_way_of_commits() {
    for nested in [false, true] {
        let (mut uow, recording) = if nested { record_nested(Batch) } else { record(Batch) };
        let ada = uow.add(user("Ada"));
        uow.flush().unwrap();
        recording.fail_after(0, Fault::Refused);
        uow.find::<Node>(7).unwrap_err();
        let bob = uow.add(user("Bob"));
        // The server refuses the rest of the transaction, unless a savepoint was around the query.
        // A second commit must not run into the same wall.
        if uow.commit().is_err() {
            uow.commit().unwrap_or_else(|error| panic!("{error}\n{}", recording.take()));
        }
        assert!(uow[ada].id.is_some() && uow[bob].id.is_some());
    }
}

#[test]
fn a_commit_after_a_refused_find_does_not_say_that_it_has_committed() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.fail_after(0, Fault::Refused);
    uow.find::<Node>(7).unwrap_err();
    uow.commit().unwrap_err();
    assert_eq!(uow[ada].id, None, "what was flushed is gone, and new again");
    assert_eq!(uow.commit().unwrap().rows(), 1);
    assert!(uow[ada].id.is_some());
}
