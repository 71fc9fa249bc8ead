//! The statements that load graphs.

use insta::assert_snapshot;

use super::*;

/// Returns what is sent to load a graph. The answer has no rows, and so the load fails.
fn loaded(load: impl FnOnce(&mut UnitOfWork<'_>)) -> String {
    let (mut uow, recording) = record(Batch);
    load(&mut uow);
    recording.take()
}

#[test]
fn a_graph_is_one_statement() {
    let sent = loaded(|uow| {
        let query = uow.query::<User>("id > $1 OR id = $2").bind(5).bind(7);
        let query = query.order_by("name").limit(20).with(|user| {
            user.children::<Address>().filter("id <> $1 AND email <> '$1'").bind(9);
        });
        assert!(query.load().is_err());
    });
    assert_snapshot!(sent, @r#"
    WITH t0 (c0, c1, k0) AS (SELECT COALESCE(NULL::"int4", "id") AS "?", "name"::"text" AS "?", "id" AS "?" FROM "users" WHERE (id > $1 OR id = $2
    ) ORDER BY name
     LIMIT $3), s1 (c0, c1, c2) AS (SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "email"::"text" AS "?", COALESCE(NULL::"int4", "user_id") AS "?", "user_id" AS "?" FROM "addresses" JOIN (SELECT DISTINCT k0 FROM t0) AS u1 ("?0") ON u1."?0" = "user_id" WHERE (id <> $4 AND email <> '$1'
    )) AS t1 (c0, c1, c2, k2)) SELECT s0.c0, s0.c1, s1.c0, s1.c1, s1.c2 FROM (SELECT array_agg(c0), array_agg(c1) FROM t0) AS s0 (c0, c1) LEFT JOIN s1 ON true -- 5 int4, 7 int4, 20 int4, 9 int4
    "#);
}

#[test]
fn children_are_limited_for_each_parent() {
    let sent = loaded(|uow| {
        let query = uow.query::<User>("true").with(|user| {
            user.children::<Address>().order_by("email").limit(3);
        });
        assert!(query.load().is_err());
    });
    assert_snapshot!(sent, @r#"
    WITH s0 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "name"::"text" AS "?", "id" AS "?" FROM "users" WHERE (true
    )) AS t0 (c0, c1, k0)), s1 (c0, c1, c2) AS (SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (SELECT c0, c1, c2, k2 FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "email"::"text" AS "?", COALESCE(NULL::"int4", "user_id") AS "?", "user_id" AS "?", row_number() OVER (PARTITION BY u1."?0" ORDER BY email
    ) AS "?" FROM "addresses" JOIN (SELECT DISTINCT unnest(c0) FROM s0 ORDER BY 1) AS u1 ("?0") ON u1."?0" = "user_id") AS r (c0, c1, c2, k2, z) WHERE z <= $1 ORDER BY z OFFSET 0) AS t1 (c0, c1, c2, k2)) SELECT s0.c0, s0.c1, s1.c0, s1.c1, s1.c2 FROM s0 LEFT JOIN s1 ON true -- 3 int4
    "#);
}

#[test]
fn parents_and_entities_that_are_loaded() {
    let sent = loaded(|uow| {
        let known = uow.add(Pass { id: Some(5), member: ForeignKey::Key(6) });
        let query = uow.graph(&[known], |pass| {
            pass.parent::<Member>();
        });
        assert!(query.load().is_err());
    });
    assert_snapshot!(sent, @r#"WITH t0 (c1, k1, n) AS (SELECT COALESCE(NULL::"int4", t."member") AS "?", t."member" AS "?", u.n FROM unnest($1) WITH ORDINALITY AS u (u0, n) LEFT JOIN "passes" AS t ON t."id" = u.u0 ORDER BY u.n), s1 (c0, c1, c2) AS (SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "name"::"text" AS "?", COALESCE(NULL::"int4", "visits") AS "?", "id" AS "?" FROM "members" JOIN (SELECT unnest(k1) FROM (SELECT array_agg(k1) FROM (SELECT DISTINCT k1 FROM t0 ORDER BY 1) AS d) AS d (k1)) AS u1 ("?0") ON u1."?0" = "id") AS t1 (c0, c1, c2, k0)) SELECT s0.c1, s1.c0, s1.c1, s1.c2 FROM (SELECT array_agg(c1) FROM t0) AS s0 (c1) LEFT JOIN s1 ON true -- int4[]"#);
}

#[test]
fn trees_go_through_their_keys() {
    let sent = loaded(|uow| {
        let query = uow.query::<Node>("id = 1").with(|node| {
            node.descendants().filter("id <> $1").bind(2);
        });
        assert!(query.load().is_err());
        let query = uow.query::<Node>("id = 1").with(|node| {
            node.descendants().limit(2);
        });
        assert!(query.load().is_err());
        let query = uow.query::<Node>("id = 1").with(|node| {
            node.ancestors();
        });
        assert!(query.load().is_err());
    });
    assert_snapshot!(sent, @r#"
    WITH RECURSIVE s0 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "id" AS "?" FROM "nodes" WHERE (id = 1
    )) AS t0 (c0, c1, k0)), r1 (k0) AS (SELECT "id" FROM "nodes" JOIN (SELECT DISTINCT unnest(c0) FROM s0 ORDER BY 1) AS u1 ("?0") ON u1."?0" = "parent" WHERE (id <> $1
    ) UNION SELECT x.k0 FROM r1 JOIN (SELECT "parent", "id" FROM "nodes" WHERE (id <> $1
    )) AS x (f0, k0) ON x.f0 = r1.k0), s1 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "id" AS "?", "parent" AS "?" FROM "nodes" JOIN (SELECT unnest(k0) FROM (SELECT array_agg(k0) FROM (SELECT DISTINCT k0 FROM r1 ORDER BY 1) AS d) AS d (k0)) AS u1 ("?0") ON u1."?0" = "id") AS t1 (c0, c1, k0, k1)) SELECT s0.c0, s0.c1, s1.c0, s1.c1 FROM s0 LEFT JOIN s1 ON true -- 2 int4
    WITH RECURSIVE s0 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "id" AS "?" FROM "nodes" WHERE (id = 1
    )) AS t0 (c0, c1, k0)), r1 (k0) AS (SELECT x.k0 FROM (SELECT unnest(c0) FROM s0) AS t0 (k0), LATERAL (SELECT "id" FROM "nodes" WHERE ("parent") = (t0.k0) ORDER BY "id" LIMIT $1) AS x (k0) UNION SELECT x.k0 FROM r1, LATERAL (SELECT "id" FROM "nodes" WHERE ("parent") = (r1.k0) ORDER BY "id" LIMIT $1) AS x (k0)), s1 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "id" AS "?", "parent" AS "?" FROM "nodes" JOIN (SELECT unnest(k0) FROM (SELECT array_agg(k0) FROM (SELECT DISTINCT k0 FROM r1 ORDER BY 1) AS d) AS d (k0)) AS u1 ("?0") ON u1."?0" = "id") AS t1 (c0, c1, k0, k1)) SELECT s0.c0, s0.c1, s1.c0, s1.c1 FROM s0 LEFT JOIN s1 ON true -- 2 int4
    WITH RECURSIVE s0 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "parent" AS "?" FROM "nodes" WHERE (id = 1
    )) AS t0 (c0, c1, k1)), r1 (k0) AS (SELECT t0.k1 FROM (SELECT unnest(c1) FROM s0) AS t0 (k1) UNION SELECT x.k0 FROM r1 JOIN (SELECT "id", "parent" FROM "nodes") AS x (f0, k0) ON x.f0 = r1.k0), s1 (c0, c1) AS (SELECT array_agg(c0), array_agg(c1) FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", COALESCE(NULL::"int4", "parent") AS "?", "id" AS "?", "parent" AS "?" FROM "nodes" JOIN (SELECT unnest(k0) FROM (SELECT array_agg(k0) FROM (SELECT DISTINCT k0 FROM r1 ORDER BY 1) AS d) AS d (k0)) AS u1 ("?0") ON u1."?0" = "id") AS t1 (c0, c1, k0, k1)) SELECT s0.c0, s0.c1, s1.c0, s1.c1 FROM s0 LEFT JOIN s1 ON true --
    "#);
}

#[test]
fn a_level_can_be_a_statement_of_its_own() {
    let (mut uow, recording) = record(Batch);
    recording.answer(Ok(Rows::canned(Vec::new(), Vec::new())));
    let query = uow.query::<User>("true").with(|user| {
        user.children::<Address>();
    });
    assert!(query.split().load().is_ok(), "nobody is there");
    assert_snapshot!(recording.take(), @r#"
    SELECT now() = statement_timestamp()
    BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY
    WITH t0 (c0, c1, k0) AS (SELECT COALESCE(NULL::"int4", "id") AS "?", "name"::"text" AS "?", "id" AS "?" FROM "users" WHERE (true
    )) SELECT c0, c1 FROM t0 -- 
    ROLLBACK
    "#);
}

/// An `int8[]` of one element, as the server sends it.
fn array_of(number: i64) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    for word in [1, 0, 20, 1, 1, 8] {
        raw.extend_from_slice(&i32::to_be_bytes(word));
    }
    raw.extend_from_slice(&number.to_be_bytes());
    Some(raw)
}

#[test]
fn a_strategy_learns_of_indexes() {
    const LEVELS: [SqlType; 5] =
        [SqlType::INT4, SqlType::TEXT, SqlType::INT4, SqlType::TEXT, SqlType::INT4];
    let (mut uow, recording) = record(Batch);
    let mut load = |limit: Option<u64>, answer: &[(SqlType, Option<Vec<u8>>)]| {
        let mut types = LEVELS.map(SqlType::array).to_vec();
        let mut row = vec![None; types.len()];
        for (ty, raw) in answer {
            types.push(*ty);
            row.push(raw.clone());
        }
        recording.answer(Ok(Rows::canned(types, vec![row])));
        let query = uow.query::<User>("true").with(|user| {
            let addresses = user.children::<Address>();
            if let Some(limit) = limit {
                addresses.limit(limit);
            }
        });
        query.load().map(drop)
    };
    assert_eq!(load(None, &[]).map_err(|error| error.to_string()), Ok(()));
    recording.take();
    let number = |number: i64| Some(number.to_be_bytes().to_vec());
    let answer = [
        (SqlType::INT8.array(), array_of(500)),
        (SqlType::INT8.array(), array_of(501)),
        (SqlType::TEXT, Some(b"4MB".to_vec())),
        (SqlType::INT8, number(9_000)),
    ];
    assert_eq!(load(None, &answer).map_err(|error| error.to_string()), Ok(()));
    let asks = recording.take();
    assert!(
        asks.contains(", x0 (t, i, w, b) AS MATERIALIZED (SELECT pg_catalog.array_agg"),
        "{asks}"
    );
    assert!(
        asks.contains(
            ", x0.t, x0.i, x0.w, x0.b FROM s0 LEFT JOIN s1 ON true LEFT JOIN x0 ON true -- text[], text[]"
        ),
        "{asks}"
    );
    let is_there = [(SqlType::BOOL, Some(vec![1]))];
    assert_eq!(load(Some(3), &is_there).map_err(|error| error.to_string()), Ok(()));
    assert_snapshot!(recording.take(), @r#"
    WITH s0 (c0, c1, g) AS (SELECT array_agg(c0), array_agg(c1), pg_catalog.to_regclass($1) = 500 AND pg_catalog.pg_relation_size(500, 'main') <= 9000 AND pg_catalog.current_setting('work_mem') = $2 AND (SELECT count(*) FROM pg_catalog.pg_index WHERE indexrelid IN (501) AND indisvalid AND NOT indcheckxmin) = 1 FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "name"::"text" AS "?", "id" AS "?" FROM "users" WHERE (true
    )) AS t0 (c0, c1, k0)), s1 (c0, c1, c2) AS (SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (SELECT c0, c1, c2, k2 FROM (SELECT COALESCE(NULL::"int4", "id") AS "?", "email"::"text" AS "?", COALESCE(NULL::"int4", "user_id") AS "?", "user_id" AS "?", row_number() OVER (PARTITION BY "user_id" ORDER BY "id") AS "?" FROM "addresses" WHERE "user_id" = ANY ((SELECT c0 FROM s0 WHERE g)::"int4"[])) AS r (c0, c1, c2, k2, z) WHERE z <= $3 ORDER BY z OFFSET 0) AS t1 (c0, c1, c2, k2)) SELECT s0.c0, s0.c1, s1.c0, s1.c1, s1.c2, s0.g FROM s0 LEFT JOIN s1 ON true -- '"addresses"' text, '4MB' text, 3 int4
    "#);
}
