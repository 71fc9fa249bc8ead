//! Tags of which half are there, and links to all of them, by the unit of work and by hand.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use onetrip::{ForeignKey, Model, Strategy, UnitOfWork};
use postgres::Client;

use crate::database::Database;

pub(crate) const TABLES: &str = "
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL);
    CREATE TABLE links (id serial PRIMARY KEY, tag_id int NOT NULL REFERENCES tags)";

#[derive(Model, Clone)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
}

#[derive(Model, Clone)]
#[model(table = "links")]
struct Link {
    #[model(key)]
    id: Option<i32>,
    tag_id: ForeignKey<Tag>,
}

fn name(tag: usize) -> String {
    format!("a tag of some length, number {tag}")
}

/// Fills the table with every second tag.
pub(crate) fn fill(database: &Database, tags: usize) {
    database.empty();
    database.run(&format!(
        "INSERT INTO tags (name, uses) SELECT 'a tag of some length, number ' || n, n
         FROM generate_series(0, {tags} - 1, 2) AS n"
    ));
    database.run("VACUUM ANALYZE tags");
}

/// The time of the commit.
pub(crate) fn by_commit(client: &mut Client, strategy: Strategy, tags: usize) -> Duration {
    let mut uow = UnitOfWork::new(client).with_strategy(strategy);
    for tag in 0..tags {
        let tag = uow.find_or_add(Tag { id: None, name: name(tag), uses: 1 });
        uow.add(Link { id: None, tag_id: tag.expect("it has a natural key").into() });
    }
    let started = Instant::now();
    let report = uow.commit().expect("the commit works");
    let elapsed = started.elapsed();
    assert_eq!((report.round_trips(), report.found_rows()), (1, tags.div_ceil(2)));
    elapsed
}

/// The time of a query for those that are there, an insert of the others, and one of the links.
pub(crate) fn by_hand(client: &mut Client, tags: usize) -> Duration {
    let names: Vec<String> = (0..tags).map(name).collect();
    let started = Instant::now();
    let mut transaction = client.transaction().expect("BEGIN works");
    let select = "SELECT name, id FROM tags WHERE name = ANY($1)";
    let rows = transaction.query(select, &[&names]).expect("the query works");
    let mut ids: HashMap<String, i32> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let missing: Vec<&String> = names.iter().filter(|name| !ids.contains_key(*name)).collect();
    let insert = "INSERT INTO tags (name, uses) SELECT unnest($1::text[]), 1 RETURNING name, id";
    let rows = transaction.query(insert, &[&missing]).expect("the insert works");
    ids.extend(rows.iter().map(|row| (row.get(0), row.get::<_, i32>(1))));
    let of_links: Vec<i32> = names.iter().map(|name| ids[name]).collect();
    let insert = "INSERT INTO links (tag_id) SELECT unnest($1::int[]) RETURNING id";
    let rows = transaction.query(insert, &[&of_links]).expect("the insert works");
    assert_eq!(rows.len(), tags);
    transaction.commit().expect("COMMIT works");
    started.elapsed()
}
