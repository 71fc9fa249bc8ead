//! The statements that change and delete, to the letter.

use insta::assert_snapshot;

use super::*;
use crate::error::Error;
use crate::flush::Flush;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};
use crate::handle::Handle;
use crate::insert_strategy::InsertStrategy;

/// Two users, their addresses and two notes, which the database has.
struct Stored {
    users: [Handle<User>; 2],
    addresses: [Handle<Address>; 2],
    notes: [Handle<Note>; 2],
}

fn stored() -> (UnitOfWork<'static>, Recording, Stored) {
    let (mut uow, recording) = record(Batch);
    let users = ["Ada", "Bob"].map(|name| uow.add(user(name)));
    let addresses = users.map(|of| uow.add(address("home", of)));
    let notes = [1, 2].map(|n| uow.add(Note { id: None, text: None, score: Some(n) }));
    uow.commit().unwrap();
    recording.take();
    (uow, recording, Stored { users, addresses, notes })
}

/// What a commit sends. The recording has no answer to it.
fn changed(strategy: impl Into<Strategy>, change: impl Fn(&mut UnitOfWork<'_>, &Stored)) -> String {
    let (uow, recording, stored) = stored();
    let mut uow = uow.with_strategy(knowing(strategy));
    change(&mut uow, &stored);
    let _ = uow.commit();
    // Whatever follows comes of the missing answer.
    recording.take().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn an_update_of_one_column() {
    let sql = changed(OneTrip, |uow, stored| {
        for user in stored.users {
            uow[user].name.push('!');
        }
    });
    assert_snapshot!(sql, @r#"WITH k AS MATERIALIZED (SELECT true AS k0 WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= $1), l AS MATERIALIZED (SELECT (SELECT count(*) FROM (SELECT unnest($2) AS v0 FROM k) AS r, LATERAL (SELECT FROM "users" AS t WHERE t."id" = r.v0 FOR NO KEY UPDATE) AS l) AS done FROM k), u0 AS (UPDATE "users" AS t SET "name" = r.v0 FROM (SELECT unnest($3) AS v0, unnest($4) AS v1, unnest($5) AS v2 FROM k, l WHERE l.done >= 0) AS r WHERE t."id" = r.v1 RETURNING r.v2 AS n) SELECT (CASE WHEN (SELECT count(*) FROM u0) <> $6 THEN 'onetrip check u0 ' || ($6 - (SELECT count(*) FROM u0)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $6) AS s EXCEPT SELECT n FROM u0 ORDER BY 1 LIMIT 100), ' ') END)::int4 FROM k -- 1000041 µs interval, int4[], text[], int4[], int4[], 2 int4"#);
}

#[test]
fn a_delete() {
    let sql = changed(OneTrip, |uow, stored| {
        uow.delete(stored.notes[0]).unwrap();
    });
    assert_snapshot!(sql, @r#"WITH k AS MATERIALIZED (SELECT true AS k0 WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= $1), d0 AS (DELETE FROM "notes" AS t USING (SELECT unnest($2) AS v0, unnest($3) AS v1 FROM k) AS r WHERE t."id" = r.v0 RETURNING r.v1 AS n) SELECT (CASE WHEN (SELECT count(*) FROM d0) <> $4 THEN 'onetrip check d0 ' || ($4 - (SELECT count(*) FROM d0)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $4) AS s EXCEPT SELECT n FROM d0 ORDER BY 1 LIMIT 100), ' ') END)::int4 FROM k -- 1000019 µs interval, int4[], int4[], 1 int4"#);
}

#[test]
fn a_default_is_taken_and_read_back() {
    let sql = changed(OneTrip, |uow, stored| {
        uow[stored.notes[1]].score = None;
    });
    assert_snapshot!(sql, @r#"WITH k AS MATERIALIZED (SELECT true AS k0 WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= $1), u0 AS (UPDATE "notes" AS t SET "score" = DEFAULT FROM (SELECT unnest($2) AS v0, unnest($3) AS v1 FROM k) AS r WHERE t."id" = r.v0 RETURNING r.v1 AS n, COALESCE(NULL::"int4", t."score") AS r0) SELECT (CASE WHEN (SELECT count(*) FROM u0) <> $4 THEN 'onetrip check u0 ' || ($4 - (SELECT count(*) FROM u0)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $4) AS s EXCEPT SELECT n FROM u0 ORDER BY 1 LIMIT 100), ' ') END)::int4, ARRAY(SELECT n FROM u0), ARRAY(SELECT r0 FROM u0) FROM k -- 1000019 µs interval, int4[], int4[], 1 int4"#);
}

#[test]
fn deletes_come_before_updates_and_those_before_inserts() {
    let sql = changed(OneTrip, |uow, stored| {
        let cid = uow.add(user("Cid"));
        uow[stored.addresses[0]].user_id = cid.into();
        uow.delete(stored.addresses[1]).unwrap();
        uow.delete(stored.users[1]).unwrap();
    });
    assert_snapshot!(sql, @r#"WITH k AS MATERIALIZED (SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g ORDER BY 1) AS k0 WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= $2 AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = ANY ($4::regclass[]) AND t.tgfoid IN (1646, 1650, 1652) AND t.oid <> ALL ($3)) AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ($5::regclass[]) AND (c.relkind <> 'r' OR c.relispartition OR c.relhassubclass) AND c.oid <> ALL ($3))), l AS MATERIALIZED (SELECT (SELECT count(*) FROM (SELECT unnest($6) AS v0 FROM k) AS r, LATERAL (SELECT FROM "addresses" AS t WHERE t."id" = r.v0 FOR UPDATE) AS l) + (SELECT count(*) FROM (SELECT unnest($7) AS v0 FROM k) AS r, LATERAL (SELECT FROM "users" AS t WHERE t."id" = r.v0 FOR UPDATE) AS l) AS done FROM k), d0 AS (DELETE FROM "addresses" AS t USING (SELECT unnest($8) AS v0, unnest($9) AS v1 FROM k, l WHERE l.done >= 0) AS r WHERE t."id" = r.v0 RETURNING r.v1 AS n), d1 AS (DELETE FROM "users" AS t USING (SELECT unnest($11) AS v0, unnest($12) AS v1 FROM k, l WHERE l.done >= 0) AS r WHERE t."id" = r.v0 RETURNING r.v1 AS n), b0 AS MATERIALIZED (SELECT (SELECT count(*) FROM d0) + (SELECT count(*) FROM d1) AS done FROM k, l WHERE l.done >= 0), i0 AS (INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE SELECT unnest(k0), unnest($14) FROM k, b0 WHERE b0.done >= 0 RETURNING COALESCE(NULL::"int4", "id") AS r0), b1 AS MATERIALIZED (SELECT (SELECT count(*) FROM i0) AS done FROM k, b0 WHERE b0.done >= 0), u0 AS (UPDATE "addresses" AS t SET "user_id" = r.v0 FROM (SELECT k0[unnest($15)] AS v0, unnest($16) AS v1, unnest($17) AS v2 FROM k, b1 WHERE b1.done >= 0) AS r WHERE t."id" = r.v1 RETURNING r.v2 AS n) SELECT (CASE WHEN (SELECT count(*) FROM d0) <> $10 THEN 'onetrip check d0 ' || ($10 - (SELECT count(*) FROM d0)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $10) AS s EXCEPT SELECT n FROM d0 ORDER BY 1 LIMIT 100), ' ') WHEN (SELECT count(*) FROM d1) <> $13 THEN 'onetrip check d1 ' || ($13 - (SELECT count(*) FROM d1)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $13) AS s EXCEPT SELECT n FROM d1 ORDER BY 1 LIMIT 100), ' ') WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN 'onetrip check i0' WHEN (SELECT count(*) FROM u0) <> $18 THEN 'onetrip check u0 ' || ($18 - (SELECT count(*) FROM u0)) || ' ' || array_to_string(ARRAY(SELECT s FROM generate_series(1, $18) AS s EXCEPT SELECT n FROM u0 ORDER BY 1 LIMIT 100), ' ') WHEN k0 && $19 THEN 'onetrip check k0' END)::int4, k0 FROM k -- 1 int4, 1005112 µs interval, oid[], text[], text[], int4[], int4[], int4[], int4[], 1 int4, int4[], int4[], 1 int4, text[], int4[], int4[], int4[], 1 int4, int4[]"#);
}

#[test]
fn a_plan_of_changes_around_inserts() {
    let (mut uow, _, stored) = stored();
    let cid = uow.add(user("Cid"));
    uow[stored.addresses[0]].user_id = cid.into();
    uow[stored.users[0]].name.push('!');
    uow.delete(stored.addresses[1]).unwrap();
    uow.delete(stored.users[1]).unwrap();
    uow.delete(stored.notes[0]).unwrap();
    let plan = uow.plan().unwrap();
    assert_snapshot!(plan, @"
    batch: 1 row, 2 to update, 3 to delete, 7 bytes, 11 round trips
      1 × look at the tables' constraints
      1 × BEGIN
      1 × lock 5 rows
      1 × delete 1 row from notes
      1 × delete 1 row from addresses
      1 × delete 1 row from users
      1 × update name of 1 row in users
      1 × reserve keys: 1 for users.id
      1 × insert 1 row into users
      1 × update user_id of 1 row in addresses
      1 × COMMIT
    ");
    assert_eq!(format!("{plan:#}"), format!("{}{plan}", plan.flush_plan()));
    assert_snapshot!(plan.flush_plan(), @"
    1. notes: delete 1 row
    2. addresses: delete 1 row
    3. users: delete 1 row
    4. users: update name of 1 row
    5. users: 1 row
    6. addresses: update user_id of 1 row
    ");
    let uow = uow.with_strategy(OneTrip);
    assert_snapshot!(uow.plan().unwrap(), @"
    one_trip: 1 row, 2 to update, 3 to delete, 7 bytes, 1 round trip
      1 × delete 1 row from notes; delete 1 row from addresses; delete 1 row from users; update name of 1 row in users; update user_id of 1 row in addresses; insert 1 row into users
    ");
}

#[test]
fn a_row_that_another_leaves_late_is_deleted_late() {
    let (mut uow, _, stored) = stored();
    let cid = uow.add(user("Cid"));
    uow[stored.addresses[0]].user_id = cid.into();
    uow.delete(stored.users[0]).unwrap();
    assert_snapshot!(uow.plan().unwrap(), @"
    batch: 1 row, 1 to update, 1 to delete, 3 bytes, 8 round trips
      1 × look at the tables' constraints
      1 × BEGIN
      1 × lock 2 rows
      1 × reserve keys: 1 for users.id
      1 × insert 1 row into users
      1 × update user_id of 1 row in addresses
      1 × delete 1 row from users
      1 × COMMIT
    ");
}

#[test]
fn a_value_that_is_given_up_late_and_taken_before_is_one_statement() {
    let (mut uow, _, stored) = stored();
    let name = uow[stored.users[0]].name.clone();
    let new = uow.add(user(&name));
    uow[stored.addresses[0]].user_id = new.into();
    uow.delete(stored.users[0]).unwrap();
    assert_snapshot!(uow.plan().unwrap(), @"
    batch: 1 row, 1 to update, 1 to delete, 3 bytes, 8 round trips
      1 × look at the tables' constraints
      1 × BEGIN
      1 × lock 2 rows
      1 × reserve keys: 1 for users.id
      1 × insert 1 row into users
      1 × update user_id of 1 row in addresses
      1 × delete 1 row from users
      1 × COMMIT
    ");
    // Whoever writes otherwise than this crate's strategies is not replaced.
    let uow = uow.with_strategy(Idle);
    assert_snapshot!(uow.plan().unwrap(), @"
    idle: 1 row, 1 to update, 1 to delete, 3 bytes, 6 round trips
      1 × look at the tables' constraints
      1 × BEGIN
      1 × lock 2 rows
      1 × update user_id of 1 row in addresses
      1 × delete 1 row from users
      1 × COMMIT
    ");
}

/// Writes nothing.
struct Idle;

impl InsertStrategy for Idle {
    fn name(&self) -> &str {
        "idle"
    }

    fn cycles(&self) -> Cycles {
        Cycles::Any
    }

    fn plan(&self, _: &Inserts<'_>) -> Vec<PlannedStatement> {
        Vec::new()
    }

    fn insert(&self, _: &mut Flush<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
