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

/// Returns the string literals of a file in Rust, as they are at run time, with `…` for each `{…}`.
fn literals(code: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let found = &rest[at..];
        rest = if found.starts_with("//") {
            found.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(rest) = found.strip_prefix("'\"'") {
            rest
        } else if rest[..at].ends_with("r#") {
            let (literal, rest) = found[1..].split_once("\"#").expect("a raw literal ends");
            literals.push(literal.to_owned());
            rest
        } else if let Some(found) = found.strip_prefix('"') {
            let (literal, rest) = literal(found);
            literals.push(literal);
            rest
        } else {
            &found[1..]
        };
    }
    literals
}

/// Reads a literal up to its closing quote, and returns what comes behind.
fn literal(code: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = code;
    loop {
        let at = rest.find(['"', '\\', '{']).expect("a literal ends");
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(end) = rest.strip_prefix('"') {
            return (text, end);
        } else if let Some(folded) = rest.strip_prefix("\\\n") {
            rest = folded.trim_start();
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            text.push_str(escaped.get(..1).unwrap_or_default());
            rest = escaped.get(1..).unwrap_or_default();
        } else if let Some((_, end)) = rest.split_once('}').filter(|(it, _)| !it.contains('"')) {
            text.push('…');
            rest = end;
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
}

/// Reads all files of Rust code below a folder.
fn code_below(folder: &Path, code: &mut Vec<String>) {
    for file in fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("the folder can be read").path();
        if path.is_dir() {
            code_below(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push(fs::read_to_string(&path).expect("code is UTF-8"));
        }
    }
}

/// Returns what stands in the code span that a text begins with, whatever its fence.
fn code_span(text: &str) -> Option<&str> {
    let fence = text.len() - text.trim_start_matches('`').len();
    let (span, _) = text[fence..].split_once(&text[..fence]).filter(|_| fence > 0)?;
    Some(if fence > 1 { span.trim() } else { span })
}

#[test]
fn the_messages_in_the_chapter_on_troubleshooting_are_those_of_the_library() {
    let mut code = Vec::new();
    for folder in ["src", "derive/src"] {
        code_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    let literals: Vec<String> = code.iter().flat_map(|code| literals(code)).collect();
    // These are the compiler's own.
    let others = ["the trait bound … is not satisfied", "cannot borrow … as mutable because"];
    let chapter = read("docs/src/troubleshooting.md");
    let headings = chapter.lines().filter_map(|line| code_span(line.strip_prefix("### ")?));
    let messages: Vec<&str> =
        headings.filter(|it| !others.iter().any(|other| it.starts_with(other))).collect();
    assert!(messages.len() > 40, "{messages:#?}");
    let is_said = |message: &&str| literals.iter().any(|literal| literal.contains(message));
    let missing: Vec<&str> = messages.into_iter().filter(|message| !is_said(message)).collect();
    assert!(missing.is_empty(), "the library has no such messages: {missing:#?}");
}

/// Statements that the server refuses, each with its code.
const REFUSED: [(&str, &str); 14] = [
    ("23505", "INSERT INTO users VALUES (1, 'Bob'), (1, 'Bob')"),
    ("23503", "INSERT INTO addresses VALUES (1, 'a', 'sad', 7)"),
    ("23502", "INSERT INTO users VALUES (1, NULL)"),
    ("23514", "INSERT INTO users VALUES (-1, 'Bob')"),
    ("22001", "INSERT INTO users VALUES (1, 'Bobby')"),
    ("22P02", "INSERT INTO addresses VALUES (1, 'a', 'so-so', 7)"),
    ("42P01", "SELECT * FROM nobody"),
    ("42703", "SELECT nothing FROM users"),
    ("42883", "SELECT * FROM users WHERE name = 1"),
    ("42804", "INSERT INTO users SELECT 'a'::text, 'Bob'"),
    ("42P10", "INSERT INTO users VALUES (1, 'Bob') ON CONFLICT (name) DO NOTHING"),
    ("25P02", "SELECT 1"),
    ("25006", "SET TRANSACTION READ ONLY; INSERT INTO users VALUES (1, 'Bob')"),
    ("42704", "SELECT current_setting('nobody.set_it')"),
];

#[test]
fn the_server_says_what_the_chapter_on_troubleshooting_says() {
    let schema = Schema::new(
        "troubleshooting",
        "CREATE TYPE mood AS ENUM ('sad');
         CREATE TABLE users (id int PRIMARY KEY CHECK (id > 0), name varchar(3) NOT NULL);
         CREATE TABLE addresses (id int PRIMARY KEY, email text, mood mood,
             user_id int REFERENCES users)",
    );
    let chapter = read("docs/src/troubleshooting.md");
    let rows: Vec<(&str, &str)> = chapter
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter_map(|(message, rest)| Some((code_span(message)?, rest)))
        .collect();
    let mut client = schema.client();
    client.batch_execute("SET lc_messages = 'C'").expect("the role may set it");
    for (code, sql) in REFUSED {
        let mut transaction = client.transaction().expect("the server is there");
        if code == "25P02" {
            transaction.batch_execute("SELECT 1 / 0").expect_err("it is a mistake");
        }
        let error = transaction.batch_execute(sql).expect_err(sql);
        let error = error.as_db_error().expect("the server says so");
        assert_eq!(error.code().code(), code, "{sql}: {}", error.message());
        let is_said = |message: &str| {
            let mut rest = error.message();
            message.split('…').all(|part| match rest.split_once(part.trim()) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
        };
        assert!(
            rows.iter().any(|(message, rest)| rest.starts_with(code) && is_said(message)),
            "the chapter lacks {code}: {}",
            error.message()
        );
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
