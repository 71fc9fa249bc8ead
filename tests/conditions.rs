//! Conditions of queries and their parameters.

mod common;

use common::Schema;
use onetrip::{Error, ErrorKind, Handle, Model, Query, StatementCache, UnitOfWork};

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE DOMAIN code AS text CHECK (VALUE <> '');
    CREATE COLLATION IF NOT EXISTS any_case (provider = icu, locale = 'und-u-ks-level2',
        deterministic = false);
    CREATE TABLE people (id serial PRIMARY KEY, name text COLLATE any_case, mood mood NOT NULL,
        born date NOT NULL, code code NOT NULL, tags jsonb NOT NULL, key uuid NOT NULL);
    INSERT INTO people (name, mood, born, code, tags, key)
        SELECT 'Person ' || n, CASE WHEN n % 2 = 0 THEN 'happy' ELSE 'sad' END::mood,
            date '2000-01-01' + n, 'c' || n, jsonb_build_object('n', n),
            ('00000000-0000-0000-0000-00000000000' || n)::uuid
        FROM generate_series(1, 9) n;";

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct Person {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

/// The keys of what a query finds.
fn ids(
    schema: &Schema,
    query: impl for<'q, 'c> Fn(&'q mut UnitOfWork<'c>) -> Result<Vec<Handle<Person>>, Error>,
) -> Vec<i32> {
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let people = query(&mut uow).unwrap();
    people.into_iter().map(|person| uow[person].id.unwrap()).collect()
}

fn by<'q, 'c>(uow: &'q mut UnitOfWork<'c>, condition: &str) -> Query<'q, 'c, Person> {
    uow.query::<Person>(condition).order_by("id")
}

#[test]
fn a_string_is_what_the_same_literal_would_be() {
    let schema = Schema::new("literals", TABLES);
    let find = |condition: &'static str, value: &'static str| {
        ids(&schema, |uow| by(uow, condition).bind(value).load())
    };
    assert_eq!(find("name = $1", "PERSON 3"), [3], "by the column's collation");
    assert_eq!(find("mood = $1", "happy"), [2, 4, 6, 8]);
    assert_eq!(find("born = $1", "2000-01-04"), [3]);
    assert_eq!(find("born < $1", "4 Jan 2000"), [1, 2]);
    assert_eq!(find("code = $1", "c5"), [5]);
    assert_eq!(find("tags @> $1", r#"{"n": 7}"#), [7]);
    assert_eq!(find("key = $1", "00000000-0000-0000-0000-000000000008"), [8]);
    assert_eq!(find("id = $1", "9"), [9]);
    assert_eq!(find("code LIKE $1 || '%'", "c1"), [1]);
    assert_eq!(find("code = lower($1)", "C2"), [2]);
    assert_eq!(find("$1::text IS NOT NULL AND id = 4", "x"), [4]);
    // What owns its text is the same.
    assert_eq!(ids(&schema, |uow| by(uow, "mood = $1").bind("sad".to_owned()).load()).len(), 5);
    let boxed: Box<str> = "sad".into();
    assert_eq!(ids(&schema, |uow| by(uow, "mood = $1").bind(boxed.clone()).load()).len(), 5);
}

#[test]
#[allow(clippy::needless_borrows_for_generic_args, reason = "references are what it is about")]
fn references_and_options_are_bound() {
    let schema = Schema::new("references", TABLES);
    let (name, id, none) = ("c3".to_owned(), 3, None::<&str>);
    assert_eq!(
        ids(&schema, |uow| by(uow, "code = $1 AND id = $2").bind(&name).bind(&id).load()),
        [3]
    );
    assert_eq!(ids(&schema, |uow| by(uow, "code = $1").bind(Some(&*name)).load()), [3]);
    assert_eq!(
        ids(&schema, |uow| by(uow, "$1::text IS NULL OR code = $1").bind(none).load()).len(),
        9
    );
    assert_eq!(ids(&schema, |uow| by(uow, "id = $1").bind(Some(4)).load()), [4]);
    assert_eq!(ids(&schema, |uow| by(uow, "id = ANY ($1)").bind(vec![1, 2]).load()), [1, 2]);
    assert_eq!(ids(&schema, |uow| by(uow, "id = ANY ($1)").bind(&vec![1, 2]).load()), [1, 2]);
    let nul = "a\0b";
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    assert_eq!(by(&mut uow, "code = $1").bind(nul).load().unwrap_err().kind(), ErrorKind::Encode);
}

#[test]
fn parameters_are_counted_before_anything_is_sent() {
    let schema = Schema::new("counted", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let refuse = |query: Query<'_, '_, Person>, expected: &str| {
        let error = query.load().unwrap_err();
        assert_eq!((error.kind(), error.table()), (ErrorKind::Encode, Some("people")), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    // LIMIT's number would take the place of the missing one.
    refuse(by(&mut uow, "id < $1").limit(5), "names $1, and 0 values are bound");
    refuse(by(&mut uow, "id < $1 AND id > $2").bind(1).limit(5), "names $2, and 1 values");
    refuse(by(&mut uow, "true").bind(1), "1 values are bound, and the condition names no more");
    refuse(by(&mut uow, "code = '$1'").bind("x"), "names no more than 0");
    refuse(uow.query::<Person>("true").order_by("id = $1"), "names $1");
    refuse(by(&mut uow, "true").limit(1 << 40), "LIMIT 1099511627776 is more than");
    refuse(by(&mut uow, "true").offset(1 << 31), "OFFSET 2147483648 is more than");
    assert_eq!(by(&mut uow, "id > $1").bind(2).limit(3).offset(1).load().unwrap().len(), 3);
    assert_eq!(by(&mut uow, "code <> '$1' AND id > $1").bind(2).load().unwrap().len(), 7);
    let ordered = uow.query::<Person>("true").order_by("id = $1 DESC, id").bind(5).limit(2);
    let ordered = ordered.load().unwrap();
    assert_eq!(ordered.into_iter().map(|p| uow[p].id.unwrap()).collect::<Vec<_>>(), [5, 1]);
}

#[test]
fn an_order_is_that_of_the_columns_and_not_of_their_texts() {
    let schema = Schema::new("ordered", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    // By its text, happy comes before sad, as it does by its place; 10 comes before 9.
    client_of(&schema, "ALTER TYPE mood RENAME VALUE 'happy' TO 'zesty'");
    let moods = uow.query::<Mood>("true").order_by("mood, id").limit(1).load().unwrap();
    assert_eq!(uow[moods[0]].mood, "zesty", "it is the first label");
    let ids = uow.query::<TextId>("true").order_by("id DESC").load().unwrap();
    assert_eq!(uow[ids[0]].id, "9");
    client_of(
        &schema,
        "INSERT INTO people SELECT 10, name, mood, born, code, tags, key FROM people LIMIT 1",
    );
    let ids = uow.query::<TextId>("true").order_by("id DESC").load().unwrap();
    assert_eq!(uow[ids[0]].id, "10");
}

fn client_of(schema: &Schema, sql: &str) {
    schema.client().batch_execute(sql).unwrap();
}

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct Mood {
    #[model(key)]
    id: i32,
    mood: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct TextId {
    #[model(key, sql_type = "int4")]
    id: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "loose")]
struct Loose {
    #[model(key)]
    id: Option<i32>,
    amount: f64,
}

#[test]
fn what_would_be_read_with_a_loss_is_an_error() {
    let schema = Schema::new(
        "loss",
        "CREATE TABLE loose (id int UNIQUE, amount bigint NOT NULL);
        INSERT INTO loose VALUES (1, 9007199254740993)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let check = |error: Error, column| {
        assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some(column)), "{error}");
        assert_eq!(error.table(), Some("loose"), "{error}");
    };
    check(uow.query::<Loose>("true").load().unwrap_err(), "amount");
    client_of(&schema, "ALTER TABLE loose ALTER amount TYPE double precision");
    assert_eq!(uow.query::<Loose>("true").load().unwrap().len(), 1);
    client_of(&schema, "INSERT INTO loose VALUES (NULL, 1)");
    check(uow.query::<Loose>("true").load().unwrap_err(), "id");
    check(uow.query::<Loose>("true").for_each(|_| Ok::<(), Error>(())).unwrap_err(), "id");
    // The mistake of a condition is no mistake of the model.
    let error = uow.query::<Loose>("id").load().unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Database, None), "{error}");
}

#[test]
fn what_a_session_gives_a_meaning_is_not_prepared() {
    let schema = Schema::new("prepared_literals", TABLES);
    let mut client = schema.client();
    let cache = StatementCache::new();
    for mood in ["happy", "sad", "happy", "sad"] {
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        let people = by(&mut uow, "mood = $1").bind(mood).load().unwrap();
        assert_eq!(people.len(), if mood == "happy" { 4 } else { 5 });
        assert_eq!(by(&mut uow, "born < 'now'").load().unwrap().len(), 9);
        assert_eq!(by(&mut uow, "code <> $$now$$").load().unwrap().len(), 9);
        drop(uow);
        assert_eq!(cache.prepare(&mut client).unwrap(), 0);
    }
    for turn in 0..4 {
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        assert_eq!(by(&mut uow, "id > $1").bind(turn).load().unwrap().len(), 9 - turn as usize);
        drop(uow);
        assert_eq!(cache.prepare(&mut client).unwrap(), usize::from(turn == 1));
    }
}

#[test]
fn what_a_program_has_at_hand_can_be_bound() {
    use std::borrow::Cow;
    use std::sync::Arc;

    let schema = Schema::new("at_hand", TABLES);
    macro_rules! find {
        ($condition:literal, $($value:expr),+) => {
            ids(&schema, |uow| by(uow, $condition)$(.bind($value))+.load())
        };
    }
    let (numbers, words) = (vec![2, 4], vec!["c2".to_owned(), "c4".to_owned()]);
    // Arrays of numbers.
    assert_eq!(find!("id = ANY($1)", numbers.clone()), [2, 4]);
    assert_eq!(find!("id = ANY($1)", &numbers), [2, 4]);
    assert_eq!(find!("id = ANY($1)", &numbers[1..]), [4]);
    assert_eq!(find!("id = ANY($1)", [2, 4]), [2, 4]);
    assert_eq!(find!("id = ANY($1)", &[2_i64, 4]), [2, 4]);
    assert_eq!(find!("id = ANY($1)", &[Some(2), None]), [2]);
    assert_eq!(find!("id = ANY($1)", vec![Some(2), None]), [2]);
    assert_eq!(find!("id = ANY($1)", &numbers.iter().collect::<Vec<_>>()), [2, 4]);
    let none: [i32; 0] = [];
    assert!(find!("id = ANY($1)", &none).is_empty());
    // Arrays of strings.
    assert_eq!(find!("code = ANY($1)", words.clone()), [2, 4]);
    assert_eq!(find!("code = ANY($1)", &words), [2, 4]);
    assert_eq!(find!("code = ANY($1)", &words[..1]), [2]);
    assert_eq!(find!("code = ANY($1)", &["c2", "c4"]), [2, 4]);
    assert_eq!(find!("code = ANY($1)", ["c2", "c4"]), [2, 4]);
    assert_eq!(find!("code = ANY($1)", vec!["c2", "c4"]), [2, 4]);
    assert_eq!(find!("code = ANY($1)", &vec!["c2", "c4"]), [2, 4]);
    let slice: &[&str] = &["c2", "c4"];
    assert_eq!(find!("code = ANY($1)", slice), [2, 4]);
    assert_eq!(find!("code = ANY($1)", &[Some("c2"), None]), [2]);
    assert_eq!(find!("mood = ANY($1::mood[]) AND id < 3", &["happy", "sad"]), [1, 2]);
    // Strings.
    let text = String::from("c2");
    assert_eq!(find!("code = $1", &text), [2]);
    assert_eq!(find!("code = $1", &&text[..]), [2]);
    assert_eq!(find!("code = $1", Cow::Borrowed("c2")), [2]);
    assert_eq!(find!("code = $1", &Cow::from(text.clone())), [2]);
    assert_eq!(find!("code = $1", &Box::<str>::from("c2")), [2]);
    assert_eq!(find!("code = $1", &Arc::<str>::from("c2")), [2]);
    // Options, and references to them.
    let (some, none): (Option<String>, Option<i32>) = (Some(text.clone()), None);
    assert_eq!(find!("code = $1", &some), [2]);
    assert_eq!(find!("code = $1", some.as_ref()), [2]);
    assert_eq!(find!("code = $1", some.as_deref()), [2]);
    assert_eq!(find!("$1::int IS NULL AND id = 5", &none), [5]);
    assert_eq!(find!("id = ANY($1)", &Some(&numbers[..])), [2, 4]);
    // Bytes.
    let bytes = b"c2".to_vec();
    assert_eq!(find!("convert_to(code, 'UTF8') = $1", b"c2"), [2]);
    assert_eq!(find!("convert_to(code, 'UTF8') = $1", &bytes), [2]);
    assert_eq!(find!("convert_to(code, 'UTF8') = $1", &bytes[..]), [2]);
    let boxed: Box<[u8]> = bytes.clone().into();
    assert_eq!(find!("convert_to(code, 'UTF8') = $1", &boxed), [2]);
    // Other types by reference.
    let key = uuid::Uuid::from_u128(2);
    assert_eq!(find!("key = $1", &key), [2]);
    assert_eq!(find!("key = ANY($1)", &[key]), [2]);
    let born = time::macros::date!(2000 - 01 - 03);
    assert_eq!(find!("born = $1", &born), [2]);
    assert_eq!(find!("born = $1", &Some(&born)), [2]);
    assert_eq!(find!("tags = $1", &serde_json::json!({ "n": 2 })), [2]);
}

#[test]
fn a_text_in_an_array_that_cannot_be_sent_is_an_error() {
    let schema = Schema::new("nul_in_array", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let error = by(&mut uow, "code = ANY($1)").bind(["a", "b\0"]).load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
}
