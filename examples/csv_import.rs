//! Reads a CSV file in which some lines are wrong, writes the good ones in one transaction, and prints a
//! table of the others with the reason of each.
//!
//! ```text
//! scripts/with-postgres cargo run --release --example csv_import
//! ```

mod support;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use onetrip::{Culprit, ForeignKey, Handle, Model, OtherParty, UnitOfWork};

use support::cli::{self, Failure, thousands};
use support::database::{Schema, Server};

const HELP: &str = "\
Reads a CSV file of people, writes the good lines, and prints a table of the
others. The first line is: name,email,born,score,mood,country

usage: csv_import [OPTION...] [FILE]

  --lines N      without a file, lines that are made up, one in a hundred of
                 them wrong; 10000 by default
  --show N       bad lines that are shown; 20 by default
  --help         print this

The tables are made in the schema onetrip_csv, which is dropped at the end.

DATABASE_URL says where the server is; scripts/with-postgres starts one.
";

/// Models name it.
const SCHEMA: Schema = Schema::new("onetrip_csv");

/// What the database takes is the database's affair: the program sends texts.
const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE countries (code text PRIMARY KEY);
    CREATE TABLE people (
        id serial PRIMARY KEY,
        name text NOT NULL,
        email varchar(40) NOT NULL UNIQUE,
        born date NOT NULL,
        score integer NOT NULL CHECK (score BETWEEN 0 AND 100),
        mood mood NOT NULL,
        country text NOT NULL REFERENCES countries
    );
    CREATE FUNCTION refuse_nobody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name = 'Nobody' THEN RAISE 'nobody is no name'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_nobody AFTER INSERT ON people
        FOR EACH ROW EXECUTE FUNCTION refuse_nobody();
    INSERT INTO countries VALUES ('at'), ('fr'), ('jp'), ('pe');
    INSERT INTO people (name, email, born, score, mood, country)
        VALUES ('Eve', 'taken@example.org', '2000-01-01', 50, 'happy', 'at')";

#[derive(Model, Clone)]
#[model(schema = "onetrip_csv", table = "countries")]
struct Country {
    #[model(key)]
    code: String,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_csv", table = "people")]
struct Person {
    #[model(key)]
    id: Option<i32>,
    name: Option<String>,
    email: String,
    #[model(sql_type = "date")]
    born: String,
    #[model(sql_type = "int4")]
    score: String,
    #[model(sql_type("onetrip_csv", "mood"))]
    mood: String,
    country: ForeignKey<Country>,
}

fn main() -> ExitCode {
    support::relay::serve_if_asked();
    cli::run("csv_import", HELP, Arguments::parse, run)
}

struct Arguments {
    file: Option<PathBuf>,
    lines: usize,
    show: usize,
}

impl Arguments {
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
        use lexopt::Arg::{Long, Short, Value};
        let mut arguments = Arguments { file: None, lines: 10_000, show: 20 };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("lines") => arguments.lines = cli::number(&mut parser, "--lines")?,
                Long("show") => arguments.show = cli::number(&mut parser, "--show")?,
                Long("help") | Short('h') => return Ok(None),
                Value(file) if arguments.file.is_none() => arguments.file = Some(file.into()),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(arguments))
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let server = Server::from_env()?;
    let mut client = server.connect()?;
    let (text, spoiled) = match &arguments.file {
        Some(file) => (fs::read_to_string(file)?, None),
        None => {
            let (text, spoiled) = made_up(arguments.lines);
            (text, Some(spoiled))
        }
    };
    SCHEMA.recreate(&mut client, TABLES)?;
    let result = import(&mut client, &text, arguments.show, spoiled.as_ref());
    SCHEMA.drop(&mut client)?;
    cli::print(&result?)
}

/// Writes the good lines, and returns what there is to say of it.
fn import(
    client: &mut postgres::Client,
    text: &str,
    show: usize,
    spoiled: Option<&BTreeMap<usize, &'static str>>,
) -> Result<String, Failure> {
    let started = Instant::now();
    let mut uow = UnitOfWork::new(client);
    let mut line_of: HashMap<Handle<Person>, usize> = HashMap::new();
    for (number, line) in (1..).zip(text.lines()).skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let &[name, email, born, score, mood, country] = &fields[..] else {
            return Err(format!("line {number} has {} fields, and not six", fields.len()).into());
        };
        let person = uow.add(Person {
            id: None,
            name: (!name.is_empty()).then(|| name.to_owned()),
            email: email.to_owned(),
            born: born.to_owned(),
            score: score.to_owned(),
            mood: mood.to_owned(),
            country: ForeignKey::Key(country.to_owned()),
        });
        line_of.insert(person, number);
    }

    let committed = uow.commit_valid()?;

    let mut refused = Vec::new();
    for culprit in committed.refused() {
        let Some(person) = culprit.entity::<Person>() else { continue };
        refused.push((line_of[&person], describe(culprit, &line_of)));
        uow.expunge(person)?;
    }
    refused.sort_unstable();
    check(&refused, spoiled)?;

    let mut out = format!(
        "{} of {} lines were written in {:.1} s and {}\n",
        thousands(committed.report().rows()),
        thousands(line_of.len()),
        started.elapsed().as_secs_f64(),
        match committed.round_trips() {
            1 => "1 round trip".to_owned(),
            count => format!("{} round trips", thousands(count as usize)),
        },
    );
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, Reason { kind, .. }) in &refused {
        *kinds.entry(kind).or_default() += 1;
    }
    let _ = writeln!(out, "\n{:>6}  refused for", "lines");
    for (kind, count) in kinds {
        let _ = writeln!(out, "{count:>6}  {kind}");
    }
    let _ = writeln!(out, "\n{:>6}  {:8}  reason", "line", "column");
    for (line, Reason { kind, column, other }) in refused.iter().take(show) {
        let other = other.map(|line| format!(", as on line {line}")).unwrap_or_default();
        let _ = writeln!(out, "{line:>6}  {column:8}  {kind}{other}");
    }
    if refused.len() > show {
        let _ = writeln!(out, "{:>6}  and {} more", "", refused.len() - show);
    }
    Ok(out)
}

/// Why a line was refused.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reason {
    kind: String,
    column: String,
    /// The line that has the same value.
    other: Option<usize>,
}

fn describe(culprit: &Culprit, line_of: &HashMap<Handle<Person>, usize>) -> Reason {
    let code = culprit.error().sqlstate().map_or("", |code| code.code());
    let kind = match (code, culprit.other()) {
        ("22001", _) => "a text is too long",
        ("22003", _) => "a number is too large",
        ("22007" | "22008", _) => "there is no such date",
        ("22P02", _) => "there is no such word or number",
        ("23502", _) => "a value is missing",
        ("23503", _) => "there is no such row to refer to",
        ("23505", Some(OtherParty::Same(_))) => "another line has the same value",
        ("23505", _) => "the database has the value already",
        ("23514", _) => "a check does not take it",
        _ => "a trigger does not take it",
    };
    let other = match culprit.other() {
        Some(OtherParty::Same(other)) => {
            other.entity::<Person>().and_then(|other| line_of.get(&other).copied())
        }
        _ => None,
    };
    Reason { kind: kind.to_owned(), column: culprit.column().unwrap_or_default().to_owned(), other }
}

/// Makes sure that the lines that were made up to be wrong are those that were refused.
fn check(
    refused: &[(usize, Reason)],
    spoiled: Option<&BTreeMap<usize, &'static str>>,
) -> Result<(), Failure> {
    let Some(spoiled) = spoiled else { return Ok(()) };
    let lines: Vec<usize> = refused.iter().map(|&(line, _)| line).collect();
    let expected: Vec<usize> = spoiled.keys().copied().collect();
    if lines != expected {
        return Err(format!("lines {expected:?} are wrong, and {lines:?} were refused").into());
    }
    for (line, reason) in refused {
        if reason.kind != spoiled[line] {
            return Err(format!("line {line}: {}, and not {}", reason.kind, spoiled[line]).into());
        }
    }
    Ok(())
}

/// Makes lines up, one in a hundred of which is wrong in one of ten ways, and says which are.
fn made_up(lines: usize) -> (String, BTreeMap<usize, &'static str>) {
    let mut text = "name,email,born,score,mood,country\n".to_owned();
    let mut spoiled = BTreeMap::new();
    for n in 0..lines {
        let number = n + 2;
        let mut fields = [
            format!("Person {n}"),
            format!("{n}@example.org"),
            format!("19{:02}-0{}-1{}", n % 100, 1 + n % 9, n % 10),
            (n % 101).to_string(),
            ["sad", "happy"][n % 2].to_owned(),
            ["at", "fr", "jp", "pe"][n % 4].to_owned(),
        ];
        if n % 100 == 57 {
            let (at, wrong, kind) = match n / 100 % 10 {
                0 => (0, String::new(), "a value is missing"),
                1 => (1, "x".repeat(41), "a text is too long"),
                2 => (1, format!("{}@example.org", n - 1), "another line has the same value"),
                3 => (1, "taken@example.org".to_owned(), "the database has the value already"),
                4 => (3, "101".to_owned(), "a check does not take it"),
                5 => (4, "angry".to_owned(), "there is no such word or number"),
                6 => (2, "2001-02-30".to_owned(), "there is no such date"),
                7 => (3, "99999999999".to_owned(), "a number is too large"),
                8 => (5, "xx".to_owned(), "there is no such row to refer to"),
                _ => (0, "Nobody".to_owned(), "a trigger does not take it"),
            };
            fields[at] = wrong;
            spoiled.insert(number, kind);
        }
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    (text, spoiled)
}
