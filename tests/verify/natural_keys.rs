//! Natural keys: whether a unique index finds rows by them, and unique indexes that could be some.

use insta::assert_snapshot;
use onetrip::{ForeignKey, Model, ProblemKind, UnitOfWork, Verify};

use crate::common::Schema;
use crate::{USERS, User, kinds, report};

#[derive(Model, Clone)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
}

const TAGS: &str = "CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL, page int);";

/// What `Verify` says of the natural key of tags, in a database where that is so. It has to be right:
/// a tag is found or added where it says nothing, and the server refuses it otherwise.
#[track_caller]
fn check(test: &str, sql: &str) -> String {
    let schema = Schema::new(&format!("verify_{test}"), &format!("{TAGS} {sql}"));
    said_rightly(&schema)
}

#[track_caller]
fn said_rightly(schema: &Schema) -> String {
    let mut client = schema.client();
    let found = Verify::new().model::<Tag>().run(&mut client).unwrap();
    let mut uow = UnitOfWork::new(&mut client);
    uow.find_or_add(Tag { id: None, name: "x".into() }).unwrap();
    let result = uow.commit();
    match kinds(&found)[..] {
        [] => assert!(result.is_ok(), "{:?}", result.err()),
        [ProblemKind::NoUniqueIndex] => {
            let code = result.expect_err("there is no index").sqlstate().cloned();
            let code = code.expect("the server refuses it");
            assert!(["42P10", "55000"].contains(&code.code()), "{code:?}");
            assert!(!found.is_ok());
            assert_eq!(found.problems()[0].column(), Some("name"));
        }
        ref other => panic!("{other:?}"),
    }
    found.to_string()
}

#[test]
fn a_natural_key_has_a_unique_index() {
    for (test, sql) in [
        ("natural_constraint", "ALTER TABLE tags ADD UNIQUE (name)"),
        ("natural_index", "CREATE UNIQUE INDEX ON tags (name)"),
        ("natural_include", "CREATE UNIQUE INDEX ON tags (name) INCLUDE (page)"),
        ("natural_class", "CREATE UNIQUE INDEX ON tags (name text_pattern_ops DESC)"),
        ("natural_collation", r#"CREATE UNIQUE INDEX ON tags (name COLLATE "C")"#),
        (
            "natural_key",
            "ALTER TABLE tags DROP CONSTRAINT tags_pkey, ADD PRIMARY KEY (name), ADD UNIQUE (id)",
        ),
        (
            "natural_several",
            "CREATE UNIQUE INDEX a ON tags (name) WHERE page = 1;
             CREATE UNIQUE INDEX b ON tags (lower(name)); CREATE UNIQUE INDEX c ON tags (name)",
        ),
    ] {
        assert_eq!(check(test, sql), "1 model fits the database", "{test}");
    }
}

#[test]
fn an_index_that_takes_nulls_for_equal_is_one() {
    let schema = Schema::new("verify_natural_nulls", TAGS);
    let version: u32 = schema.rows("SHOW server_version_num")[0].parse().unwrap();
    if version >= 150_000 {
        let sql = "CREATE UNIQUE INDEX ON tags (name) NULLS NOT DISTINCT";
        schema.client().batch_execute(sql).unwrap();
        assert_eq!(said_rightly(&schema), "1 model fits the database");
    }
}

#[test]
fn a_natural_key_without_an_index_is_a_problem() {
    assert_snapshot!(
        check("natural_none", ""),
        @"tags.name: this is a natural key of the model, and no unique index has exactly its columns, so `find_or_add` and `upsert` fail: create one, or correct `unique` in the model"
    );
    for (test, sql) in [
        ("natural_plain", "CREATE INDEX ON tags (name)"),
        ("natural_more", "CREATE UNIQUE INDEX ON tags (name, page)"),
        ("natural_included", "CREATE UNIQUE INDEX ON tags (page) INCLUDE (name)"),
        ("natural_other", "CREATE UNIQUE INDEX ON tags (lower(name), page)"),
        ("natural_others", "CREATE UNIQUE INDEX ON tags ((name || page::text))"),
        ("natural_beside", "CREATE UNIQUE INDEX ON tags (abs(page)) INCLUDE (name)"),
        ("natural_excluded", "ALTER TABLE tags ADD EXCLUDE USING btree (name WITH =)"),
    ] {
        assert!(check(test, sql).contains("no unique index has exactly its columns"), "{test}");
    }
}

#[test]
fn an_index_that_finds_no_rows_is_pointed_out() {
    assert_snapshot!(
        check("natural_partial", "CREATE UNIQUE INDEX in_part ON tags (name) WHERE page = 1"),
        @"tags.name: this is a natural key of the model, and the unique index in_part of it is partial, so `find_or_add` and `upsert` fail: create one without a condition"
    );
    assert_snapshot!(
        check("natural_expression", "CREATE UNIQUE INDEX lower ON tags (lower(name)) INCLUDE (page)"),
        @"tags.name: this is a natural key of the model, and the unique index lower of it is on expressions, so `find_or_add` and `upsert` fail: create one on the columns themselves"
    );
    assert_snapshot!(
        check("natural_both", "CREATE UNIQUE INDEX mixed ON tags (lower(name)) WHERE page = 1"),
        @"tags.name: this is a natural key of the model, and the unique index mixed of it is on expressions, so `find_or_add` and `upsert` fail: create one on the columns themselves"
    );
    assert_snapshot!(
        check("natural_late", "ALTER TABLE tags ADD CONSTRAINT late UNIQUE (name) DEFERRABLE"),
        @"tags.name: this is a natural key of the model, and the unique index late of it is deferrable, so `find_or_add` and `upsert` fail: have one that is not deferrable in its place"
    );
    // The server takes both, and refuses the one.
    let sql = "CREATE UNIQUE INDEX at_once ON tags (name);
        ALTER TABLE tags ADD CONSTRAINT late UNIQUE (name) DEFERRABLE";
    assert!(check("natural_late_too", sql).contains("the unique index late of it is deferrable"));
}

#[test]
fn an_index_that_was_not_built_is_pointed_out() {
    let schema = Schema::new("verify_natural_invalid", TAGS);
    let mut client = schema.client();
    client.batch_execute("INSERT INTO tags (name) VALUES ('y'), ('y')").unwrap();
    client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY half ON tags (name)").unwrap_err();
    assert_snapshot!(
        said_rightly(&schema),
        @"tags.name: this is a natural key of the model, and the unique index half of it is not valid, so `find_or_add` and `upsert` fail: rebuild it with `REINDEX`"
    );
    client.batch_execute("DELETE FROM tags; REINDEX INDEX half").unwrap();
    assert_eq!(said_rightly(&schema), "1 model fits the database");
}

#[derive(Model, Clone)]
#[model(table = "pages")]
struct Page {
    #[model(key)]
    author: ForeignKey<User>,
    #[model(key)]
    number: i32,
    #[model(unique = "slug")]
    slug: String,
    #[model(column = "author", unique("slug", "by_mood"))]
    also_author: ForeignKey<User>,
    #[model(sql_type = "mood", unique = "by_mood")]
    mood: String,
    #[model(sql_type = "citext", unique = "by_mood")]
    title: String,
}

const PAGES: &str = "CREATE EXTENSION IF NOT EXISTS citext SCHEMA pg_catalog;
    CREATE TYPE mood AS ENUM ('happy');
    CREATE TABLE pages (author int NOT NULL REFERENCES users, number int, slug text NOT NULL,
        mood mood NOT NULL, title citext NOT NULL, PRIMARY KEY (author, number))";

#[test]
fn natural_keys_of_several_columns_are_found_in_any_order() {
    let verify = Verify::new().model::<User>().model::<Page>();
    let tables = |more: &str| format!("{USERS} {PAGES}; {more}");
    let both = "ALTER TABLE pages ADD UNIQUE (author, slug);
        CREATE UNIQUE INDEX ON pages (title, author, mood)";
    let found = report("natural_order", &tables(both), &verify);
    assert_eq!(found.to_string(), "2 models fit the database");
    assert!(found.undeclared_unique_indexes().is_empty());

    let neither = "CREATE UNIQUE INDEX lower ON pages (author, lower(slug)) WHERE number > 0;
        CREATE UNIQUE INDEX ON pages (author, title)";
    let found = report("natural_parts", &tables(neither), &verify);
    assert_eq!(kinds(&found), [ProblemKind::NoUniqueIndex, ProblemKind::NoUniqueIndex]);
    assert_snapshot!(found, @r#"
    pages (slug, author): this is the natural key "slug" of the model, and the unique index lower of it is on expressions, so `find_or_add` and `upsert` fail: create one on the columns themselves
    pages (author, mood, title): this is the natural key "by_mood" of the model, and no unique index has exactly its columns, so `find_or_add` and `upsert` fail: create one, or correct `unique` in the model
    "#);
    assert_eq!(found.problems()[0].columns().collect::<Vec<_>>(), ["slug", "author"]);
    let accepted = verify
        .accept(ProblemKind::NoUniqueIndex, "pages (slug, author)")
        .accept(ProblemKind::NoUniqueIndex, "pages (author, mood, title)");
    assert!(report("natural_accepted", &tables(neither), &accepted).is_ok());
}

#[test]
fn columns_that_are_not_there_are_not_reported_twice() {
    let tables = "CREATE TABLE tags (id serial PRIMARY KEY)";
    let found = report("natural_missing", tables, &Verify::new().model::<Tag>());
    assert_eq!(kinds(&found), [ProblemKind::MissingColumn]);
}

#[test]
fn partitioned_tables_have_unique_indexes_and_views_have_none() {
    let tag = Verify::new().model::<Tag>();
    let view = "CREATE TABLE t (id int, name text); CREATE VIEW tags AS SELECT * FROM t";
    assert_eq!(report("natural_view", view, &tag).to_string(), "1 model fits the database");
    let view = "CREATE MATERIALIZED VIEW tags AS SELECT 1 AS id, ''::text AS name";
    assert_eq!(report("natural_stored", view, &tag).to_string(), "1 model fits the database");

    let tables = "CREATE SEQUENCE numbers;
        CREATE TABLE tags (id int NOT NULL DEFAULT nextval('numbers'), name text PRIMARY KEY)
            PARTITION BY HASH (name);
        ALTER SEQUENCE numbers OWNED BY tags.id;
        CREATE TABLE one PARTITION OF tags FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE UNIQUE INDEX ON tags (id, name);";
    let schema = Schema::new("verify_natural_partitions", tables);
    let say = || Verify::new().model::<Tag>().run(&mut schema.client()).unwrap();
    assert!(!kinds(&say()).contains(&ProblemKind::NoUniqueIndex), "{}", say());
    let sql =
        "ALTER TABLE tags DROP CONSTRAINT tags_pkey; CREATE UNIQUE INDEX whole ON ONLY tags (name)";
    schema.client().batch_execute(sql).unwrap();
    let found = say();
    let problem = found.problems().iter().find(|p| p.kind() == ProblemKind::NoUniqueIndex);
    assert_snapshot!(
        problem.expect("it is not valid"),
        @"tags.name: this is a natural key of the model, and the unique index whole of it is not valid, so `find_or_add` and `upsert` fail: attach an index of each partition to it"
    );
    let sql = "CREATE UNIQUE INDEX part ON one (name); ALTER INDEX whole ATTACH PARTITION part";
    schema.client().batch_execute(sql).unwrap();
    assert!(!kinds(&say()).contains(&ProblemKind::NoUniqueIndex), "{}", say());
}

// --- Unique indexes that models do not declare ---

#[derive(Model, Clone)]
#[model(table = "words")]
struct Word {
    #[model(key)]
    language: i32,
    #[model(key)]
    id: Option<i32>,
    text: String,
    note: Option<String>,
    #[model(default)]
    rank: Option<i32>,
    #[model(generated)]
    length: Option<i32>,
    #[model(version)]
    version: i32,
}

const WORDS: &str = "CREATE TABLE words (language int NOT NULL, id serial, text text NOT NULL,
    note text, rank int NOT NULL DEFAULT 0, version int NOT NULL, hidden int NOT NULL DEFAULT 0,
    length int GENERATED ALWAYS AS (char_length(text)) STORED, PRIMARY KEY (language, id));";

/// What is said of unique indexes that the model does not declare, where there is no problem.
#[track_caller]
fn undeclared(test: &str, tables: &str, verify: &Verify) -> String {
    let found = report(test, tables, verify);
    assert_eq!(found.to_string(), "1 model fits the database");
    let lines = found.undeclared_unique_indexes().iter().map(ToString::to_string);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn unique_indexes_that_could_be_natural_keys_are_listed_and_are_no_problems() {
    let word = Verify::new().model::<Word>();
    let one = format!("{WORDS} ALTER TABLE words ADD UNIQUE (text)");
    assert_snapshot!(
        undeclared("undeclared", &one, &word),
        @"words.text: the unique index words_text_key makes it a natural key: mark the field with `#[model(unique)]` for `find_or_add`, `upsert` and `find_by`"
    );
    let found = report("undeclared_parts", &one, &word);
    let index = &found.undeclared_unique_indexes()[0];
    assert_eq!((index.table(), index.index()), ("words", "words_text_key"));
    assert_eq!(index.columns().collect::<Vec<_>>(), ["text"]);

    // Of two of the same columns, the first.
    let two = format!(
        "{one}; CREATE UNIQUE INDEX ON words (text, language) INCLUDE (note);
         CREATE UNIQUE INDEX words_zz ON words (language, text)"
    );
    assert_snapshot!(undeclared("undeclared_two", &two, &word), @r#"
    words.text: the unique index words_text_key makes it a natural key: mark the field with `#[model(unique = "…")]` for `find_or_add`, `upsert` and `find_by`
    words (text, language): the unique index words_text_language_note_idx makes them a natural key: mark the fields with `#[model(unique = "…")]` for `find_or_add`, `upsert` and `find_by`
    "#);
}

#[test]
fn what_could_be_no_natural_key_is_not_listed() {
    let word = Verify::new().model::<Word>();
    for (test, sql) in [
        ("undeclared_none", "SELECT 1"),
        ("undeclared_plain", "CREATE INDEX ON words (text)"),
        ("undeclared_key", "CREATE UNIQUE INDEX ON words (id, language)"),
        ("undeclared_more", "CREATE UNIQUE INDEX ON words (id, text, language)"),
        ("undeclared_serial", "CREATE UNIQUE INDEX ON words (id)"),
        ("undeclared_null", "CREATE UNIQUE INDEX ON words (note)"),
        ("undeclared_default", "CREATE UNIQUE INDEX ON words (rank)"),
        ("undeclared_generated", "CREATE UNIQUE INDEX ON words (text, length)"),
        ("undeclared_version", "CREATE UNIQUE INDEX ON words (text, version)"),
        ("undeclared_hidden", "CREATE UNIQUE INDEX ON words (text, hidden)"),
        ("undeclared_partial", "CREATE UNIQUE INDEX ON words (text) WHERE rank > 0"),
        ("undeclared_expression", "CREATE UNIQUE INDEX ON words (text, lower(text))"),
        ("undeclared_late", "ALTER TABLE words ADD UNIQUE (text) DEFERRABLE"),
    ] {
        assert_eq!(undeclared(test, &format!("{WORDS} {sql}"), &word), "", "{test}");
    }
    // The primary key, where the model has another.
    let tables = "CREATE TABLE tags (id serial UNIQUE NOT NULL, name text PRIMARY KEY, page int)";
    assert_eq!(undeclared("undeclared_primary", tables, &Verify::new().model::<Plain>()), "");
}

/// A tag that has no natural key.
#[derive(Model, Clone)]
#[model(table = "tags")]
struct Plain {
    #[model(key)]
    id: Option<i32>,
    name: String,
}
