//! Keys that only the server can compare, and of types that have to be cast.

use onetrip::{Error, ForeignKey, Model, Strategy, UnitOfWork};

use crate::SPLIT;
use crate::common::Schema;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "people")]
struct Person {
    #[model(key, sql_type = "folded")]
    name: String,
    mentor: Option<ForeignKey<Person>>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "moods")]
struct Mood {
    #[model(key, sql_type = "mood")]
    label: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "entries")]
struct Entry {
    #[model(key)]
    id: i16,
    person: ForeignKey<Person>,
    mood: Option<ForeignKey<Mood>>,
}

/// The key is `smallint` in the database, and the reference `bigint`.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "remarks")]
struct Remark {
    #[model(key)]
    id: Option<i32>,
    #[model(sql_type = "int8")]
    entry_id: ForeignKey<Entry>,
}

/// Strings of this type are equal whatever their case, as those of `citext` are.
const TABLES: &str = r#"
    CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE DOMAIN folded AS text COLLATE any_case;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TABLE people (name folded PRIMARY KEY, mentor folded REFERENCES people);
    CREATE TABLE moods (label mood PRIMARY KEY);
    CREATE TABLE entries (id smallint PRIMARY KEY, person folded NOT NULL REFERENCES people, mood mood REFERENCES moods);
    CREATE TABLE remarks (id serial PRIMARY KEY, entry_id bigint NOT NULL REFERENCES entries);
    CREATE INDEX ON remarks (entry_id);
    INSERT INTO people VALUES ('Ada', NULL), ('Bob', 'ADA'), ('Cid', 'bob'), ('Dan', 'bOb');
    INSERT INTO moods VALUES ('sad'), ('happy');
    INSERT INTO entries VALUES (1, 'ADA', 'happy'), (2, 'ada', NULL), (3, 'CID', 'sad');
    INSERT INTO remarks (entry_id) VALUES (1), (3), (3)"#;

#[test]
fn keys_are_compared_as_the_server_does() -> Result<(), Error> {
    let schema = Schema::new("graph_kinds", TABLES);
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Person>("name IN ('ada', 'dan')").order_by("name").with(|person| {
            person.descendants().with(|person| {
                person.children::<Entry>();
            });
            person.ancestors();
            person.children::<Entry>().with(|entry| {
                entry.parent::<Mood>();
                entry.children::<Remark>();
                entry.parent::<Person>();
            });
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let roots: Vec<_> = graph.roots().collect();
        assert_eq!(uow[roots[0]].name, "Ada");
        let bob = graph.children::<Person>(roots[0])?.next().expect("one");
        assert_eq!(uow[bob].name, "Bob");
        let below: Vec<_> = graph.children::<Person>(bob)?.map(|p| uow[p].name.clone()).collect();
        assert_eq!(below, ["Cid", "Dan"]);
        assert_eq!(graph.parent::<Person>(roots[1])?, Some(bob));
        assert_eq!(graph.parent::<Person>(bob)?, Some(roots[0]));
        let entries: Vec<_> = graph.children::<Entry>(roots[0])?.collect();
        assert_eq!(entries.len(), 2);
        let mood = graph.parent::<Mood>(entries[0])?.map(|mood| &*uow[mood].label);
        assert_eq!(mood, Some("happy"));
        assert_eq!(graph.parent::<Mood>(entries[1])?, None);
        assert_eq!(graph.parent::<Person>(entries[1])?, Some(roots[0]));
        assert_eq!(graph.children::<Remark>(entries[0])?.len(), 1);
        let cid = graph.children::<Person>(bob)?.next().expect("two");
        assert_eq!(graph.children::<Entry>(cid)?.len(), 1);
    }
    Ok(())
}

/// The models know nothing of the collations.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "names")]
struct Name {
    #[model(key)]
    id: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "uses")]
struct Use {
    #[model(key)]
    id: i32,
    name: Option<ForeignKey<Name>>,
    /// In the default collation, though what it refers to is not.
    other: Option<ForeignKey<Name>>,
}

#[test]
fn collations_that_no_model_tells_of() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_collations",
        "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE names (id text COLLATE any_case PRIMARY KEY);
         CREATE TABLE uses (id int PRIMARY KEY, name text COLLATE any_case REFERENCES names, other text);
         INSERT INTO names VALUES ('Ab'), ('x');
         INSERT INTO uses VALUES (1, 'Ab', 'ab'), (2, 'ab', 'AB'), (3, 'AB', 'Ab'), (4, 'X', 'X'), (5, NULL, NULL)",
    );
    // From PostgreSQL 18 on, a foreign key is refused where its collation is not that of the key and one of
    // them is not deterministic. The rows, and how they are loaded, are the same without the foreign key.
    let version: u32 = schema.rows("SHOW server_version_num")[0].parse().expect("a number");
    let foreign_key = "ALTER TABLE uses ADD FOREIGN KEY (other) REFERENCES names";
    let added = schema.client().batch_execute(foreign_key);
    assert_eq!(added.is_ok(), version < 180_000, "{added:?}");
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Name>("true").order_by("id").with(|name| {
            name.children_by::<Use>("name").with(|one| {
                one.parent_by::<Name>("other");
            });
            name.children_by::<Use>("other").limit(2);
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let mut seen = Vec::new();
        for name in graph.roots() {
            let by = |column: &str| -> Result<Vec<i32>, Error> {
                Ok(graph.children_by::<Use>(column, name)?.map(|one| uow[one].id).collect())
            };
            seen.push((by("name")?, by("other")?));
            for one in graph.children_by::<Use>("name", name)? {
                assert_eq!(graph.parent_by::<Name>("other", one)?, Some(name), "{is_split}");
            }
        }
        assert_eq!(seen, [(vec![1, 2, 3], vec![1, 2]), (vec![4], vec![4])], "{is_split}");
    }
    Ok(())
}

/// A view has no key that the database keeps.
#[derive(Model, Clone, Debug)]
#[model(table = "owners")]
struct Owner {
    #[model(key)]
    id: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "pets")]
struct Pet {
    #[model(key)]
    id: i32,
    owner_id: ForeignKey<Owner>,
}

#[test]
fn a_row_that_is_there_twice_has_its_children_once() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_twice",
        "CREATE TABLE pets (id int PRIMARY KEY, owner_id int NOT NULL);
         INSERT INTO pets VALUES (1, 7), (2, 7), (3, 8);
         CREATE VIEW owners AS SELECT owner_id AS id FROM pets",
    );
    let mut client = schema.client();
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Owner>("true").order_by("id").with(|owner| {
            owner.children::<Pet>();
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let owner = graph.roots().next().expect("it is there");
        let pets: Vec<i32> = graph.children::<Pet>(owner)?.map(|pet| uow[pet].id).collect();
        assert_eq!((uow[owner].id, pets), (7, vec![1, 2]));
    }
    Ok(())
}
