//! The examples behind the pooler, as programs.

use super::place::{Place, SESSIONS};
use super::programs::{Repository, measured, program, run};

/// The pool's sessions, each with a search path of its own: what an example relies on, it does not have.
fn bewildered(test: &str) -> Option<Place> {
    let place = Place::new(test, "CREATE SCHEMA elsewhere")?;
    let sql = "SET search_path = elsewhere";
    assert_eq!(place.in_each_session(sql).len(), SESSIONS);
    Some(place)
}

/// Nothing is left in the sessions but what they had.
fn assert_untouched(place: &Place) {
    let paths = place.in_each_session("SHOW search_path");
    assert!(paths.iter().all(|path| path == &["elsewhere"]), "{paths:?}");
    let prepared = "SELECT name FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'
                    AND name NOT LIKE 'PGBOUNCER%'";
    let prepared = place.in_each_session(prepared);
    assert!(prepared.iter().all(Vec::is_empty), "{prepared:?}");
    assert_eq!(
        place.rows("SELECT FROM pg_class WHERE relnamespace = 'elsewhere'::regnamespace").len(),
        0
    );
}

#[test]
fn the_demo_is_as_it_is_without_a_pooler() {
    let Some(place) = bewildered("demo") else { return };
    let mut demo = program("demo");
    demo.env("DATABASE_URL", place.url()).args(["--json", "--latency=0", "--users=20"]);
    let measured = measured(&mut demo);
    assert_eq!(measured.len(), 9);
    for (name, round_trips) in measured {
        // The driver closes a statement after each COPY, and does not wait for the answer.
        let expected = match &*name {
            "row_by_row" => 62,
            "batch" | "unnest" | "levels" => 5,
            "graph" => 2,
            "one_trip" | "auto" => 1,
            _ => continue,
        };
        assert_eq!(round_trips, expected, "{name}");
    }
    assert_untouched(&place);
    let left = "SELECT FROM pg_namespace WHERE nspname = 'onetrip_demo'";
    assert_eq!(place.rows(left).len(), 0);
}

#[test]
fn a_repository_is_imported_and_imported_again() {
    let Some(place) = bewildered("git_import") else { return };
    let repository = Repository::new("pgbouncer_git");
    for strategy in ["auto", "copy", "unnest", "row_by_row"] {
        for option in ["--drop", "--update", "--update"] {
            repository.commit(&format!("{strategy} {option}"));
            let mut import = program("git_import");
            import.env("DATABASE_URL", place.url()).arg(repository.path());
            // It checks by itself that the database has what git has.
            let output = run(import.args([option, "--strategy", strategy]));
            assert!(output.contains("as git has them"), "{output}");
        }
        place.direct().batch_execute("DROP SCHEMA onetrip_git CASCADE").expect("it is there");
        assert_untouched(&place);
    }
}
