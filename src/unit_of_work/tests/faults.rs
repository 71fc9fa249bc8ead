//! Every step fails in turn, and the entities are as they were.

use std::panic::{AssertUnwindSafe, catch_unwind};

use insta::assert_snapshot;

use super::*;
use crate::connection::recording::Fault;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};
use crate::handle::Handle;
use crate::insert_strategy::InsertStrategy;

struct Family {
    users: Vec<Handle<User>>,
    addresses: Vec<Handle<Address>>,
    notes: Vec<Handle<Note>>,
}

impl Family {
    fn add(uow: &mut UnitOfWork<'_>) -> Family {
        let users: Vec<_> = ["Ada", "Bob"].map(|name| uow.add(user(name))).into();
        let addresses = users.iter().map(|&owner| uow.add(address("home", owner))).collect();
        let notes =
            [Some(500), None].map(|id| uow.add(Note { id, text: None, score: None })).into();
        Family { users, addresses, notes }
    }

    /// All entities as they are.
    fn look(&self, uow: &UnitOfWork<'_>) -> String {
        let users: Vec<_> = self.users.iter().map(|&user| &uow[user]).collect();
        let addresses: Vec<_> = self.addresses.iter().map(|&address| &uow[address]).collect();
        let notes: Vec<_> = self.notes.iter().map(|&note| &uow[note]).collect();
        format!("{users:?} {addresses:?} {notes:?}")
    }

    fn assert_written(&self, uow: &UnitOfWork<'_>) {
        for (&user, &address) in self.users.iter().zip(&self.addresses) {
            let id = uow[user].id.expect("assigned");
            assert_eq!(uow[address].user_id, ForeignKey::Key(id));
            assert!(uow[address].id.is_some());
        }
        for &note in &self.notes {
            assert!(uow[note].id.is_some() && uow[note].score.is_some());
        }
        assert_eq!(uow[self.notes[0]].id, Some(500));
    }
}

/// Whether the unit of work is inside a transaction of the caller's.
fn recorded(strategy: Strategy, nested: bool) -> (UnitOfWork<'static>, Recording) {
    if nested { record_nested(strategy) } else { record(strategy) }
}

/// Runs `test` for every strategy, with and without a transaction of the caller's, and for every
/// step of a commit of a [`Family`]; `first_flush` is what was flushed before.
fn each_step(
    first_flush: bool,
    test: impl Fn(UnitOfWork<'static>, Recording, Family, usize, bool, bool),
) {
    for nested in [false, true] {
        for index in 0..strategies().len() {
            let mut step = 0;
            loop {
                let strategy = strategies().into_iter().nth(index).unwrap();
                let (mut uow, recording) = recorded(strategy, nested);
                if first_flush {
                    uow.add(user("flushed"));
                    uow.flush().unwrap();
                }
                let family = Family::add(&mut uow);
                let steps = uow.plan().unwrap().round_trips();
                if step == steps {
                    break;
                }
                recording.take();
                test(uow, recording, family, step, step + 1 == steps, nested);
                step += 1;
            }
        }
    }
}

#[test]
fn each_step_is_refused_in_turn() {
    each_step(false, |mut uow, recording, family, step, _, nested| {
        let before = family.look(&uow);
        recording.fail_after(step, Fault::Refused);
        let error = uow.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Database);
        assert_eq!(family.look(&uow), before, "step {step}:\n{}", recording.take());
        assert!(uow.resolve_unknown(true).is_err(), "the outcome is known");
        if nested && step == 0 {
            return; // no savepoint, so it is the caller's transaction that is aborted
        }

        // The connection refuses everything if the transaction was not ended.
        let report = uow.commit().unwrap_or_else(|error| {
            panic!("after step {step} was refused: {error}\n{}", recording.take());
        });
        assert_eq!(report.rows(), 6);
        family.assert_written(&uow);
    });
}

#[test]
fn the_link_is_lost_at_each_step_in_turn() {
    each_step(false, |mut uow, recording, family, step, is_commit, nested| {
        let before = family.look(&uow);
        recording.fail_after(step, Fault::Lost);
        let error = uow.commit().unwrap_err();
        assert_eq!(family.look(&uow), before, "step {step}:\n{}", recording.take());
        recording.take();
        // Inside the caller's transaction nothing is committed yet, so there is no doubt.
        let unknown = is_commit && !nested;
        let kind = if unknown { ErrorKind::UnknownOutcome } else { ErrorKind::Connection };
        assert_eq!(error.kind(), kind, "step {step}: {error}");
        for again in [uow.commit(), uow.flush()] {
            let again = again.unwrap_err();
            assert_eq!(again.kind(), kind, "{again}");
            assert!(again.hint().is_some(), "{again}");
        }
        assert_eq!(recording.take(), "", "there is nobody to send it to");
        assert_eq!(family.look(&uow), before);

        uow.reconnect(Recording::default());
        if unknown {
            let error = uow.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "a new link tells nothing");
            uow.resolve_unknown(false).unwrap();
            assert_eq!(family.look(&uow), before);
        }
        assert_eq!(uow.commit().unwrap().rows(), 6);
        family.assert_written(&uow);
    });
}

#[test]
fn each_step_after_a_flush_is_refused_in_turn() {
    each_step(true, |mut uow, recording, family, step, is_commit, _| {
        let before = family.look(&uow);
        recording.fail_after(step, Fault::Refused);
        let error = uow.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Database);
        assert_eq!(family.look(&uow), before, "step {step}:\n{}", recording.take());

        let report = uow.commit().unwrap_or_else(|error| {
            panic!("after step {step} was refused: {error}\n{}", recording.take());
        });
        // A refused COMMIT has undone the first flush too.
        if is_commit {
            assert_eq!(report.rows(), 7);
        }
        family.assert_written(&uow);
    });
}

#[test]
fn the_link_is_lost_at_each_step_after_a_flush() {
    each_step(true, |mut uow, recording, family, step, is_commit, nested| {
        let before = family.look(&uow);
        recording.fail_after(step, Fault::Lost);
        let error = uow.commit().unwrap_err();
        assert_eq!(family.look(&uow), before, "step {step}:\n{}", recording.take());
        let unknown = is_commit && !nested;
        let kind = if unknown { ErrorKind::UnknownOutcome } else { ErrorKind::Connection };
        assert_eq!(error.kind(), kind, "step {step}: {error}");
        uow.reconnect(Recording::default());
        if unknown {
            uow.resolve_unknown(false).unwrap();
        }
        assert_eq!(uow.commit().unwrap().rows(), 7, "what was flushed went with the link");
        family.assert_written(&uow);
    });
}

#[test]
fn each_step_of_a_flush_fails_in_turn() {
    for fault in [Fault::Refused, Fault::Lost] {
        each_step(false, |mut uow, recording, family, step, is_commit, nested| {
            if is_commit || nested && step == 0 {
                return; // a flush ends before the one, and nothing goes on after the other
            }
            let before = family.look(&uow);
            recording.fail_after(step, fault);
            uow.flush().unwrap_err();
            assert_eq!(family.look(&uow), before);
            if fault == Fault::Lost {
                uow.reconnect(Recording::default());
            }
            uow.flush().unwrap_or_else(|error| panic!("after step {step}: {error}"));
            family.assert_written(&uow);
            uow.commit().unwrap();
        });
    }
}

#[test]
fn a_refused_statement_is_followed_by_rollback() {
    let (mut uow, recording) = record(RowByRow);
    Family::add(&mut uow);
    recording.fail_after(3, Fault::Refused);
    let error = uow.commit().unwrap_err();
    assert_eq!(error.table(), Some("addresses"), "the statement's table is known");
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'home' text, 1 int4
    ROLLBACK
    "#);
}

#[test]
fn a_refused_commit_is_followed_by_rollback() {
    let (mut uow, recording) = record(Batch);
    let ada = uow.add(user("Ada"));
    recording.fail_after(3, Fault::Refused);
    uow.commit().unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g) -- 1 int4
    INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4, 'Ada' text
    SELECT 1; COMMIT
    ROLLBACK
    "#);
    assert_eq!(uow[ada].id, None);
}

#[test]
fn a_rollback_that_fails_leaves_a_connection_that_is_not_used_again() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    recording.fail_after(0, Fault::Refused);
    uow.rollback();
    assert!(uow.get(ada).is_err());
    assert_eq!(recording.take(), "ROLLBACK");
    let bob = uow.add(user("Bob"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(recording.take(), "");
    uow.reconnect(Recording::default());
    uow.commit().unwrap();
    assert!(uow[bob].id.is_some());
}

#[test]
fn a_link_that_is_found_lost_before_commit_leaves_no_doubt() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    recording.take();
    recording.close();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(recording.take(), "");
    assert_eq!(uow[ada].id, None, "new again");
    uow.reconnect(Recording::default());
    uow.commit().unwrap();
    assert!(uow[ada].id.is_some());
}

/// A commit whose outcome is unknown.
fn outcome_unknown(strategy: Strategy) -> (UnitOfWork<'static>, Family) {
    let (mut uow, recording) = record(strategy);
    let family = Family::add(&mut uow);
    recording.fail_after(uow.plan().unwrap().round_trips() - 1, Fault::Lost);
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(!error.is_retryable());
    (uow, family)
}

#[test]
fn an_unknown_outcome_that_was_a_commit() {
    for strategy in strategies() {
        let (mut uow, family) = outcome_unknown(strategy);
        assert_eq!(uow.plan().unwrap_err().kind(), ErrorKind::UnknownOutcome);
        uow.resolve_unknown(true).unwrap();
        family.assert_written(&uow);
        assert_eq!(uow.find::<Note>(500).unwrap(), Some(family.notes[0]));
        let error = uow.resolve_unknown(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transaction, "there is no doubt any more");

        let recording = Recording::default();
        uow.reconnect(recording.clone());
        assert_eq!(uow.commit().unwrap().rows(), 0);
        assert_eq!(recording.take(), "");
        // Rows of the database survive a rollback.
        uow.rollback();
        family.assert_written(&uow);
    }
}

#[test]
fn an_unknown_outcome_that_was_no_commit() {
    for strategy in strategies() {
        let (mut uow, family) = outcome_unknown(strategy);
        uow.resolve_unknown(false).unwrap();
        assert_eq!(uow[family.users[0]].id, None);
        assert_eq!(uow[family.addresses[0]].user_id, ForeignKey::Pending(family.users[0]));
        uow.reconnect(Recording::default());
        assert_eq!(uow.commit().unwrap().rows(), 6);
        family.assert_written(&uow);
    }
}

#[test]
fn an_unknown_outcome_that_the_caller_gives_up_on() {
    for strategy in strategies() {
        let (mut uow, family) = outcome_unknown(strategy);
        uow.rollback();
        assert!(uow.get(family.users[0]).is_err());
        uow.reconnect(Recording::default());
        assert_eq!(uow.commit().unwrap().rows(), 0);
    }
}

#[test]
fn what_is_added_while_the_outcome_is_unknown_is_still_new() {
    for strategy in strategies() {
        let (mut uow, family) = outcome_unknown(strategy);
        let late = uow.add(user("late"));
        let later = uow.add(address("late", late));
        uow.resolve_unknown(true).unwrap();
        family.assert_written(&uow);
        assert_eq!(uow[late].id, None);

        uow.reconnect(Recording::default());
        assert_eq!(uow.commit().unwrap().rows(), 2);
        let id = uow[late].id.expect("written by the second commit");
        assert_eq!(uow[later].user_id, ForeignKey::Key(id));
    }
}

#[test]
fn what_is_changed_while_the_outcome_is_unknown_is_not_lost() {
    let (mut uow, family) = outcome_unknown(Batch.into());
    uow[family.users[0]].name = "Ada Lovelace".into();
    uow.resolve_unknown(true).unwrap();
    assert_eq!(uow[family.users[0]].name, "Ada Lovelace");
    // The row that was committed has the old name, so the entity differs from it.
    let recording = Recording::default();
    uow.reconnect(recording.clone());
    let _ = uow.commit();
    assert!(recording.take().contains(r#"UPDATE "users" AS t SET "name" = r.v0"#));
}

#[test]
fn a_reference_that_is_changed_while_the_outcome_is_unknown_is_not_lost() {
    let (mut uow, family) = outcome_unknown(Batch.into());
    let (ada, bob) = (family.users[0], family.users[1]);
    let address = family.addresses[0];
    assert_eq!(uow[address].user_id, ada.into());
    uow[address].user_id = bob.into();
    uow[family.notes[1]].score = Some(99);
    uow.resolve_unknown(true).unwrap();
    let id = uow[bob].id.expect("it was written");
    let user_id = &uow[address].user_id;
    assert!(*user_id == ForeignKey::Key(id) || *user_id == bob.into(), "{user_id:?}");
    assert_eq!(uow[family.notes[1]].score, Some(99));
    // The rows that were committed are others.
    let recording = Recording::default();
    uow.reconnect(recording.clone());
    let _ = uow.commit();
    let sent = recording.take();
    assert!(sent.contains(r#"UPDATE "addresses" AS t SET "user_id" = r.v0 FROM"#), "{sent}");
    assert!(sent.contains(r#"UPDATE "notes" AS t SET "score" = r.v0 FROM"#), "{sent}");
}

#[test]
fn a_change_after_a_flush_survives_the_loss_of_the_flush() {
    let (mut uow, recording) = record(Batch);
    let family = Family::add(&mut uow);
    uow.flush().unwrap();
    let (address, note) = (family.addresses[0], family.notes[1]);
    uow[address].user_id = family.users[1].into();
    uow[address].email = "changed".into();
    uow[family.addresses[1]].user_id = ForeignKey::Key(77);
    uow[note].score = Some(99);
    recording.close();
    uow.reconnect(Recording::default());
    assert_eq!(uow[address].email, "changed");
    assert_eq!(uow[note].score, Some(99));
    assert_eq!(uow[address].user_id, family.users[1].into());
    assert_eq!(uow[family.addresses[1]].user_id, ForeignKey::Key(77));
    assert_eq!(uow.commit().unwrap().rows(), 6, "all of it is new again");
    assert_eq!(uow[address].user_id.key(), uow[family.users[1]].id.as_ref());
}

/// Writes everything, then panics.
struct Panics;

impl InsertStrategy for Panics {
    fn name(&self) -> &str {
        "panics"
    }

    fn cycles(&self) -> Cycles {
        Cycles::None
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        RowByRow.plan(inserts)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        RowByRow.insert(flush)?;
        panic!("a bug")
    }
}

#[test]
fn a_panic_is_followed_by_rollback() {
    let (mut uow, recording) = record(Panics);
    let ada = uow.add(user("Ada"));
    catch_unwind(AssertUnwindSafe(|| uow.commit())).unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    ROLLBACK
    "#);
    assert_eq!(uow[ada].id, None);
    uow = uow.with_strategy(RowByRow);
    uow.flush().unwrap();
    let bob = uow.add(user("Bob"));
    recording.take();
    uow = uow.with_strategy(Panics);
    catch_unwind(AssertUnwindSafe(|| uow.commit())).unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip_1
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    ROLLBACK TO SAVEPOINT onetrip_1; RELEASE SAVEPOINT onetrip_1
    "#);
    assert_eq!(uow[bob].id, None);
    assert!(uow[ada].id.is_some(), "the flush before is untouched");
    uow = uow.with_strategy(RowByRow);
    assert_eq!(uow.commit().unwrap().rows(), 1);
}
