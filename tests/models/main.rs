//! Models from a database: what is printed for a schema compiles, fits the schema, and works.
//!
//! What is printed is in `printed/`, compiled as modules of this test and compared with what comes
//! fresh from a server. `ONETRIP_MODELS=overwrite` writes it anew; read the difference.

mod restored;
mod use_of_samples;

/// What is printed, as it is.
#[allow(dead_code, reason = "few of the models are used")]
#[allow(unreachable_pub, reason = "it is printed for a module of a library")]
#[rustfmt::skip]
mod printed {
    pub mod chinook;
    pub mod libraries_chrono;
    pub mod libraries_jiff;
    pub mod libraries_none;
    pub mod northwind;
    pub mod oddities;
    pub mod of_other_tests;
    pub mod pagila;
    pub mod two_schemas;
}

use std::path::Path;
use std::{env, fs};

use onetrip::Verify;
use onetrip_models::{Error, Library, Models};
use restored::{Restored, compare};

/// Prints the models of a sample, compares them with those in `printed/`, and these with the
/// database.
#[track_caller]
fn check(sample: &str, sql: &str, name: &str, models: &Models, verify: &Verify) {
    let mut restored = Restored::new(sample, sql);
    let models = models.clone().schema(restored.schema());
    compare(name, &models.print(&mut restored.client).expect("the catalog can be read"));
    let report = verify.run(&mut restored.client).expect("the query works");
    assert!(report.is_ok(), "{report}");
    let notes = report.problems().len();
    assert_eq!(notes, verify_accepts(name), "{report}");
}

/// How many problems the printed `verify` accepts, or cannot know.
fn verify_accepts(name: &str) -> usize {
    match name {
        "oddities" => 1,
        _ => 0,
    }
}

#[test]
fn chinook() {
    let sql = include_str!("schemas/chinook.sql");
    check("chinook", sql, "chinook", &Models::new(), &printed::chinook::verify());
}

#[test]
fn northwind() {
    let sql = include_str!("schemas/northwind.sql");
    check("northwind", sql, "northwind", &Models::new(), &printed::northwind::verify());
}

#[test]
fn pagila() {
    let sql = include_str!("schemas/pagila.sql");
    check("pagila", sql, "pagila", &Models::new(), &printed::pagila::verify());
}

#[test]
fn names_and_references_that_are_hard_to_say() {
    let sql = include_str!("schemas/oddities.sql");
    check("oddities", sql, "oddities", &Models::new(), &printed::oddities::verify());
}

#[test]
fn types_are_those_of_the_libraries_that_are_chosen() {
    let sql = include_str!("schemas/libraries.sql");
    let chrono = Models::new().with(Library::Chrono);
    let verify = printed::libraries_chrono::verify();
    check("libraries", sql, "libraries_chrono", &chrono, &verify);
    let jiff = Models::new().with(Library::Jiff);
    let verify = printed::libraries_jiff::verify();
    check("libraries", sql, "libraries_jiff", &jiff, &verify);
    let none = [Library::Time, Library::Uuid, Library::RustDecimal, Library::SerdeJson]
        .into_iter()
        .fold(Models::new(), Models::without);
    let verify = printed::libraries_none::verify();
    check("libraries", sql, "libraries_none", &none, &verify);
}

const AWAY: &str = "onetrip models away";

#[test]
fn what_the_search_path_does_not_find_is_named_with_its_schema() {
    let create = format!("DROP SCHEMA IF EXISTS \"{AWAY}\" CASCADE; CREATE SCHEMA \"{AWAY}\";");
    let sql = [&create, include_str!("schemas/two_schemas.sql")].concat();
    let mut restored = Restored::new("two_schemas", &sql);
    let models = Models::new().schema(restored.schema()).schema(AWAY).exclude("left_out");
    compare("two_schemas", &models.print(&mut restored.client).unwrap());
    let report = printed::two_schemas::verify().run(&mut restored.client).unwrap();
    assert!(report.is_ok(), "{report}");
    // One refers to what is left out, and one to no key.
    assert_eq!(report.problems().len(), 2, "{report}");
    restored.client.batch_execute(&format!("DROP SCHEMA \"{AWAY}\" CASCADE")).unwrap();
}

#[test]
fn tables_are_chosen_by_name() {
    let sql = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);
        CREATE TABLE c (id int NOT NULL UNIQUE) PARTITION BY RANGE (id);
        CREATE TABLE c_1 PARTITION OF c DEFAULT";
    let mut restored = Restored::new("chosen", sql);
    let schema = restored.schema();
    let in_schema = Models::new().schema(&schema);
    let mut structs = |models: &Models| -> Vec<String> {
        let text = models.print(&mut restored.client).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub struct "));
        names.map(|name| name.trim_end_matches(" {").to_owned()).collect()
    };
    assert_eq!(structs(&in_schema), ["A", "B", "C"]);
    assert_eq!(structs(&Models::new().table("a").table(format!("{schema}.b"))), ["A", "B"]);
    assert_eq!(structs(&in_schema.clone().exclude("a").exclude(format!("{schema}.c"))), ["B"]);
    assert_eq!(structs(&in_schema.clone().table("c_1")), ["C1"], "a partition is a table, too");
    let error = in_schema.clone().table("x").print(&mut restored.client).unwrap_err();
    assert!(matches!(&error, Error::NoSuchTable(name) if name == "x"), "{error}");
    let error = Models::new().schema("no such").print(&mut restored.client).unwrap_err();
    assert_eq!(error.to_string(), "there is no schema \"no such\"");
}

#[test]
fn the_schemas_of_other_tests() {
    let sections = include_str!("schemas/of_other_tests.sql").split("\n-- == ").skip(1);
    let mut text = "// The models of the schemas of other tests.\n".to_owned();
    let mut names = Vec::new();
    let compiled = printed::of_other_tests::all();
    for section in sections {
        let (name, sql) = section.split_once('\n').expect("a name has a line of its own");
        let mut restored = Restored::new("of_other_tests", sql);
        let models = Models::new().schema(restored.schema());
        let printed = models.print(&mut restored.client).expect("the catalog can be read");
        let code = printed.find("use onetrip").expect("something is used");
        text.push_str(&format!("\npub mod {name} {{\n{}}}\n", &printed[code..]));
        names.push(name);
        if let Some((_, verify)) = compiled.iter().find(|(other, _)| *other == name) {
            let report = verify.run(&mut restored.client).expect("the query works");
            assert!(report.is_ok(), "{name}: {report}");
        }
    }
    text.push_str("\npub fn all() -> Vec<(&'static str, onetrip::Verify)> {\n    vec![\n");
    for name in &names {
        text.push_str(&format!("        ({name:?}, {name}::verify()),\n"));
    }
    text.push_str("    ]\n}\n");
    compare("of_other_tests", &text);
    assert!(names.len() > 50 && names.len() == compiled.len());
}

/// The text between a line with `start` and the next one with three backquotes.
fn block<'t>(text: &'t str, start: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("\n{start}\n")).expect("there is such a block");
    rest.split_once("\n```").expect("it ends").0
}

#[test]
fn the_book_shows_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/models-from-database.md");
    let chapter = fs::read_to_string(&path).expect("the chapter is there");
    let mut restored = Restored::new("book", block(&chapter, "```sql"));
    let models = Models::new().schema(restored.schema());
    let printed = models.print(&mut restored.client).expect("the catalog can be read");
    let expected = format!("{printed}# fn main() {{}}");
    let shown = block(&chapter, "```rust");
    if env::var_os("ONETRIP_MODELS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, chapter.replace(shown, &expected)).expect("the file can be written");
    } else {
        assert_eq!(shown, expected);
    }
}
