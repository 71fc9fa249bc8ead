//! The book: no chapter is forgotten, and the SQL that it shows is what is sent.
//!
//! Its samples are documentation tests, which `src/doctests.rs` lists. Those that need a pool or TLS are
//! documentation tests of `examples/web_service`.

mod common;
#[path = "common/users.rs"]
mod users;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::Schema;
use onetrip::{Batch, Copy, OneTrip, RowByRow, Strategy, UnitOfWork, Unnest};
use users::{address, user};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between `start` and `end`, wherever it does on one line.
fn between(text: &str, start: &str, end: &str) -> BTreeSet<String> {
    let in_line = |line: &str| Some(line.split_once(start)?.1.split_once(end)?.0.to_owned());
    text.lines().filter_map(in_line).collect()
}

#[test]
fn every_chapter_is_in_the_summary_and_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let files = fs::read_dir(folder).expect("the book is there");
    let names = files.map(|file| file.unwrap().file_name().into_string().expect("UTF-8"));
    let mut chapters: BTreeSet<_> = names.filter(|name| name.ends_with(".md")).collect();
    assert!(chapters.remove("SUMMARY.md"));
    assert_eq!(between(&read("docs/src/SUMMARY.md"), "](", ")"), chapters);
    let mut tested = between(&read("src/doctests.rs"), "include_str!(\"../docs/src/", "\")");
    let list = read("examples/web_service/src/doctests.rs");
    for chapter in between(&list, "include_str!(\"../../../docs/src/", "\")") {
        assert!(tested.insert(chapter.clone()), "{chapter} is tested twice");
    }
    assert_eq!(tested, chapters);
}

/// Returns the number and the text of every line of a code block that a page shows.
fn shown_code(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code && !line.starts_with("# ") {
            lines.push((number, line));
        }
    }
    lines
}

#[test]
fn code_fits_on_a_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let files = fs::read_dir(folder).expect("the book is there");
    let paths = files.map(|file| file.unwrap().path());
    let mut pages: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    for path in pages {
        let text = fs::read_to_string(&path).expect("a page can be read");
        for (number, line) in shown_code(&text) {
            assert!(line.chars().count() <= 100, "{}:{number}: {line}", path.display());
        }
    }
}

/// Returns the text with one space for each run of white space.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the statements that a chapter shows, each in one line. A statement of several lines is
/// indented from its second line on.
fn shown(chapter: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut is_sql = false;
    for line in chapter.lines() {
        if line.starts_with("```") {
            is_sql = line == "```sql";
        } else if is_sql && line.starts_with(' ') {
            let statement = statements.last_mut().expect("the first line is not indented");
            *statement = folded(&format!("{statement} {line}"));
        } else if is_sql {
            statements.push(folded(line));
        }
    }
    statements
}

/// Notes the statement that is running: when rows have been inserted, and when the server is asked
/// for the sequence of a column. A trigger that comes before would keep `Copy` from copying.
const NOTING: &str = "
    CREATE TABLE sent (at timestamptz, sql text, PRIMARY KEY (at, sql));
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
            INSERT INTO sent VALUES (statement_timestamp(), current_query()) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$;
    CREATE TRIGGER note AFTER INSERT ON users EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER INSERT ON addresses EXECUTE FUNCTION note();
    CREATE FUNCTION pg_get_serial_sequence(a text, b text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN
            INSERT INTO sent VALUES (statement_timestamp(), current_query()) ON CONFLICT DO NOTHING;
            RETURN pg_catalog.pg_get_serial_sequence(a, b);
        END $$;";

/// The statements that two users with three addresses take.
fn sent(schema: &Schema, strategy: impl Into<Strategy>) -> Vec<String> {
    let mut client = schema.client();
    // The schema's function comes before the server's own.
    let search_path = format!("SET search_path = {}, pg_catalog", schema.name());
    client.batch_execute(&search_path).expect("SET works");
    client.batch_execute("TRUNCATE users, addresses, sent").expect("the tables are there");
    // The first commit also looks at where keys come from.
    let strategy = strategy.into();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
    let first = uow.add(user("first"));
    uow.add(address("first", first));
    uow.commit().expect("the rows are right");
    drop(uow);
    client.batch_execute("TRUNCATE users, addresses, sent").expect("the tables are there");
    let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
    for (name, emails) in [("Ada", &["home", "work"][..]), ("Bob", &["bob"])] {
        let user = uow.add(user(name));
        for &email in emails {
            uow.add(address(email, user));
        }
    }
    uow.commit().expect("the rows are right");
    schema.rows("SELECT sql FROM sent ORDER BY at")
}

#[test]
fn the_sql_in_the_chapter_on_strategies_is_what_is_sent() {
    let schema = Schema::new(
        "book",
        &format!(
            "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
             CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL UNIQUE,
                 user_id int NOT NULL REFERENCES users);
             {NOTING}"
        ),
    );
    let shown = shown(&read("docs/src/strategies.md"));
    let sent = [
        (1, sent(&schema, OneTrip)),
        (3, sent(&schema, Copy)),
        (3, sent(&schema, Unnest)),
        (3, sent(&schema, Batch)),
        (5, sent(&schema, RowByRow)),
    ];
    for (statements, sent) in sent {
        assert_eq!(sent.len(), statements, "{sent:#?}");
        for sql in sent {
            assert!(shown.contains(&folded(&sql)), "not in the chapter: {sql}");
        }
    }
}
