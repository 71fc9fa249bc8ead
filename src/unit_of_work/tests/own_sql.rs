//! What own statements, locks and attempts send.

use insta::assert_snapshot;

use super::*;
use crate::connection::AttemptReads;
use crate::connection::recording::Fault;
use crate::error::ErrorKind;
use crate::model::Value;
use crate::sql::Rows;

/// Returns rows with a number in each.
fn numbers(numbers: &[i32]) -> Rows {
    let row = |number: &i32| vec![Some(number.to_be_bytes().to_vec())];
    Rows::canned(vec![SqlType::INT4], numbers.iter().map(row).collect())
}

#[test]
fn a_statement_opens_the_transaction_and_the_commit_ends_it() {
    let (mut uow, recording) = record(OneTrip);
    recording.answer(Ok(numbers(&[7, 8])));
    let ids = uow.sql("UPDATE users SET name = $1 RETURNING id;").bind(5).rows::<i32>().unwrap();
    assert_eq!(ids, [7, 8]);
    uow.sql("SELECT pg_advisory_xact_lock($1)").bind(5_i64).execute().unwrap();
    uow.savepoint(|uow| uow.sql("DELETE FROM users").execute()).unwrap();
    uow.commit().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    WITH "onetrip_result" AS (UPDATE users SET name = $1 RETURNING id
    ) SELECT COALESCE(c1, NULL::"int4") FROM (SELECT NULL WHERE false UNION ALL SELECT * FROM "onetrip_result") AS r(c1) -- 5 int4
    SELECT pg_advisory_xact_lock($1) -- 5 int8
    SAVEPOINT onetrip_1
    DELETE FROM users -- 
    RELEASE SAVEPOINT onetrip_1
    SELECT 1; COMMIT
    "#);
}

#[test]
fn a_statement_that_fails_is_undone_if_it_was_the_first() {
    let (mut uow, recording) = record(OneTrip);
    recording.fail_after(1, Fault::Refused);
    uow.sql("DELETE FROM users").execute().unwrap_err();
    uow.sql("DELETE FROM users").execute().unwrap();
    recording.fail_after(0, Fault::Refused);
    uow.sql("DELETE FROM members").execute().unwrap_err();
    assert_snapshot!(recording.take(), @"
    SELECT now() = statement_timestamp(); BEGIN
    DELETE FROM users -- 
    ROLLBACK
    SELECT now() = statement_timestamp(); BEGIN
    DELETE FROM users -- 
    DELETE FROM members --
    ");
}

#[test]
fn a_lost_link_makes_what_was_flushed_new_again() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.fail_after(0, Fault::Lost);
    let error = uow.sql("DELETE FROM users").execute().unwrap_err();
    assert_eq!((error.kind(), uow[ada].id), (ErrorKind::Connection, None));
    let error = uow.sql("DELETE FROM users").execute().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[test]
fn nothing_is_sent_while_an_outcome_is_unknown() {
    let (mut uow, recording) = record(RowByRow);
    uow.add(user("Ada"));
    recording.fail_after(2, Fault::Lost);
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::UnknownOutcome);
    recording.take();
    let fresh = Recording::default();
    uow.reconnect(fresh.clone());
    let unknown = ErrorKind::UnknownOutcome;
    assert_eq!(uow.sql("SELECT 1").execute().unwrap_err().kind(), unknown);
    assert_eq!(uow.sql("SELECT 1").first::<i32>().unwrap_err().kind(), unknown);
    assert_eq!(uow.find_for_update::<User>(1).unwrap_err().kind(), unknown);
    assert_eq!(uow.query::<User>("true").for_update().load().unwrap_err().kind(), unknown);
    assert_eq!(fresh.take(), "");
    uow.resolve_unknown(false).unwrap();
    uow.sql("SELECT 1").execute().unwrap();
}

#[test]
fn rows_are_locked_as_they_are_read() {
    let (mut uow, recording) = record(OneTrip);
    uow.query::<User>("name = $1").bind(5).order_by("name").limit(3).for_update().load().unwrap();
    uow.query::<User>("true").no_wait().for_share().first().unwrap();
    uow.query::<User>("true").skip_locked().load().unwrap();
    uow.find_for_update::<User>(7).unwrap();
    uow.find_all_for_update::<User>([9, 8, 9]).unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE (name = $1
    ) ORDER BY name
     LIMIT $2 FOR UPDATE -- 5 int4, 3 int4
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE (true
    ) LIMIT $1 FOR SHARE NOWAIT -- 1 int4
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE (true
    ) FOR UPDATE SKIP LOCKED -- 
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE "id" = $1 FOR UPDATE -- 7 int4
    SELECT COALESCE(NULL::"int4", t."id") AS "id", t."name"::"text" AS "?", k.n FROM unnest($1) WITH ORDINALITY AS k(k0, n), LATERAL (SELECT * FROM "users" AS t WHERE t."id" = k.k0 FOR UPDATE) AS t -- int4[]
    "#);
}

#[test]
fn counting_asks_for_no_columns() {
    let (mut uow, recording) = record(OneTrip);
    let count = |count: i64| {
        let mut raw = Default::default();
        count.encode(&mut raw).unwrap();
        Ok(Rows::canned(vec![SqlType::INT8], vec![vec![Some(raw.to_vec())]]))
    };
    recording.answer(count(5));
    assert_eq!(uow.query::<User>("name = $1").bind(5).order_by("id").offset(2).count().unwrap(), 5);
    recording.answer(Ok(Rows::canned(vec![SqlType::BOOL], vec![vec![Some(vec![1])]])));
    assert!(uow.query::<User>("true").exists().unwrap());
    recording.answer(count(-1));
    assert_eq!(uow.query::<User>("true").count().unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(uow.query::<User>("true").exists().unwrap_err().kind(), ErrorKind::Decode);
    assert_snapshot!(recording.take(), @r#"
    SELECT count(*) FROM (SELECT FROM "users" WHERE (name = $1
    ) ORDER BY id
     OFFSET $2) AS q -- 5 int4, 2 int4
    SELECT EXISTS (SELECT FROM "users" WHERE (true
    )) -- 
    SELECT count(*) FROM (SELECT FROM "users" WHERE (true
    )) AS q -- 
    SELECT EXISTS (SELECT FROM "users" WHERE (true
    )) --
    "#);
}

#[test]
fn an_attempt_sets_the_savepoint_of_its_last_commit_along_with_begin() {
    let begin = |reads| {
        let (mut uow, recording) = record(RowByRow);
        uow.begin_attempt("attempt 1 of 8".to_owned(), reads);
        uow.find::<User>(1).unwrap();
        uow.query::<User>("true").load().unwrap();
        uow.query::<User>("true").exists().unwrap_err();
        (uow, recording)
    };
    let (mut uow, recording) = begin(AttemptReads::Transaction);
    uow.find::<User>(1).unwrap();
    uow.add(user("Ada"));
    recording.take();
    uow.commit_attempt().unwrap();
    assert_snapshot!(recording.take(), @r#"
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    SELECT 1; COMMIT
    "#);

    let (mut uow, recording) = begin(AttemptReads::Themselves);
    uow.add(user("Ada"));
    uow.commit_attempt().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE "id" = $1 -- 1 int4
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE (true
    ) -- 
    SELECT EXISTS (SELECT FROM "users" WHERE (true
    )) -- 
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    SELECT 1; COMMIT
    "#);
}

#[test]
fn an_attempt_sets_a_savepoint_of_its_own_after_anything_but_reads() {
    let attempt = |work: fn(&mut UnitOfWork<'_>, &Recording)| {
        let (mut uow, recording) = record(RowByRow);
        uow.begin_attempt("attempt 1 of 8".to_owned(), AttemptReads::Transaction);
        uow.find::<User>(1).unwrap();
        work(&mut uow, &recording);
        uow.add(user("Ada"));
        let _ = uow.commit_attempt();
        recording.take()
    };
    let set = |sent: &str| sent.lines().filter(|line| *line == "SAVEPOINT onetrip_1").count();
    let is_set = |sent: String| set(&sent) == 1;
    assert!(!is_set(attempt(|_, _| ())));
    assert!(!is_set(attempt(|uow, _| {
        uow.query::<User>("true").for_each(|_| Ok::<(), crate::Error>(())).unwrap();
    })));
    // A function can do more than read.
    assert!(is_set(attempt(|uow, _| {
        uow.query::<User>("try(id)").load().unwrap();
    })));
    assert!(is_set(attempt(|uow, _| {
        uow.query::<User>("try(id)").for_each(|_| Ok::<(), crate::Error>(())).unwrap();
    })));
    assert!(is_set(attempt(|uow, _| {
        let _ = uow.query::<User>("true").order_by("try(id)").exists();
    })));
    assert!(is_set(attempt(|uow, _| {
        uow.sql("DELETE FROM users").execute().unwrap();
    })));
    assert!(is_set(attempt(|uow, _| {
        uow.find_for_update::<User>(1).unwrap();
    })));
    let sent = attempt(|uow, _| {
        uow.add(user("Bob"));
        uow.flush().unwrap();
    });
    assert_eq!(set(&sent), 2, "the flush has one, too: {sent}");
    // A read that was refused has aborted the transaction, and no savepoint before it makes it good.
    assert!(is_set(attempt(|uow, recording| {
        recording.fail_after(0, Fault::Refused);
        uow.find::<User>(2).unwrap_err();
    })));
}

#[test]
fn a_commit_within_an_attempt_can_fail_alone() {
    let (mut uow, recording) = record(RowByRow);
    uow.begin_attempt("attempt 1 of 8".to_owned(), AttemptReads::Transaction);
    uow.find::<User>(1).unwrap();
    uow.add(user("Ada"));
    recording.fail_after(1, Fault::Refused);
    uow.commit().unwrap_err();
    uow.commit_attempt().unwrap();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN; SAVEPOINT onetrip_1
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE "id" = $1 -- 1 int4
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    SELECT 1; COMMIT
    "#);
}
