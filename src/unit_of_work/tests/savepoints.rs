//! Savepoints: what is sent for them, and when.

use insta::assert_snapshot;

use super::*;
use crate::connection::recording::{Fault, Recording};
use crate::error::{Error, ErrorKind};

fn insert(uow: &mut UnitOfWork<'_>, name: &str) -> Result<(), Error> {
    uow.add(user(name));
    Ok(())
}

#[test]
fn a_savepoint_is_set_when_something_is_sent_in_it() {
    let (mut uow, recording) = record(RowByRow);
    uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    uow.savepoint(|uow| uow.savepoint(|_| -> Result<(), Error> { Ok(()) })).unwrap();
    uow.savepoint(|uow| -> Result<(), Error> {
        insert(uow, "nobody")?;
        Err(Error::other("on purpose"))
    })
    .unwrap_err();
    assert_eq!(recording.take(), "");
    // The flush at the end of the inner one would set three savepoints at one place.
    uow.savepoint(|uow| {
        uow.savepoint(|uow| insert(uow, "Bob"))?;
        insert(uow, "Cid")?;
        uow.flush()?;
        uow.find::<Node>(7).map(drop)
    })
    .unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    SAVEPOINT onetrip_2
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Cid' text
    RELEASE SAVEPOINT onetrip_2
    SELECT COALESCE(NULL::"int4", "id") AS "id", COALESCE(NULL::"int4", "parent") AS "parent" FROM "nodes" WHERE "id" = $1 -- 7 int4
    RELEASE SAVEPOINT onetrip_1
    "#);
    // A query in it can be refused, and is undone with it.
    recording.fail_after(1, Fault::Refused);
    uow.savepoint(|uow| uow.find::<Node>(7).map(drop)).unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    SELECT COALESCE(NULL::"int4", "id") AS "id", COALESCE(NULL::"int4", "parent") AS "parent" FROM "nodes" WHERE "id" = $1 -- 7 int4
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    "#);
    uow.commit().unwrap();
    assert_eq!(recording.take(), "SELECT 1; COMMIT");
}

#[test]
fn the_first_flush_of_a_savepoint_that_fails_leaves_the_savepoint_open() {
    let (mut uow, recording) = record(RowByRow);
    uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    recording.fail_after(1, Fault::Refused);
    uow.savepoint(|uow| -> Result<(), Error> {
        let bob = uow.add(user("Bob"));
        uow.flush().unwrap_err();
        uow.expunge(bob)?;
        uow.add(user("Cid"));
        Ok(())
    })
    .unwrap();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Cid' text
    RELEASE SAVEPOINT onetrip_1
    "#);
}

#[test]
fn a_budget_counts_the_savepoint_that_a_flush_sets() {
    let (uow, recording) = record(RowByRow);
    let mut uow = uow.with_round_trip_budget(2);
    uow.add(user("Ada"));
    uow.flush().unwrap();
    uow.savepoint(|uow| -> Result<(), Error> {
        uow.add(user("Bob"));
        uow.flush()?;
        recording.take();
        uow.add(user("Cid"));
        assert_eq!(
            uow.flush().unwrap_err().kind(),
            ErrorKind::Budget,
            "SAVEPOINT, INSERT, RELEASE"
        );
        assert_eq!(recording.take(), "");
        uow.rollback();
        Ok(())
    })
    .unwrap();
}

/// A query was refused, and whoever asked went on.
#[test]
fn a_savepoint_in_an_aborted_transaction_undoes_all_of_it() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.fail_after(0, Fault::Refused);
    uow.find::<Node>(7).unwrap_err();
    recording.take();
    uow.savepoint(|uow| {
        uow.find::<Node>(8).unwrap_err();
        insert(uow, "Bob")
    })
    .unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    SAVEPOINT onetrip_1
    ROLLBACK
    "#);
    assert_eq!(uow[ada].id, None, "what was flushed is new again");
    assert_eq!(uow.commit().unwrap().rows(), 1);
}

#[test]
fn a_link_that_is_lost_in_a_savepoint_leaves_what_is_outside_to_be_written_again() {
    for nested in [false, true] {
        for round_trips in [0, 1] {
            let (mut uow, recording) = record(RowByRow);
            let ada = uow.add(user("Ada"));
            uow.flush().unwrap();
            recording.fail_after(round_trips, Fault::Lost);
            let mut bob = None;
            let mut work = |uow: &mut UnitOfWork<'_>| -> Result<(), Error> {
                bob = Some(uow.add(user("Bob")));
                Ok(())
            };
            let error = uow.savepoint(|uow| if nested { uow.savepoint(work) } else { work(uow) });
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Connection);
            assert_eq!(uow[ada].id, None, "it is new again");
            assert!(uow.get(bob.unwrap()).is_err());
            uow.reconnect(Recording::default());
            assert_eq!(uow.commit().unwrap().rows(), 1);
            assert!(uow[ada].id.is_some());
        }
    }
}

/// The work goes on after an error, as if its flush had not failed.
#[test]
fn an_error_that_is_swallowed_in_an_aborted_transaction_comes_back() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.fail_after(0, Fault::Refused);
    uow.find::<Node>(7).unwrap_err();
    uow.savepoint(|uow| {
        uow.savepoint(|uow| insert(uow, "Bob")).unwrap_err();
        insert(uow, "Cid")?;
        uow.flush().unwrap_err();
        uow.flush().unwrap_err();
        Ok::<_, Error>(())
    })
    .unwrap_err();
    assert_eq!((uow.len(), uow[ada].id), (1, None));
    assert_eq!(uow.commit().unwrap().rows(), 1);
}

/// What the query has aborted can go back to the outer savepoint.
#[test]
fn a_savepoint_that_is_set_heals_what_was_aborted_in_it() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    uow.savepoint(|uow| {
        uow.add(user("Bob"));
        uow.flush()?;
        recording.fail_after(0, Fault::Refused);
        uow.find::<Node>(7).unwrap_err();
        recording.take();
        uow.savepoint(|uow| insert(uow, "Cid"))
    })
    .unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_2
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    "#);
    assert_eq!(uow[ada].id, Some(1), "it is flushed still");
    assert_eq!(uow.commit().unwrap().rows(), 0);
    assert_eq!(uow.len(), 1);
}

#[test]
fn a_release_that_is_refused_is_undone_with_the_savepoint() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    uow.savepoint(|uow| {
        insert(uow, "Bob")?;
        uow.flush()?;
        insert(uow, "Cid")?;
        // SAVEPOINT and INSERT go well.
        recording.fail_after(2, Fault::Refused);
        uow.flush().map(drop)
    })
    .unwrap_err();
    assert_eq!((uow.len(), uow[ada].id), (1, Some(1)));
    assert_eq!(uow.commit().unwrap().rows(), 0);
}
