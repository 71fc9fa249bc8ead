//! The statements of the strategies, one round trip a line.

use insta::assert_snapshot;

use super::*;
use crate::resolution::Upsert;
use crate::sql::Rows;

fn family(uow: &mut UnitOfWork<'_>) {
    let ada = uow.add(user("Ada"));
    uow.add(address("home", ada));
    uow.add(address("work", ada));
    let bob = uow.add(user("Bob"));
    uow.add(address("bob", bob));
    uow.add(address("known", ForeignKey::Key(77)));
}

#[test]
fn users_and_addresses_row_by_row() {
    assert_snapshot!(sent(RowByRow, family), @r#"
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Ada' text
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'Bob' text
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'home' text, 1 int4
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'work' text, 1 int4
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'bob' text, 2 int4
    INSERT INTO "addresses" ("email", "user_id") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'known' text, 77 int4
    "#);
}

#[test]
fn users_and_addresses_in_a_batch() {
    assert_snapshot!(sent(Batch, family), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g), ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"addresses"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $2)) AS g) -- 2 int4, 4 int4
    INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE VALUES ($1, $2), ($3, $4) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4, 'Ada' text, 2 int4, 'Bob' text
    INSERT INTO "addresses" ("id", "email", "user_id") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3), ($4, $5, $6), ($7, $8, $9), ($10, $11, $12) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 3 int4, 'home' text, 1 int4, 4 int4, 'work' text, 1 int4, 5 int4, 'bob' text, 2 int4, 6 int4, 'known' text, 77 int4
    "#);
}

fn given_keys_and_defaults(uow: &mut UnitOfWork<'_>) {
    uow.add(Note { id: None, text: None, score: None });
    uow.add(Note { id: Some(500), text: Some("given".into()), score: Some(9) });
    uow.add(Note { id: None, text: None, score: Some(8) });
}

#[test]
fn given_keys_and_defaults_row_by_row() {
    assert_snapshot!(sent(RowByRow, given_keys_and_defaults), @r#"
    INSERT INTO "notes" ("text") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id", COALESCE(NULL::"int4", "score") AS "score" -- NULL text
    INSERT INTO "notes" ("id", "text", "score") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 500 int4, 'given' text, 9 int4
    INSERT INTO "notes" ("text", "score") VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- NULL text, 8 int4
    "#);
}

#[test]
fn given_keys_and_defaults_in_a_batch() {
    assert_snapshot!(sent(Batch, given_keys_and_defaults), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"notes"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g) -- 2 int4
    INSERT INTO "notes" ("id", "text", "score") OVERRIDING SYSTEM VALUE VALUES ($1, $2, DEFAULT), ($3, $4, $5), ($6, $7, $8) RETURNING COALESCE(NULL::"int4", "id") AS "id", COALESCE(NULL::"int4", "score") AS "score" -- 1 int4, NULL text, 500 int4, 'given' text, 9 int4, 2 int4, NULL text, 8 int4
    "#);
}

#[test]
fn keys_that_are_all_given_are_not_reserved() {
    let fill = |uow: &mut UnitOfWork<'_>| {
        uow.add(User { id: Some(5), name: "Ada".into() });
        uow.add(User { id: Some(6), name: "Bob".into() });
    };
    assert_snapshot!(sent(Batch, fill), @r#"INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE VALUES ($1, $2), ($3, $4) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 5 int4, 'Ada' text, 6 int4, 'Bob' text"#);
}

#[test]
fn a_default_that_every_row_takes_is_left_out() {
    let fill = |uow: &mut UnitOfWork<'_>| {
        for _ in 0..2 {
            uow.add(Note { id: None, text: None, score: None });
        }
    };
    assert_snapshot!(sent(Batch, fill), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"notes"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g) -- 2 int4
    INSERT INTO "notes" ("id", "text") OVERRIDING SYSTEM VALUE VALUES ($1, $2), ($3, $4) RETURNING COALESCE(NULL::"int4", "id") AS "id", COALESCE(NULL::"int4", "score") AS "score" -- 1 int4, NULL text, 2 int4, NULL text
    "#);
}

fn composite_keys(uow: &mut UnitOfWork<'_>) {
    let order = uow.add(user("order"));
    let line = |number| Line { order_id: order.into(), number, product: "tea".into() };
    let tea = uow.add(line(1));
    let milk = uow.add(line(2));
    uow.add(Shipment { id: None, line: tea.into(), returned: None });
    uow.add(Shipment { id: None, line: ForeignKey::Key((7, 8)), returned: milk.into() });
}

#[test]
fn composite_keys_row_by_row() {
    assert_snapshot!(sent(RowByRow, composite_keys), @r#"
    INSERT INTO "users" ("name") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 'order' text
    INSERT INTO "lines" ("order_id", "number", "product") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3) RETURNING COALESCE(NULL::"int4", "order_id") AS "order_id", COALESCE(NULL::"int2", "number") AS "number" -- 1 int4, 1 int2, 'tea' text
    INSERT INTO "lines" ("order_id", "number", "product") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3) RETURNING COALESCE(NULL::"int4", "order_id") AS "order_id", COALESCE(NULL::"int2", "number") AS "number" -- 1 int4, 2 int2, 'tea' text
    INSERT INTO "shipments" ("order_id", "number", "returned_order_id", "returned_number") VALUES ($1, $2, $3, $4) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4, 1 int2, NULL int4, NULL int2
    INSERT INTO "shipments" ("order_id", "number", "returned_order_id", "returned_number") VALUES ($1, $2, $3, $4) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 7 int4, 8 int2, 1 int4, 2 int2
    "#);
}

#[test]
fn composite_keys_in_a_batch() {
    assert_snapshot!(sent(Batch, composite_keys), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g), ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"shipments"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $2)) AS g) -- 1 int4, 2 int4
    INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4, 'order' text
    INSERT INTO "lines" ("order_id", "number", "product") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3), ($4, $5, $6) RETURNING COALESCE(NULL::"int4", "order_id") AS "order_id", COALESCE(NULL::"int2", "number") AS "number" -- 1 int4, 1 int2, 'tea' text, 1 int4, 2 int2, 'tea' text
    INSERT INTO "shipments" ("id", "order_id", "number", "returned_order_id", "returned_number") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 2 int4, 1 int4, 1 int2, NULL int4, NULL int2, 3 int4, 7 int4, 8 int2, 1 int4, 2 int2
    "#);
}

fn types_of_ones_own(uow: &mut UnitOfWork<'_>) {
    let ada = uow.add(Person { email: "ada".into(), mood: Some("happy".into()), friend: None });
    uow.add(Person { email: "bob".into(), mood: Some("sad".into()), friend: ada.into() });
}

#[test]
fn values_are_cast_to_types_of_ones_own_row_by_row() {
    assert_snapshot!(sent(RowByRow, types_of_ones_own), @r#"
    INSERT INTO "people" ("email", "mood", "friend") VALUES ($1::"citext", $2::"my types"."Mood", $3::"citext") RETURNING "email"::"text" -- 'ada' text, 'happy' text, NULL text
    INSERT INTO "people" ("email", "mood", "friend") VALUES ($1::"citext", $2::"my types"."Mood", $3::"citext") RETURNING "email"::"text" -- 'bob' text, 'sad' text, 'ada' text
    "#);
}

#[test]
fn values_are_cast_to_types_of_ones_own_in_a_batch() {
    assert_snapshot!(sent(Batch, types_of_ones_own), @r#"INSERT INTO "people" ("email", "mood", "friend") VALUES ($1::"citext", $2::"my types"."Mood", $3::"citext"), ($4::"citext", $5::"my types"."Mood", $6::"citext") RETURNING "email"::"text" -- 'ada' text, 'happy' text, NULL text, 'bob' text, 'sad' text, 'ada' text"#);
}

#[test]
fn what_is_read_back_is_cast_to_what_it_is_read_as() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(Person { email: "ada".into(), mood: None, friend: None });
    let returned = vec![Some(b"ada".to_vec()), Some(b"happy".to_vec())];
    recording.answer(Ok(Rows::canned(vec![SqlType::TEXT; 2], vec![returned])));
    uow.commit().unwrap();
    assert_eq!(uow[ada].mood.as_deref(), Some("happy"));
    assert_snapshot!(statements(&recording), @r#"INSERT INTO "people" ("email", "friend") VALUES ($1::"citext", $2::"citext") RETURNING "email"::"text", "mood"::"text" -- 'ada' text, NULL text"#);
}

/// The answer to an insert of one row: its key.
fn key(ty: SqlType, raw: &[u8]) -> Result<Rows, crate::Error> {
    Ok(Rows::canned(vec![ty], vec![vec![Some(raw.to_vec())]]))
}

#[test]
fn names_are_quoted_row_by_row() {
    let (mut uow, recording) = record(RowByRow);
    let odd = uow.add(Odd { id: None, select: 1 });
    uow.add(Odd { id: Some(5), select: 2 });
    uow.add(Owned { id: None });
    recording.answer(key(SqlType::INT8, &4_i64.to_be_bytes()));
    recording.answer(key(SqlType::INT8, &5_i64.to_be_bytes()));
    recording.answer(key(SqlType::INT4, &1_i32.to_be_bytes()));
    uow.commit().unwrap();
    assert_eq!(uow[odd].id, Some(4));
    assert_snapshot!(statements(&recording), @r#"
    INSERT INTO "a.B"."or""der" ("select") VALUES ($1) RETURNING COALESCE(NULL::"int8", "Id $1") AS "Id $1" -- 1 int4
    INSERT INTO "a.B"."or""der" ("Id $1", "select") OVERRIDING SYSTEM VALUE VALUES ($1, $2) RETURNING COALESCE(NULL::"int8", "Id $1") AS "Id $1" -- 5 int8, 2 int4
    INSERT INTO "a.B"."Owned's" ("I d") OVERRIDING SYSTEM VALUE VALUES (DEFAULT) RETURNING COALESCE(NULL::"int4", "I d") AS "I d" --
    "#);
}

#[test]
fn names_are_quoted_in_a_batch() {
    let (mut uow, recording) = record(Batch);
    let odd = uow.add(Odd { id: None, select: 1 });
    let owned = uow.add(Owned { id: None });
    let reserved = |ty: SqlType, key: &[u8]| {
        let len = key.len() as i32;
        let headers = [1, 0, ty.oid() as i32, 1, 1, len].into_iter().flat_map(i32::to_be_bytes);
        Some(headers.chain(key.iter().copied()).collect::<Vec<_>>())
    };
    let four = 4_i64.to_be_bytes();
    let three = 3_i32.to_be_bytes();
    recording.answer(Ok(Rows::canned(
        vec![SqlType::INT8.array(), SqlType::INT4.array()],
        vec![vec![reserved(SqlType::INT8, &four), reserved(SqlType::INT4, &three)]],
    )));
    recording.answer(key(SqlType::INT8, &four));
    recording.answer(key(SqlType::INT4, &three));
    uow.commit().unwrap();
    assert_eq!((uow[odd].id, uow[owned].id), (Some(4), Some(3)));
    assert_snapshot!(statements(&recording), @r#"
    SELECT ARRAY(SELECT nextval(E'"a.B"."it''s \\ ""a"" sequence"'::regclass)::"int8" FROM (SELECT generate_series(1, $1)) AS g), ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"a.B"."Owned''s"', 'I d'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $2)) AS g) -- 1 int4, 1 int4
    INSERT INTO "a.B"."or""der" ("Id $1", "select") OVERRIDING SYSTEM VALUE VALUES ($1, $2) RETURNING COALESCE(NULL::"int8", "Id $1") AS "Id $1" -- 4 int8, 1 int4
    INSERT INTO "a.B"."Owned's" ("I d") OVERRIDING SYSTEM VALUE VALUES ($1) RETURNING COALESCE(NULL::"int4", "I d") AS "I d" -- 3 int4
    "#);
}

fn keys_of_an_expression(uow: &mut UnitOfWork<'_>) {
    uow.add(Token { id: None, label: 1 });
    uow.add(Token { id: Some(uuid::Uuid::from_u128(9)), label: 2 });
}

#[test]
fn keys_of_an_expression_row_by_row() {
    let (mut uow, recording) = record(RowByRow);
    keys_of_an_expression(&mut uow);
    recording.answer(key(SqlType::UUID, &1_u128.to_be_bytes()));
    uow.commit().unwrap();
    assert_snapshot!(statements(&recording), @r#"
    INSERT INTO "tokens" ("label") VALUES ($1) RETURNING COALESCE(NULL::"uuid", "id") AS "id" -- 1 int4
    INSERT INTO "tokens" ("id", "label") VALUES ($1, $2) RETURNING COALESCE(NULL::"uuid", "id") AS "id" -- 9 uuid, 2 int4
    "#);
}

#[test]
fn keys_of_an_expression_in_a_batch() {
    assert_snapshot!(sent(Batch, keys_of_an_expression), @r#"
    SELECT ARRAY(SELECT (gen_random_uuid())::"uuid" FROM (SELECT generate_series(1, $1)) AS g) -- 1 int4
    INSERT INTO "tokens" ("id", "label") VALUES ($1, $2), ($3, $4) RETURNING COALESCE(NULL::"uuid", "id") AS "id" -- 1 uuid, 1 int4, 9 uuid, 2 int4
    "#);
}

#[test]
fn what_comes_back_is_told_apart_by_key() {
    let (mut uow, recording) = record(Batch);
    let notes = [1, 2, 3].map(|id| uow.add(Note { id: Some(id), text: None, score: None }));
    let int = |number: i32| Some(number.to_be_bytes().to_vec());
    let returned = [3, 1, 2].map(|id| vec![int(id), int(10 * id)]);
    recording.answer(Ok(Rows::canned(vec![SqlType::INT4; 2], returned.into())));
    uow.commit().unwrap();
    assert_eq!(notes.map(|note| uow[note].score), [Some(10), Some(20), Some(30)]);
}

/// The third refers to the second and that to the first, added in the other direction.
fn chain(uow: &mut UnitOfWork<'_>) {
    let last = uow.add(node(None));
    let middle = uow.add(node(None));
    let first = uow.add(node(None));
    uow[last].parent = middle.into();
    uow[middle].parent = first.into();
    uow.add(node(Some(ForeignKey::Key(99))));
}

#[test]
fn self_references_row_by_row() {
    assert_snapshot!(sent(RowByRow, chain), @r#"
    INSERT INTO "nodes" ("parent") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- NULL int4
    INSERT INTO "nodes" ("parent") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 99 int4
    INSERT INTO "nodes" ("parent") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4
    INSERT INTO "nodes" ("parent") VALUES ($1) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 3 int4
    "#);
}

#[test]
fn self_references_in_a_batch() {
    // Keys are reserved in the order of `add`, so it is the parameters' order that differs.
    let (mut uow, recording) = record(Batch);
    chain(&mut uow);
    let plan = uow.plan().unwrap();
    assert_eq!(plan.flush_plan().inserts().next().unwrap().rows(), [2, 3, 1, 0]);
    uow.commit().unwrap();
    assert_snapshot!(statements(&recording), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"nodes"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g) -- 4 int4
    INSERT INTO "nodes" ("id", "parent") OVERRIDING SYSTEM VALUE VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 3 int4, NULL int4, 4 int4, 99 int4, 2 int4, 3 int4, 1 int4, 2 int4
    "#);
}

#[test]
fn find_reads_every_column() {
    let (mut uow, recording) = record(Batch);
    assert_eq!(uow.find::<User>(7).unwrap(), None);
    assert_eq!(uow.find::<Line>((7, 8)).unwrap(), None);
    assert_eq!(uow.find::<Person>("ada").unwrap(), None);
    assert_eq!(uow.find::<Odd>(7).unwrap(), None);
    assert_snapshot!(recording.take(), @r#"
    SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE "id" = $1 -- 7 int4
    SELECT COALESCE(NULL::"int4", "order_id") AS "order_id", COALESCE(NULL::"int2", "number") AS "number", "product"::"text" AS "?" FROM "lines" WHERE "order_id" = $1 AND "number" = $2 -- 7 int4, 8 int2
    SELECT "email"::"text" AS "?", "mood"::"text" AS "?", "friend"::"text" AS "?" FROM "people" WHERE "email" = $1::"citext" -- 'ada' text
    SELECT COALESCE(NULL::"int8", "Id $1") AS "Id $1", COALESCE(NULL::"int4", "select") AS "select" FROM "a.B"."or""der" WHERE "Id $1" = $1 -- 7 int8
    "#);

    let row = vec![Some(7_i32.to_be_bytes().to_vec()), Some(b"Ada".to_vec())];
    recording.answer(Ok(Rows::canned(vec![SqlType::INT4, SqlType::VARCHAR], vec![row])));
    let ada = uow.find::<User>(7).unwrap().unwrap();
    assert_eq!(uow[ada], User { id: Some(7), name: "Ada".into() });
    assert_snapshot!(recording.take(), @r#"SELECT COALESCE(NULL::"int4", "id") AS "id", "name"::"text" AS "?" FROM "users" WHERE "id" = $1 -- 7 int4"#);
    assert_eq!(uow.find::<User>(7).unwrap(), Some(ada));
    assert_eq!(recording.take(), "", "what is known is not asked for");
}

#[test]
fn find_refuses_what_does_not_fit() {
    let (mut uow, recording) = record(Batch);
    let seven = || Some(7_i32.to_be_bytes().to_vec());
    let mut refused = |types: &[SqlType], rows: Vec<Vec<Option<Vec<u8>>>>| {
        recording.answer(Ok(Rows::canned(types.to_vec(), rows)));
        let error = uow.find::<User>(7).unwrap_err();
        assert_eq!(error.table(), Some("users"));
        assert!(uow.is_empty());
        error.to_string()
    };
    let types = [SqlType::INT4, SqlType::TEXT];
    assert_snapshot!(refused(&types, vec![vec![seven(), None]]), @"table users, column name: cannot read the value: it is NULL, and the field is not an `Option`");
    let ada = || vec![seven(), Some(b"Ada".to_vec())];
    assert_snapshot!(refused(&types, vec![ada(), ada()]), @"table users: several rows have this key, which the model says is unique");
    assert_snapshot!(refused(&[SqlType::INT8, SqlType::TEXT], vec![ada()]), @"table users, column 0: it has the type int8 in the database, and the model reads it as int4; hint: change the field's type, or name the column's with `sql_type`");
}

#[test]
fn the_first_commit_looks_at_where_keys_come_from() {
    let recording = Recording::default();
    let mut uow = UnitOfWork::new(recording.clone()).with_strategy(Batch);
    let ada = uow.add(user("Ada"));
    uow.add(address("home", ada));
    uow.commit().unwrap();
    assert_snapshot!(statements(&recording), @r#"
    SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g), ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"addresses"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $2)) AS g) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid = ANY ($3::regclass[]) AND (SELECT CASE WHEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) <> 'nextval(' || pg_catalog.quote_literal(pg_catalog.pg_get_serial_sequence(d.adrelid::regclass::text, a.attname)::regclass::text) || '::regclass)' THEN ('onetrip default ' || array_position($3::regclass[], d.adrelid::regclass))::int4 = 0 END FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attname = ANY ($4))) -- 1 int4, 1 int4, text[], text[]
    INSERT INTO "users" ("id", "name") OVERRIDING SYSTEM VALUE VALUES ($1, $2) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 1 int4, 'Ada' text
    INSERT INTO "addresses" ("id", "email", "user_id") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3) RETURNING COALESCE(NULL::"int4", "id") AS "id" -- 2 int4, 'home' text, 1 int4
    "#);
    uow.add(user("Bob"));
    uow.commit().unwrap();
    assert!(!recording.take().contains("pg_attrdef"), "it is known by now");
}

#[test]
fn a_row_is_found_or_added() {
    let (mut uow, recording) = record_nested(OneTrip);
    let ada = uow.find_or_add(member("ada")).unwrap();
    uow.add(Pass { id: None, member: ada.into() });
    // What comes back from nowhere does not fit.
    uow.commit().unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SAVEPOINT onetrip
    WITH k AS MATERIALIZED (SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"passes"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g ORDER BY 1) AS k0), f0 AS MATERIALIZED (SELECT * FROM (SELECT unnest($2) AS v0, unnest($3) AS v1, unnest($4) AS v2 FROM k) AS r LEFT JOIN LATERAL (SELECT COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2 FROM "members" AS t WHERE t."name" = r.v0 FOR KEY SHARE) AS t ON true), a0 AS (INSERT INTO "members" AS t ("name", "visits") OVERRIDING SYSTEM VALUE SELECT v0, v1 FROM f0 WHERE r0 IS NULL ON CONFLICT ("name") DO UPDATE SET "visits" = t."visits" RETURNING COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2, t."name" AS q0), x0 AS MATERIALIZED (SELECT f.v2 AS n, f.r0 IS NULL AS is_new, CASE WHEN f.r0 IS NULL THEN a.r0 ELSE f.r0 END AS r0, CASE WHEN f.r0 IS NULL THEN a.r1 ELSE f.r1 END AS r1, CASE WHEN f.r0 IS NULL THEN a.r2 ELSE f.r2 END AS r2 FROM f0 AS f LEFT JOIN a0 AS a ON f.r0 IS NULL AND a.q0 = f.v0), m0 AS MATERIALIZED (SELECT ARRAY(SELECT r0 FROM x0 ORDER BY n) AS m0r0, ARRAY(SELECT r1 FROM x0 ORDER BY n) AS m0r1, ARRAY(SELECT r2 FROM x0 ORDER BY n) AS m0r2, ARRAY(SELECT is_new FROM x0 ORDER BY n) AS m0new, (SELECT count(DISTINCT (r0)) FROM x0 WHERE r0 IS NOT NULL) AS m0rows FROM k), b0 AS MATERIALIZED (SELECT (SELECT count(*) FROM x0) AS done FROM k, m0), i0 AS (INSERT INTO "passes" ("id", "member") OVERRIDING SYSTEM VALUE SELECT unnest(k0), m0r0[unnest($6)] FROM k, m0, b0 WHERE b0.done >= 0 RETURNING COALESCE(NULL::"int4", "id") AS r0) SELECT (CASE WHEN m0rows <> $5 THEN 'onetrip find 0' WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN 'onetrip check i1' END)::int4, k0, m0r0, m0r1, m0r2, m0new FROM k, m0 -- 1 int4, text[], int4[], int4[], 1 int4, int4[]
    ROLLBACK TO SAVEPOINT onetrip; RELEASE SAVEPOINT onetrip
    SAVEPOINT onetrip
    WITH k AS MATERIALIZED (SELECT ARRAY(SELECT nextval((SELECT COALESCE(pg_get_serial_sequence('"passes"', 'id'), '"no sequence belongs to it"')::regclass))::"int4" FROM (SELECT generate_series(1, $1)) AS g ORDER BY 1) AS k0), f0 AS MATERIALIZED (SELECT * FROM (SELECT unnest($2) AS v0, unnest($3) AS v1, unnest($4) AS v2 FROM k) AS r LEFT JOIN LATERAL (SELECT COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2 FROM "members" AS t WHERE t."name" = r.v0 FOR KEY SHARE) AS t ON true), a0 AS (INSERT INTO "members" AS t ("name", "visits") OVERRIDING SYSTEM VALUE SELECT v0, v1 FROM f0 WHERE r0 IS NULL ON CONFLICT ("name") DO UPDATE SET "visits" = t."visits" RETURNING COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2, t."name" AS q0), x0 AS MATERIALIZED (SELECT f.v2 AS n, f.r0 IS NULL AS is_new, CASE WHEN f.r0 IS NULL THEN a.r0 ELSE f.r0 END AS r0, CASE WHEN f.r0 IS NULL THEN a.r1 ELSE f.r1 END AS r1, CASE WHEN f.r0 IS NULL THEN a.r2 ELSE f.r2 END AS r2 FROM f0 AS f LEFT JOIN a0 AS a ON f.r0 IS NULL AND a.q0 = f.v0), m0 AS MATERIALIZED (SELECT ARRAY(SELECT r0 FROM x0 ORDER BY n) AS m0r0, ARRAY(SELECT r1 FROM x0 ORDER BY n) AS m0r1, ARRAY(SELECT r2 FROM x0 ORDER BY n) AS m0r2, ARRAY(SELECT is_new FROM x0 ORDER BY n) AS m0new, (SELECT count(DISTINCT (r0)) FROM x0 WHERE r0 IS NOT NULL) AS m0rows FROM k), b0 AS MATERIALIZED (SELECT (SELECT count(*) FROM x0) AS done FROM k, m0), i0 AS (INSERT INTO "passes" ("id", "member") OVERRIDING SYSTEM VALUE SELECT unnest(k0), m0r0[unnest($6)] FROM k, m0, b0 WHERE b0.done >= 0 RETURNING COALESCE(NULL::"int4", "id") AS r0) SELECT (CASE WHEN m0rows <> $5 THEN 'onetrip find 0' WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN 'onetrip check i1' END)::int4, k0, m0r0, m0r1, m0r2, m0new FROM k, m0 -- 1 int4, text[], int4[], int4[], 1 int4, int4[]
    ROLLBACK TO SAVEPOINT onetrip; RELEASE SAVEPOINT onetrip
    "#);
}

#[test]
fn a_row_is_updated_or_added() {
    let (mut uow, recording) = record(Batch);
    uow.upsert_with(member("ada"), Upsert::new().increment(["visits"])).unwrap();
    uow.commit().unwrap_err();
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp(); BEGIN
    WITH onetrip_f0 AS MATERIALIZED (SELECT * FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2) AS r LEFT JOIN LATERAL (SELECT COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2 FROM "members" AS t WHERE t."name" = r.v0 FOR NO KEY UPDATE) AS t ON true), onetrip_a0 AS (INSERT INTO "members" AS t ("name", "visits") OVERRIDING SYSTEM VALUE SELECT v0, v1 FROM onetrip_f0 WHERE r0 IS NULL ON CONFLICT ("name") DO UPDATE SET "visits" = t."visits" + EXCLUDED."visits" RETURNING COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2, t."name" AS q0), onetrip_w0 AS (UPDATE "members" AS t SET "visits" = t."visits" + r.v1 FROM onetrip_f0 AS r WHERE t."id" = r.r0 RETURNING r.v2 AS n, COALESCE(NULL::"int4", t."id") AS r0, t."name"::"text" AS r1, COALESCE(NULL::"int4", t."visits") AS r2), onetrip_x0 AS MATERIALIZED (SELECT f.v2 AS n, f.r0 IS NULL AS is_new, CASE WHEN f.r0 IS NULL THEN a.r0 ELSE w.r0 END AS r0, CASE WHEN f.r0 IS NULL THEN a.r1 ELSE w.r1 END AS r1, CASE WHEN f.r0 IS NULL THEN a.r2 ELSE w.r2 END AS r2 FROM onetrip_f0 AS f LEFT JOIN onetrip_a0 AS a ON f.r0 IS NULL AND a.q0 = f.v0 LEFT JOIN onetrip_w0 AS w ON w.n = f.v2), onetrip_m0 AS MATERIALIZED (SELECT ARRAY(SELECT r0 FROM onetrip_x0 ORDER BY n) AS m0r0, ARRAY(SELECT r1 FROM onetrip_x0 ORDER BY n) AS m0r1, ARRAY(SELECT r2 FROM onetrip_x0 ORDER BY n) AS m0r2, ARRAY(SELECT is_new FROM onetrip_x0 ORDER BY n) AS m0new, (SELECT count(DISTINCT (r0)) FROM onetrip_x0 WHERE r0 IS NOT NULL) AS m0rows) SELECT (CASE WHEN m0rows <> $4 THEN 'onetrip find 0' END)::int4, m0r0, m0r1, m0r2, m0new FROM onetrip_m0 -- text[], int4[], int4[], 1 int4
    ROLLBACK
    "#);
}

#[test]
fn rows_are_found_in_two_ways() {
    let (mut uow, recording) = record(Batch);
    // An entity that the database has.
    uow.add(member("eve"));
    uow.commit().unwrap();
    recording.take();
    let mut uow = uow.with_strategy(knowing(OneTrip));
    uow.find_or_add(member("ada")).unwrap();
    uow.find_or_add(member("bob")).unwrap();
    uow.upsert(member("cid")).unwrap();
    uow.commit().unwrap_err();
    let sent = recording.take();
    let (_, checks) = sent.split_once(" SELECT (CASE").unwrap();
    let (checks, _) = checks.split_once(" END)::int4").unwrap();
    assert_snapshot!(checks, @" WHEN m0rows <> $6 THEN 'onetrip find 0' WHEN EXISTS (SELECT FROM x0 AS x JOIN (SELECT unnest($5) AS l0) AS l ON x.r0 = l.l0) THEN 'onetrip find 0 loaded' WHEN m1rows <> $10 THEN 'onetrip find 1' WHEN EXISTS (SELECT FROM x1 AS x JOIN (SELECT unnest($5) AS l0) AS l ON x.r0 = l.l0) THEN 'onetrip find 1 loaded' WHEN (SELECT count(DISTINCT (r0)) FROM (SELECT r0 FROM x0 UNION ALL SELECT r0 FROM x1) AS x) <> $11 THEN 'onetrip find 1'");
}
