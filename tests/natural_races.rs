//! Writers that find, add and upsert the same rows at once, at each isolation level: two seconds for each
//! strategy, or as many at each level as `ONETRIP_RACE_SECONDS` says.

#[path = "../examples/support/strategies.rs"]
mod strategies;

mod common;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::Schema;
use onetrip::{Error, ForeignKey, Model, Retry, UnitOfWork, Upsert};
use strategies::find;

#[derive(Model, Clone)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i64,
}

/// A model without a column that is in no index.
#[derive(Model, Clone)]
#[model(table = "words")]
struct Word {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "places")]
struct Place {
    #[model(key)]
    id: Option<i64>,
    #[model(unique)]
    tag_id: ForeignKey<Tag>,
    #[model(unique)]
    name: String,
    uses: i64,
}

#[derive(Model, Clone)]
#[model(table = "links")]
struct Link {
    #[model(key)]
    id: Option<i64>,
    name: String,
    tag_id: Option<ForeignKey<Tag>>,
    word_id: Option<ForeignKey<Word>>,
    place_id: Option<ForeignKey<Place>>,
}

const TABLES: &str = "
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses bigint NOT NULL);
    CREATE TABLE words (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE TABLE places (id bigserial PRIMARY KEY, tag_id int NOT NULL REFERENCES tags,
        name text NOT NULL, uses bigint NOT NULL, UNIQUE (tag_id, name));
    CREATE TABLE links (id bigserial PRIMARY KEY, name text NOT NULL, tag_id int REFERENCES tags,
        word_id int REFERENCES words, place_id bigint REFERENCES places);";

const NAMES: usize = 200;
const WRITERS: usize = 8;

/// What a commit does with its names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Find,
    Count,
    /// Some names are found or added, and others counted. That is two steps on one table, each of which
    /// locks its rows in order, so that two writers may wait for each other.
    Mixed,
    /// Places at tags, both of which may be new.
    Chain,
    Words,
}

const WORKS: [Work; 5] = [Work::Find, Work::Count, Work::Mixed, Work::Chain, Work::Words];

/// An xorshift, so that all runs are alike but for the order of events.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

fn name(n: usize) -> String {
    format!("name {n}")
}

/// One commit's entities.
fn write(uow: &mut UnitOfWork<'_>, work: Work, names: &[(usize, bool)]) -> Result<(), Error> {
    let count = || Upsert::new().set([]).increment(["uses"]);
    let link = Link { id: None, name: String::new(), tag_id: None, word_id: None, place_id: None };
    for &(n, is_counted) in names {
        let name = name(n);
        let link = Link { name: name.clone(), ..link.clone() };
        let is_counted = is_counted && work != Work::Find || work == Work::Count;
        let link = match work {
            Work::Words => {
                let word = uow.find_or_add(Word { id: None, name })?;
                Link { word_id: Some(word.into()), ..link }
            }
            Work::Chain => {
                let tag = Tag { id: None, name: self::name(n % 10), uses: 0 };
                let tag = uow.find_or_add(tag)?;
                let place = Place { id: None, tag_id: tag.into(), name, uses: 1 };
                let place = uow.upsert_with(place, count())?;
                Link { tag_id: Some(tag.into()), place_id: Some(place.into()), ..link }
            }
            _ if is_counted => {
                let tag = uow.upsert_with(Tag { id: None, name, uses: 1 }, count())?;
                Link { tag_id: Some(tag.into()), ..link }
            }
            _ => {
                let tag = uow.find_or_add(Tag { id: None, name, uses: 0 })?;
                Link { tag_id: Some(tag.into()), ..link }
            }
        };
        uow.add(link);
    }
    Ok(())
}

/// How often each name was counted, how many links were added, commits made and errors seen.
#[derive(Default)]
struct Done {
    counted: Vec<AtomicI64>,
    links: AtomicUsize,
    commits: AtomicUsize,
    conflicts: AtomicUsize,
}

fn race(strategy: &'static str, level: &'static str, work: Work) {
    let seconds: f64 = std::env::var("ONETRIP_RACE_SECONDS")
        .map_or(0.7, |seconds| seconds.parse().expect("a number of seconds"))
        / WORKS.len() as f64;
    let schema = Schema::new(
        &format!("race_{strategy}_{}_{work:?}", level.replace(' ', "_")).to_lowercase(),
        TABLES,
    );
    let mut done = Done::default();
    done.counted.resize_with(NAMES, AtomicI64::default);
    let (done, schema) = (&done, &schema);
    let is_strict = level == "read committed" && work != Work::Mixed;
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut client = schema.client();
                client
                    .batch_execute(&format!(
                        "SET default_transaction_isolation = '{level}'; SET deadlock_timeout = '50ms'"
                    ))
                    .unwrap();
                let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (writer as u64 + 1));
                let retry = Retry::new()
                    .attempts(1_000)
                    .base_delay(Duration::from_millis(1))
                    .max_delay(Duration::from_millis(20))
                    .on_retry(move |retrying| {
                        assert!(!is_strict, "{strategy} {work:?}: {}", retrying.error);
                        assert_conflict(retrying.error, level, work, strategy);
                    })
                    .with(move |uow| {
                        uow.with_strategy((find(strategy).unwrap().strategy)())
                    });
                while Instant::now() < until {
                    let names: Vec<_> =
                        (0..20).map(|_| (random.below(NAMES), random.below(2) == 0)).collect();
                    let mut attempts = 0;
                    retry
                        .run(&mut client, |uow| {
                            attempts += 1;
                            write(uow, work, &names)
                        })
                        .unwrap_or_else(|error| panic!("{strategy} {level} {work:?}: {error}"));
                    done.conflicts.fetch_add(attempts - 1, Ordering::Relaxed);
                    done.commits.fetch_add(1, Ordering::Relaxed);
                    done.links.fetch_add(names.len(), Ordering::Relaxed);
                    for &(n, is_counted) in &names {
                        let is_counted = match work {
                            Work::Count | Work::Chain => true,
                            Work::Mixed => is_counted,
                            Work::Find | Work::Words => false,
                        };
                        done.counted[n].fetch_add(i64::from(is_counted), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    println!(
        "{strategy} {level} {work:?}: {} commits, {} conflicts",
        done.commits.load(Ordering::Relaxed),
        done.conflicts.load(Ordering::Relaxed)
    );
    check(schema, done, work);
}

fn assert_conflict(error: &Error, level: &str, work: Work, strategy: &str) {
    let code = error.sqlstate().map(|code| code.code());
    assert!(
        matches!(code, Some("40001" | "40P01")),
        "{strategy} {level} {work:?}: not a conflict: {error}"
    );
}

fn check(schema: &Schema, done: &Done, work: Work) {
    assert_eq!(schema.count("links"), done.links.load(Ordering::Relaxed));
    let (table, column) = match work {
        Work::Words => ("words", "word_id"),
        Work::Chain => ("places", "place_id"),
        _ => ("tags", "tag_id"),
    };
    let wrong = format!(
        "SELECT * FROM links LEFT JOIN {table} t ON t.id = links.{column}
         WHERE t.name IS DISTINCT FROM links.name"
    );
    assert_eq!(schema.rows(&wrong), [""; 0]);
    let doubled = format!("SELECT name FROM {table} GROUP BY name HAVING count(*) > 1");
    assert_eq!(schema.rows(&doubled), [""; 0]);
    if work == Work::Chain {
        let wrong = "SELECT * FROM places p JOIN tags t ON t.id = p.tag_id
            JOIN links l ON l.place_id = p.id WHERE l.tag_id <> t.id
            OR t.name <> 'name ' || substring(p.name from 6)::int % 10";
        assert_eq!(schema.rows(wrong), [""; 0]);
    }
    if work != Work::Words {
        let expected: Vec<_> = schema
            .rows("SELECT DISTINCT name COLLATE \"C\" AS name FROM links ORDER BY name")
            .into_iter()
            .map(|name| {
                let n: usize = name["name ".len()..].parse().unwrap();
                format!("{name}|{}", done.counted[n].load(Ordering::Relaxed))
            })
            .collect();
        let sql = format!("SELECT name, uses FROM {table} ORDER BY name COLLATE \"C\"");
        assert_eq!(schema.rows(&sql), expected);
    }
}

fn all(strategy: &'static str) {
    for level in ["read committed", "repeatable read", "serializable"] {
        for work in WORKS {
            race(strategy, level, work);
        }
    }
}

#[test]
fn one_trip() {
    all("one_trip");
}

#[test]
fn auto() {
    all("auto");
}

#[test]
fn unnest() {
    all("unnest");
}

#[test]
fn row_by_row() {
    all("row_by_row");
}
