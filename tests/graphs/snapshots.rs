//! A graph is of one snapshot: what others commit meanwhile is in all of its levels, or in none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use onetrip::{Error, ForeignKey, Model, UnitOfWork};

use crate::common::Schema;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "boxes")]
struct Box {
    #[model(key)]
    id: Option<i32>,
    /// How many things are in it.
    things: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "things")]
struct Thing {
    #[model(key)]
    id: Option<i32>,
    box_id: ForeignKey<Box>,
    parts: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "parts")]
struct Part {
    #[model(key)]
    id: Option<i32>,
    thing_id: ForeignKey<Thing>,
}

const TABLES: &str = "
    CREATE TABLE boxes (id serial PRIMARY KEY, things bigint NOT NULL);
    CREATE TABLE things (id serial PRIMARY KEY, box_id int NOT NULL REFERENCES boxes, parts bigint NOT NULL);
    CREATE TABLE parts (id serial PRIMARY KEY, thing_id int NOT NULL REFERENCES things);
    INSERT INTO boxes (things) SELECT 0 FROM generate_series(1, 3)";

/// Each is a transaction: a thing with its parts comes into a box, or goes.
const ADD: &str = "
    BEGIN; UPDATE boxes SET things = things + 1 WHERE id = (SELECT 1 + floor(random() * 3)::int);
    WITH t AS (INSERT INTO things (box_id, parts)
        SELECT id, 2 FROM boxes ORDER BY things - (SELECT count(*) FROM things WHERE box_id = boxes.id) DESC LIMIT 1
        RETURNING id) INSERT INTO parts (thing_id) SELECT id FROM t, generate_series(1, 2); COMMIT";
const REMOVE: &str = "
    BEGIN; DELETE FROM parts WHERE thing_id = (SELECT min(id) FROM things);
    WITH t AS (DELETE FROM things WHERE id = (SELECT min(id) FROM things) RETURNING box_id)
    UPDATE boxes SET things = things - 1 FROM t WHERE id = box_id; COMMIT";

/// Tells the writer that it is over.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_others_commit_is_in_all_levels_or_in_none() -> Result<(), Error> {
    let schema = Schema::new("graph_snapshots", TABLES);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut writer = schema.client();
        writer.batch_execute("SET synchronous_commit = off").expect("anyone may");
        let is_over = &is_over;
        scope.spawn(move || {
            let mut turn = 0;
            while !is_over.load(Ordering::Relaxed) {
                let sql = if turn % 5 < 3 { ADD } else { REMOVE };
                writer.batch_execute(sql).expect("the transaction works");
                turn += 1;
            }
        });
        let mut client = schema.client();
        // Also when the test fails.
        let _end = OnDrop(is_over);
        (0..150).try_for_each(|look| load_and_count(&mut client, look % 2 == 1))
    })
}

fn load_and_count(client: &mut postgres::Client, is_split: bool) -> Result<(), Error> {
    let mut uow = UnitOfWork::new(client);
    let query = uow.query::<Box>("true").with(|a_box| {
        a_box.children::<Thing>().with(|thing| {
            thing.children::<Part>();
        });
    });
    let graph = if is_split { query.split() } else { query }.load()?;
    for a_box in graph.roots() {
        let things = graph.children::<Thing>(a_box)?;
        assert_eq!(things.len() as i64, uow[a_box].things, "split: {is_split}");
        for thing in things {
            let parts = graph.children::<Part>(thing)?.len();
            assert_eq!(parts as i64, uow[thing].parts, "split: {is_split}");
        }
    }
    Ok(())
}
