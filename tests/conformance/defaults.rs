//! Server defaults: taken by some rows and not by others, and rows of nothing else.

use onetrip::Model;
use time::OffsetDateTime;

use crate::{Setup, suite};

#[derive(Model, Clone, Debug)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    text: Option<String>,
    #[model(default)]
    created: Option<OffsetDateTime>,
    #[model(default)]
    priority: Option<Option<i32>>,
    #[model(default)]
    twice: Option<i32>,
    #[model(skip)]
    draft: Vec<u8>,
}

fn note(text: Option<&str>) -> Note {
    Note {
        id: None,
        text: text.map(str::to_owned),
        created: None,
        priority: None,
        twice: None,
        draft: vec![1],
    }
}

fn defaults_mix_with_values(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let start = OffsetDateTime::from_unix_timestamp(1_000_000_000).unwrap();
    let absent = uow.add(note(None));
    let null = uow.add(Note { priority: Some(None), ..note(Some("null")) });
    let given = uow.add(Note {
        id: Some(500),
        created: Some(start),
        priority: Some(Some(9)),
        ..note(Some("given"))
    });
    uow.commit().unwrap();
    assert_eq!(uow[absent].priority, Some(Some(3)), "the default was taken and read back");
    assert_eq!(uow[absent].twice, Some(6), "so was a generated column");
    assert!(uow[absent].created.is_some_and(|at| at > start));
    assert_eq!(
        uow[null].priority,
        Some(None),
        "an explicit NULL is none of the database's business"
    );
    assert_eq!(uow[null].twice, None);
    assert_eq!(
        (uow[given].id, uow[given].created, uow[given].twice),
        (Some(500), Some(start), Some(18))
    );
    assert_eq!(uow[given].draft, [1], "a skipped field stays");
    assert_eq!(
        setup.schema.rows("SELECT text, priority FROM notes ORDER BY priority NULLS FIRST"),
        ["null|NULL", "NULL|3", "given|9"]
    );

    let mut other = setup.client();
    let mut uow = setup.uow(&mut other);
    let found = uow.find::<Note>(500).unwrap().unwrap();
    assert_eq!(uow[found].priority, Some(Some(9)));
    assert_eq!(uow[found].draft, Vec::<u8>::new());
}

#[derive(Model, Clone, Debug)]
#[model(table = "ticks")]
struct Tick {
    #[model(key)]
    id: Option<i64>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "marks")]
struct Mark {
    #[model(key)]
    id: Option<i64>,
    #[model(default)]
    at: Option<i32>,
}

fn rows_of_nothing_but_defaults(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ticks: Vec<_> = (0..5).map(|_| uow.add(Tick { id: None })).collect();
    let marks: Vec<_> = (0..5).map(|_| uow.add(Mark { id: None, at: None })).collect();
    uow.commit().unwrap();
    let mut ids: Vec<_> = ticks.iter().map(|&tick| uow[tick].id.unwrap().to_string()).collect();
    ids.sort();
    assert_eq!(setup.schema.rows("SELECT id FROM ticks ORDER BY id::text"), ids);
    assert!(marks.iter().all(|&mark| uow[mark].at == Some(7)));
    assert_eq!(setup.schema.count("marks"), 5);
}

#[derive(Model, Clone, Debug)]
#[model(table = "lists")]
struct List {
    #[model(key)]
    id: Option<i32>,
    numbers: Vec<i64>,
    words: Option<Vec<String>>,
}

fn arrays_of_any_length(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let words = |n: usize| (0..n).map(|at| format!("{n},{at}")).collect::<Vec<_>>();
    let lists: Vec<_> = (0..20_usize)
        .map(|n| {
            let numbers = (0..n as i64 % 5).collect();
            uow.add(List { id: None, numbers, words: (n % 3 > 0).then(|| words(n % 4)) })
        })
        .collect();
    uow.commit().unwrap();
    let mut empty = setup.client();
    let mut bare = setup.uow(&mut empty);
    bare.add(List { id: None, numbers: vec![], words: None });
    bare.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT numbers, words FROM lists WHERE id = 21"), ["{}|NULL"]);
    let mut other = setup.client();
    let mut again = setup.uow(&mut other);
    for list in lists {
        let found = again.find::<List>(uow[list].id.unwrap()).unwrap().unwrap();
        assert_eq!(again[found].numbers, uow[list].numbers);
        assert_eq!(again[found].words, uow[list].words);
    }
}

suite! {
    defaults_mix_with_values: "CREATE TABLE notes (id serial PRIMARY KEY, text text,
        created timestamptz NOT NULL DEFAULT now(), priority int DEFAULT 3,
        twice int GENERATED ALWAYS AS (priority * 2) STORED)",
    arrays_of_any_length: "CREATE TABLE lists (id serial PRIMARY KEY, numbers bigint[] NOT NULL, words text[])",
    rows_of_nothing_but_defaults: "CREATE TABLE ticks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
        CREATE TABLE marks (id bigserial PRIMARY KEY, at int NOT NULL DEFAULT 7)",
}
