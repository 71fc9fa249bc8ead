//! What is sent for sequences that are behind their keys.

use insta::assert_snapshot;

use super::*;
use crate::sql::Rows;

#[test]
fn keys_that_were_given_are_caught_up_with() {
    let (mut uow, recording) = record(Batch);
    uow.add(user("Ada"));
    recording.answer(Ok(Rows::canned(vec![SqlType::INT8], vec![vec![None]])));
    uow.catch_up_sequences::<User>().unwrap();
    assert_snapshot!(recording.take(), @r#"SELECT (WITH s AS MATERIALIZED (SELECT (SELECT COALESCE(pg_get_serial_sequence('"users"', 'id'), '"no sequence belongs to it"')::regclass) AS sequence), k AS MATERIALIZED (SELECT s.sequence, p.seqincrement AS step, CASE WHEN p.seqincrement > 0 THEN (SELECT max("id") FROM "users") ELSE (SELECT min("id") FROM "users") END::numeric AS key FROM s JOIN pg_catalog.pg_sequence AS p ON p.seqrelid = s.sequence), n AS MATERIALIZED (SELECT k.*, nextval(k.sequence) AS next FROM k WHERE k.key IS NOT NULL) SELECT CASE WHEN b.behind > 1000000 THEN setval(b.sequence, b.key::int8) WHEN b.behind > 0 THEN (SELECT max(t.next) FROM (SELECT nextval(b.sequence) AS next FROM generate_series(1, b.behind::int8)) AS t) END FROM (SELECT n.*, ceil((n.key - n.next) / n.step) AS behind FROM n) AS b) --"#);
}
