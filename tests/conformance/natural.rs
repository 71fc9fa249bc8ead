//! Rows that are found by a natural key, or added.

use onetrip::{ErrorKind, ForeignKey, Handle, Model, UnitOfWork, Upsert};

use crate::{Setup, suite};

suite! {
    what_is_there_is_found_and_the_rest_is_added: super::TAGS,
    an_upsert_wins: super::TAGS,
    an_upsert_writes_what_it_names: super::TAGS,
    the_same_natural_key_is_the_same_entity: super::TAGS,
    an_upsert_of_what_is_loaded_changes_it: super::TAGS,
    what_fails_can_be_mended: super::TAGS,
    what_is_rolled_back_is_forgotten: super::TAGS,
    a_flush_finds_what_a_flush_has_added: super::TAGS,
    a_row_gives_its_natural_key_up: super::TAGS,
    many_rows_are_found_by_their_keys: super::TAGS,
    natural_keys_are_looked_up: super::TAGS,
    a_chain_of_natural_keys: super::COUNTRIES,
    a_tree_by_natural_keys: super::FOLDERS,
    a_version_is_counted_up: super::VERSIONS,
    two_spellings_are_a_conflict: super::CITEXT,
    two_spellings_in_two_steps_are_a_conflict: super::CITEXT,
    upserts_of_one_entity_are_one_after_the_other: super::TAGS,
    what_was_renamed_is_known_by_its_new_name: super::TAGS,
    two_models_find_one_row: super::TAGS,
    columns_of_all_kinds_come_from_the_row: super::KINDS,
    several_natural_keys: super::SEVERAL,
    what_interferes_is_told: super::TAGS,
    indexes_that_do_not_do_are_told: super::WRONG,
    a_missing_privilege_is_told: super::TAGS,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
    #[model(default)]
    note: Option<String>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "posts")]
struct Post {
    #[model(key)]
    id: Option<i32>,
    title: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "post_tags")]
struct PostTag {
    #[model(key)]
    post_id: ForeignKey<Post>,
    #[model(key)]
    tag_id: ForeignKey<Tag>,
}

const TAGS: &str = "
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL,
        note text DEFAULT 'new');
    CREATE TABLE posts (id serial PRIMARY KEY, title text NOT NULL);
    CREATE TABLE post_tags (post_id int REFERENCES posts, tag_id int REFERENCES tags,
        PRIMARY KEY (post_id, tag_id));
    INSERT INTO tags (name, uses, note) VALUES ('rust', 10, NULL), ('sql', 20, 'old');";

fn tag(name: &str, uses: i32) -> Tag {
    Tag { id: None, name: name.to_owned(), uses, note: None }
}

const LINKS: &str = "SELECT title, name FROM post_tags JOIN posts ON posts.id = post_id
    JOIN tags ON tags.id = tag_id ORDER BY 1, 2";

fn what_is_there_is_found_and_the_rest_is_added(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let posts = ["p1", "p2"].map(|title| uow.add(Post { id: None, title: title.to_owned() }));
    let names = ["zig", "sql", "go", "rust"];
    let tags = names.map(|name| uow.find_or_add(tag(name, 1)).unwrap());
    for tag in tags {
        uow.add(PostTag { post_id: posts[0].into(), tag_id: tag.into() });
    }
    uow.add(PostTag { post_id: posts[1].into(), tag_id: tags[2].into() });
    let planned = uow.plan().unwrap();
    let what = if setup.name == "row_by_row" { "look for a row of tags" } else { "4 rows by name" };
    assert!(planned.to_string().contains(what), "{planned}");
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (9, 2), "{report}");
    assert!(report.round_trips() <= planned.round_trips() as u64, "{planned}{report}");
    if setup.commits_in_one_statement(9) {
        assert_eq!(report.round_trips(), 1, "{report}");
    }
    assert_eq!(tags.map(|tag| uow.was_found(tag).unwrap()), [false, true, false, true]);
    assert_eq!(tags.map(|tag| uow[tag].uses), [1, 20, 1, 10]);
    let notes = tags.map(|tag| uow[tag].note.clone());
    assert_eq!(notes, [Some("new".into()), Some("old".into()), Some("new".into()), None]);
    assert_eq!(uow[tags[3]].id, Some(1));
    assert_eq!(setup.schema.rows(LINKS), ["p1|go", "p1|rust", "p1|sql", "p1|zig", "p2|go"]);
    // No number was taken for those that were there.
    assert_eq!(setup.schema.rows("SELECT last_value FROM tags_id_seq"), ["4"]);
    // Nothing has changed by that.
    assert_eq!(uow.commit().unwrap().round_trips(), 0);
    // Asked for again, it is the same.
    assert_eq!(uow.find_or_add(tag("go", 7)).unwrap(), tags[2]);
    assert_eq!(uow.commit().unwrap().round_trips(), 0);
}

fn an_upsert_wins(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let rust = uow.upsert(tag("rust", 1)).unwrap();
    let go = uow.upsert(Tag { note: Some("hi".into()), ..tag("go", 2) }).unwrap();
    let sql = uow.find_or_add(tag("sql", 3)).unwrap();
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (1, 2));
    assert_eq!([rust, go, sql].map(|tag| uow[tag].uses), [1, 2, 20]);
    // A column that takes its default is left alone in a row that is there.
    assert_eq!(uow[rust].note, None);
    assert_eq!(
        setup.schema.rows("SELECT name, uses, note FROM tags ORDER BY name"),
        ["go|2|hi", "rust|1|NULL", "sql|20|old"]
    );
}

fn an_upsert_writes_what_it_names(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let count = || Upsert::new().set([]).increment(["uses"]);
    let noted = |name: &str| Tag { note: Some("noted".into()), ..tag(name, 5) };
    let rust = uow.upsert_with(noted("rust"), count()).unwrap();
    let go = uow.upsert_with(noted("go"), count()).unwrap();
    let sql = uow.upsert_with(noted("sql"), Upsert::new().set(["note"])).unwrap();
    uow.commit().unwrap();
    assert_eq!([rust, go, sql].map(|tag| uow[tag].uses), [15, 5, 20]);
    assert_eq!(
        setup.schema.rows("SELECT name, uses, note FROM tags ORDER BY name"),
        ["go|5|noted", "rust|15|NULL", "sql|20|noted"]
    );
    for (upsert, what) in [
        (Upsert::new().set(["name"]), "natural key"),
        (Upsert::new().set(["nothing"]), "nothing"),
        (Upsert::new().by("other"), "other"),
    ] {
        let error = uow.upsert_with(tag("x", 1), upsert).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

fn the_same_natural_key_is_the_same_entity(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let loaded = uow.query::<Tag>("name = 'rust'").load().unwrap()[0];
    let added = uow.add(tag("added", 1));
    assert_eq!(uow.find_or_add(tag("rust", 9)).unwrap(), loaded);
    assert_eq!(uow.find_or_add(tag("added", 9)).unwrap(), added);
    let first = uow.find_or_add(tag("go", 1)).unwrap();
    assert_eq!(uow.find_or_add(tag("go", 2)).unwrap(), first);
    assert_eq!(uow[first].uses, 1, "the first one wins");
    assert_eq!(uow.upsert(tag("go", 3)).unwrap(), first);
    assert_eq!(uow[first].uses, 3, "an upsert wins");
    // One whose natural key has changed is another.
    uow[first].name = "golang".to_owned();
    let second = uow.find_or_add(tag("go", 4)).unwrap();
    assert_ne!(first, second);
    assert_eq!(uow.commit().unwrap().rows(), 3);
    // Two that have become one are a conflict.
    let one = uow.find_or_add(tag("one", 1)).unwrap();
    let two = uow.find_or_add(tag("two", 1)).unwrap();
    uow[two].name = "one".to_owned();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    uow[two].name = "two".to_owned();
    uow.commit().unwrap();
    assert_ne!(uow[one].id, uow[two].id);
}

fn an_upsert_of_what_is_loaded_changes_it(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let loaded = uow.query::<Tag>("true").order_by("name").load().unwrap();
    assert_eq!(uow.upsert(tag("rust", 1)).unwrap(), loaded[0]);
    let more = Upsert::new().set([]).increment(["uses"]);
    assert_eq!(uow.upsert_with(tag("sql", 2), more).unwrap(), loaded[1]);
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.updated_rows()), (0, 2));
    assert_eq!(
        setup.schema.rows("SELECT id, name, uses, note FROM tags ORDER BY name"),
        ["1|rust|1|NULL", "2|sql|22|old"]
    );
}

fn what_fails_can_be_mended(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let rust = uow.find_or_add(tag("rust", 1)).unwrap();
    let go = uow.upsert(tag("go", 2)).unwrap();
    let post = uow.add(Post { id: None, title: "p".into() });
    uow.add(PostTag { post_id: post.into(), tag_id: rust.into() });
    let broken = uow.add(PostTag { post_id: post.into(), tag_id: ForeignKey::Key(999) });
    uow.commit().unwrap_err();
    assert_eq!((uow[rust].id, uow[go].id, uow[post].id), (None, None, None));
    assert_eq!((uow[rust].uses, uow.was_found(rust).unwrap()), (1, false));
    assert_eq!(setup.schema.count("tags"), 2);
    uow[broken].tag_id = go.into();
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (4, 1));
    assert_eq!(uow[rust].uses, 10);
    assert_eq!(setup.schema.rows(LINKS), ["p|go", "p|rust"]);
}

fn what_is_rolled_back_is_forgotten(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let rust = uow.find_or_add(tag("rust", 1)).unwrap();
    uow.flush().unwrap();
    assert_eq!((uow[rust].uses, uow.was_found(rust).unwrap()), (10, true));
    uow.rollback();
    assert!(uow.get(rust).is_err());
    let go = uow.find_or_add(tag("go", 1)).unwrap();
    uow.rollback();
    assert!(uow.get(go).is_err());
    let again = uow.find_or_add(tag("rust", 1)).unwrap();
    uow.commit().unwrap();
    assert_eq!(uow[again].uses, 10);
    assert_eq!(setup.schema.count("tags"), 2);
}

fn a_flush_finds_what_a_flush_has_added(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let go = uow.find_or_add(tag("go", 1)).unwrap();
    uow.flush().unwrap();
    assert_eq!(uow.find_or_add(tag("go", 2)).unwrap(), go);
    let zig = uow.find_or_add(tag("zig", 3)).unwrap();
    let undone: Result<(), onetrip::Error> = uow.savepoint(|uow| {
        let inner = uow.find_or_add(tag("inner", 1))?;
        uow.flush()?;
        assert!(uow[inner].id.is_some());
        uow.upsert_with(tag("x", 1), Upsert::new().set(["nothing"])).map(drop)
    });
    undone.unwrap_err();
    uow.commit().unwrap();
    let names = setup.schema.rows("SELECT name FROM tags ORDER BY 1");
    assert!(!names.contains(&"inner".to_owned()), "{names:?}");
    // Without a transaction, the savepoint has undone what was added before it as well.
    assert!(names.contains(&"go".to_owned()), "{names:?}");
    assert_eq!(uow.get(zig).is_ok(), names.contains(&"zig".to_owned()), "{names:?}");
}

fn a_row_gives_its_natural_key_up(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let loaded = uow.query::<Tag>("true").order_by("name").load().unwrap();
    uow.delete(loaded[0]).unwrap();
    let rust = uow.find_or_add(tag("rust", 1)).unwrap();
    uow[loaded[1]].name = "SQL".to_owned();
    let sql = uow.upsert(tag("sql", 2)).unwrap();
    uow.commit().unwrap();
    assert!(!uow.was_found(rust).unwrap() && !uow.was_found(sql).unwrap());
    assert_eq!(
        setup.schema.rows("SELECT name, uses FROM tags ORDER BY name COLLATE \"C\""),
        ["SQL|20", "rust|1", "sql|2"]
    );
    // And takes one that another is found by.
    uow[sql].name = "taken".to_owned();
    let taken = uow.find_or_add(tag("taken", 3)).unwrap();
    assert_ne!(taken, rust);
    let result = uow.commit();
    // The one that is found is the one that is loaded: either it is known, or it is refused.
    assert!(taken == sql || result.is_err());
    assert_eq!(setup.schema.count("tags"), 3);
}

fn many_rows_are_found_by_their_keys(setup: &Setup) {
    let mut client = setup.client();
    client
        .batch_execute(
            "INSERT INTO tags (name, uses) SELECT 'n' || n, n FROM generate_series(1, 300, 2) AS n",
        )
        .unwrap();
    let mut uow = setup.uow(&mut client);
    let tags: Vec<_> = (1..=300)
        .rev()
        .map(|n| uow.find_or_add(tag(&format!("n{n}"), 1_000 + n)).unwrap())
        .collect();
    let post = uow.add(Post { id: None, title: "p".into() });
    for &tag in &tags {
        uow.add(PostTag { post_id: post.into(), tag_id: tag.into() });
    }
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (451, 150));
    for (n, &tag) in (1..=300).rev().zip(&tags) {
        let uses = if n % 2 == 1 { n } else { 1_000 + n };
        assert_eq!((uow[tag].name.clone(), uow[tag].uses), (format!("n{n}"), uses));
        assert_eq!(uow.was_found(tag).unwrap(), n % 2 == 1);
    }
    let wrong = "SELECT name FROM tags WHERE name LIKE 'n%' AND NOT EXISTS
        (SELECT FROM post_tags WHERE tag_id = id)";
    assert!(setup.schema.rows(wrong).is_empty());
}

fn natural_keys_are_looked_up(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let go = uow.find_or_add(tag("go", 1)).unwrap();
    let names = ["sql", "nobody", "go", "sql"].map(str::to_owned);
    let found = uow.find_all_by::<Tag, _>(None, &names).unwrap();
    let sql = found[0].unwrap();
    assert_eq!(found, [Some(sql), None, Some(go), Some(sql)]);
    assert_eq!(uow[sql].uses, 20);
    assert_eq!(uow.find_by::<Tag, _>("sql".to_owned()).unwrap(), Some(sql));
    let error = uow.find_by::<Tag, _>(7).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Model, Some("name")), "{error}");
    let error = uow.find_by::<Post, _>(7).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("unique")), "{error}");
}

#[derive(Model, Clone, Debug)]
#[model(table = "countries")]
struct Country {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    code: String,
    name: Option<String>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "cities")]
struct City {
    #[model(key)]
    id: Option<i64>,
    #[model(unique)]
    country_id: ForeignKey<Country>,
    #[model(unique)]
    name: String,
    population: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "shops")]
struct Shop {
    #[model(key)]
    id: Option<i32>,
    city_id: ForeignKey<City>,
    name: String,
}

const COUNTRIES: &str = "
    CREATE TABLE countries (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        code varchar(2) NOT NULL UNIQUE, name text);
    CREATE TABLE cities (id bigserial PRIMARY KEY, country_id int NOT NULL REFERENCES countries,
        name text NOT NULL, population int NOT NULL, UNIQUE (country_id, name));
    CREATE TABLE shops (id serial PRIMARY KEY, city_id bigint NOT NULL REFERENCES cities,
        name text NOT NULL);
    INSERT INTO countries (code, name) VALUES ('ch', 'Switzerland'), ('li', 'Liechtenstein');
    INSERT INTO cities (country_id, name, population) VALUES (1, 'Zug', 1), (2, 'Zug', 2);";

fn import_shops(uow: &mut UnitOfWork<'_>) -> Handle<Country> {
    let [at, ch] = ["at", "ch"]
        .map(|code| uow.find_or_add(Country { id: None, code: code.into(), name: None }).unwrap());
    let de = uow.add(Country { id: None, code: "de".into(), name: None });
    let city = |uow: &mut UnitOfWork<'_>, country: ForeignKey<Country>, name: &str, people| {
        let city = City { id: None, country_id: country, name: name.into(), population: people };
        uow.upsert(city).unwrap()
    };
    let cities = [
        city(uow, at.into(), "Linz", 200),
        city(uow, ch.into(), "Bern", 130),
        city(uow, ch.into(), "Zug", 30),
        city(uow, ForeignKey::Key(2), "Zug", 31),
        city(uow, de.into(), "Ulm", 120),
    ];
    for (city, name) in cities.into_iter().zip(["A", "B", "C", "D", "E"]) {
        uow.add(Shop { id: None, city_id: city.into(), name: name.into() });
    }
    assert_eq!(city(uow, at.into(), "Linz", 201), cities[0], "the same, by a handle");
    de
}

fn a_chain_of_natural_keys(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    import_shops(&mut uow);
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (10, 3), "{report}");
    let shops = "SELECT s.name, o.code, c.name, c.population FROM shops s
        JOIN cities c ON c.id = city_id JOIN countries o ON o.id = country_id ORDER BY s.name";
    let expected = ["A|at|Linz|201", "B|ch|Bern|130", "C|ch|Zug|30", "D|li|Zug|31", "E|de|Ulm|120"];
    assert_eq!(setup.schema.rows(shops), expected);
    drop(uow);
    // Once more, all is there but the country that was only added.
    let mut uow = setup.uow(&mut client);
    let de = import_shops(&mut uow);
    uow.commit().unwrap_err();
    uow[de].code = "dk".to_owned();
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (7, 6), "{report}");
    assert_eq!(setup.schema.count("cities"), 6);
}

#[derive(Model, Clone, Debug)]
#[model(table = "folders")]
struct Folder {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    path: String,
    parent: Option<ForeignKey<Folder>>,
}

const FOLDERS: &str = "
    CREATE TABLE folders (id serial PRIMARY KEY, path text NOT NULL UNIQUE,
        parent int REFERENCES folders);
    INSERT INTO folders (path) VALUES ('/');
    INSERT INTO folders (path, parent) VALUES ('/a', 1);";

fn a_tree_by_natural_keys(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let (mut parent, mut last) = (None, None);
    for path in ["/", "/a", "/a/b", "/a/b/c"] {
        let folder = Folder { id: None, path: path.into(), parent };
        let handle = uow.find_or_add(folder).unwrap();
        (parent, last) = (Some(handle.into()), Some(handle));
    }
    uow.add(Folder { id: None, path: "/a/b/c/d".into(), parent });
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (3, 2), "{report}");
    let parent = uow[last.unwrap()].parent.as_ref().and_then(|p| p.key().copied());
    assert_eq!(
        setup.schema.rows("SELECT id FROM folders WHERE path = '/a/b'"),
        [parent.unwrap().to_string()]
    );
    assert_eq!(
        setup.schema.rows(
            "SELECT f.path, p.path FROM folders f LEFT JOIN folders p ON p.id = f.parent ORDER BY 1"
        ),
        ["/|NULL", "/a|/", "/a/b|/a", "/a/b/c|/a/b", "/a/b/c/d|/a/b/c"]
    );
    // Two that are found by natural keys and refer to each other cannot be.
    let one = uow.find_or_add(Folder { id: None, path: "one".into(), parent: None }).unwrap();
    let two =
        uow.find_or_add(Folder { id: None, path: "two".into(), parent: Some(one.into()) }).unwrap();
    uow[one].parent = Some(two.into());
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cycle, "{error}");
}

#[derive(Model, Clone, Debug)]
#[model(table = "settings")]
struct Setting {
    #[model(key)]
    tenant: i32,
    #[model(key)]
    id: i32,
    #[model(unique)]
    name: String,
    value: String,
    #[model(version)]
    version: i32,
}

const VERSIONS: &str = "
    CREATE TABLE settings (tenant int, id int, name text NOT NULL UNIQUE, value text NOT NULL,
        version int NOT NULL, PRIMARY KEY (tenant, id));
    INSERT INTO settings VALUES (1, 1, 'a', 'old', 7);";

fn a_version_is_counted_up(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let setting = |id, name: &str| Setting {
        tenant: 1,
        id,
        name: name.into(),
        value: "new".into(),
        version: 0,
    };
    let a = uow.upsert(setting(5, "a")).unwrap();
    let b = uow.upsert(setting(6, "b")).unwrap();
    uow.commit().unwrap();
    assert_eq!((uow[a].id, uow[a].version, uow[b].version), (1, 8, 0));
    uow[a].value = "newer".into();
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT * FROM settings ORDER BY id"),
        ["1|1|a|newer|9", "1|6|b|new|0"]
    );
}

#[derive(Model, Clone, Debug)]
#[model(table = "words")]
struct Word {
    #[model(key)]
    id: Option<i32>,
    #[model(unique, sql_type = "citext")]
    word: String,
}

const CITEXT: &str = "
    CREATE EXTENSION IF NOT EXISTS citext SCHEMA pg_catalog;
    CREATE TABLE words (id serial PRIMARY KEY, word citext NOT NULL UNIQUE);
    INSERT INTO words (word) VALUES ('Rust');";

fn two_spellings_are_a_conflict(setup: &Setup) {
    let mut client = setup.client();
    let word = |word: &str| Word { id: None, word: word.into() };
    for (one, other) in [("RUST", "rust"), ("new", "NEW")] {
        let mut uow = setup.uow(&mut client);
        uow.find_or_add(word(one)).unwrap();
        uow.find_or_add(word(other)).unwrap();
        let error = uow.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{one}: {error}");
        assert_eq!(error.table(), Some("words"), "{error}");
    }
    let mut uow = setup.uow(&mut client);
    uow.query::<Word>("true").load().unwrap();
    uow.find_or_add(word("rust")).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(setup.schema.rows("SELECT word FROM words"), ["Rust"]);
    drop(uow);
    let mut uow = setup.uow(&mut client);
    let rust = uow.find_or_add(word("rUSt")).unwrap();
    uow.commit().unwrap();
    assert_eq!(uow[rust].word, "Rust", "as the row has it");
}

#[derive(Model, Clone, Debug)]
#[model(table = "kinds")]
struct Kinds {
    #[model(key)]
    id: Option<i64>,
    #[model(unique)]
    number: i16,
    #[model(unique)]
    code: uuid::Uuid,
    #[model(sql_type = "mood")]
    mood: Option<String>,
    list: Vec<String>,
    #[model(generated)]
    twice: Option<i32>,
    #[model(default)]
    made: Option<f64>,
}

const KINDS: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE kinds (id bigserial PRIMARY KEY, number smallint NOT NULL, code uuid NOT NULL,
        mood mood, list text[] NOT NULL, twice int GENERATED ALWAYS AS (number * 2) STORED,
        made float8 DEFAULT 0.5, UNIQUE (code, number));
    INSERT INTO kinds (number, code, mood, list, made) VALUES
        (1, '00000000-0000-0000-0000-000000000001', 'sad', '{a,b}', 7.25);";

fn columns_of_all_kinds_come_from_the_row(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let kinds = |number: i16| Kinds {
        id: None,
        number,
        code: uuid::Uuid::from_u128(1),
        mood: Some("happy".into()),
        list: vec!["x".into(); number as usize],
        twice: None,
        made: None,
    };
    let found = uow.find_or_add(kinds(1)).unwrap();
    let added = uow.find_or_add(kinds(2)).unwrap();
    let given = uow.find_or_add(Kinds { made: Some(1.5), ..kinds(3) }).unwrap();
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (2, 1));
    let all = [found, added, given].map(|handle| uow[handle].clone());
    assert_eq!(all.clone().map(|kinds| kinds.twice), [Some(2), Some(4), Some(6)]);
    assert_eq!(all.clone().map(|kinds| kinds.made), [Some(7.25), Some(0.5), Some(1.5)]);
    assert_eq!(all[0].mood.as_deref(), Some("sad"));
    assert_eq!(all[0].list, ["a", "b"]);
    assert_eq!(all[2].list, ["x", "x", "x"]);
    assert_eq!(uow.upsert(kinds(2)).unwrap(), added);
}

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct Human {
    #[model(key)]
    id: Option<i32>,
    #[model(unique = "email")]
    email: String,
    #[model(unique = "badge")]
    office: i32,
    #[model(unique = "badge")]
    badge: i32,
}

const SEVERAL: &str = "
    CREATE TABLE people (id serial PRIMARY KEY, email text NOT NULL UNIQUE, office int NOT NULL,
        badge int NOT NULL, UNIQUE (office, badge));
    INSERT INTO people (email, office, badge) VALUES ('ada', 1, 1), ('bob', 1, 2);";

fn several_natural_keys(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let human = |email: &str, badge| Human { id: None, email: email.into(), office: 1, badge };
    let error = uow.find_or_add(human("ada", 7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    let ada = uow.find_or_add_by("email", human("ada", 7)).unwrap();
    let bob = uow.upsert_with(human("bobby", 2), Upsert::new().by("badge")).unwrap();
    uow.commit().unwrap();
    assert_eq!((uow[ada].id, uow[ada].badge), (Some(1), 1));
    assert_eq!((uow[bob].id, &*uow[bob].email), (Some(2), "bobby"));
    assert_eq!(uow.find_all_by::<Human, _>(Some("badge"), &[(1, 2)]).unwrap(), [Some(bob)]);
    assert_eq!(setup.schema.rows("SELECT email FROM people ORDER BY id"), ["ada", "bobby"]);
}

fn what_interferes_is_told(setup: &Setup) {
    let mut client = setup.client();
    client
        .batch_execute(
            "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN NEW.name := NEW.name || '!'; RETURN NEW; END $$;
             CREATE TRIGGER shout BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION shout();",
        )
        .unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Post { id: None, title: "p".into() });
    uow.find_or_add(tag("go", 1)).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!((setup.schema.count("tags"), setup.schema.count("posts")), (2, 0));
    drop(uow);
    client
        .batch_execute(
            "DROP TRIGGER shout ON tags;
             CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER swallow BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION swallow();",
        )
        .unwrap();
    let mut uow = setup.uow(&mut client);
    uow.find_or_add(tag("zig", 1)).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[derive(Model, Clone, Debug)]
#[model(table = "partial")]
struct Partial {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: Option<String>,
}

const WRONG: &str = "
    CREATE TABLE partial (id serial PRIMARY KEY, name text);
    CREATE UNIQUE INDEX partial_name ON partial (name) WHERE name <> 'x';";

fn indexes_that_do_not_do_are_told(setup: &Setup) {
    let mut client = setup.client();
    for (sql, code) in [
        ("", "42P10"),
        (
            "DROP INDEX partial_name; CREATE UNIQUE INDEX partial_name ON partial (lower(name))",
            "42P10",
        ),
        (
            "DROP INDEX partial_name; ALTER TABLE partial ADD CONSTRAINT u UNIQUE (name) DEFERRABLE",
            "55000",
        ),
    ] {
        client.batch_execute(sql).unwrap();
        let mut uow = setup.uow(&mut client);
        uow.find_or_add(Partial { id: None, name: Some("a".into()) }).unwrap();
        let error = uow.commit().unwrap_err();
        assert_eq!(error.sqlstate().map(|code| code.code()), Some(code), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("unique index")), "{error}");
        let error = uow.find_or_add(Partial { id: None, name: None }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    assert_eq!(setup.schema.count("partial"), 0);
}

/// One is looked for, or added, and the other upserted: two steps, each of which has one row.
fn two_spellings_in_two_steps_are_a_conflict(setup: &Setup) {
    let mut client = setup.client();
    let word = |word: &str| Word { id: None, word: word.into() };
    for (one, other) in [("RUST", "rust"), ("new", "NEW")] {
        let mut uow = setup.uow(&mut client);
        uow.find_or_add(word(one)).unwrap();
        uow.upsert(word(other)).unwrap();
        let error = uow.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{one}: {error}");
    }
    let mut uow = setup.uow(&mut client);
    uow.add(word("new"));
    uow.find_or_add(word("NEW")).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(setup.schema.rows("SELECT word FROM words"), ["Rust"]);
}

fn upserts_of_one_entity_are_one_after_the_other(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let count = || Upsert::new().set([]).increment(["uses"]);
    let noted = |name: &str, uses| Tag { note: Some("noted".into()), ..tag(name, uses) };
    for name in ["rust", "new"] {
        uow.upsert(noted(name, 5)).unwrap();
        uow.upsert_with(tag(name, 1), count()).unwrap();
    }
    for name in ["sql", "newer"] {
        uow.upsert_with(tag(name, 1), count()).unwrap();
        uow.upsert_with(noted(name, 7), Upsert::new().set(["note"])).unwrap();
        uow.upsert_with(tag(name, 2), count()).unwrap();
    }
    // A new row would get 8, and one that is there one more than it has.
    let open = uow.find_or_add(tag("open", 7)).unwrap();
    let error = uow.upsert_with(tag("open", 1), count()).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Unsupported, Some("uses")), "{error}");
    assert_eq!(uow[open].uses, 7);
    let zero = uow.find_or_add(tag("zero", 0)).unwrap();
    assert_eq!(uow.upsert_with(tag("zero", 1), count()).unwrap(), zero);
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT name, uses, note FROM tags ORDER BY name"),
        [
            "new|6|noted",
            "newer|3|noted",
            "open|7|new",
            "rust|6|noted",
            "sql|23|noted",
            "zero|1|new"
        ]
    );
}

fn what_was_renamed_is_known_by_its_new_name(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let added = uow.add(tag("added", 1));
    let rust = uow.find_by::<Tag, _>("rust".to_owned()).unwrap().unwrap();
    uow.find_or_add(tag("other", 1)).unwrap();
    uow[added].name = "renamed".to_owned();
    uow[rust].name = "iron".to_owned();
    assert_eq!(uow.find_or_add(tag("renamed", 2)).unwrap(), added);
    assert_eq!(uow.upsert(tag("iron", 2)).unwrap(), rust);
    // Another takes the name that was given up, and is the one that is known by it.
    let second = uow.add(tag("added", 3));
    assert_eq!(uow.find_or_add(tag("added", 4)).unwrap(), second);
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT name, uses FROM tags ORDER BY name"),
        ["added|3", "iron|2", "other|1", "renamed|1", "sql|20"]
    );
}

#[derive(Model, Clone, Debug)]
#[model(table = "tags")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    note: Option<String>,
}

fn two_models_find_one_row(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let note = |name: &str| Note { id: None, name: name.into(), note: Some("noted".into()) };
    let loaded = uow.find_by::<Note, _>("rust".to_owned()).unwrap().unwrap();
    uow[loaded].note = Some("changed".into());
    let rust = uow.find_or_add(tag("rust", 1)).unwrap();
    let count = Upsert::new().set([]).increment(["uses"]);
    let sql = uow.upsert_with(tag("sql", 1), count).unwrap();
    let noted = uow.upsert(note("sql")).unwrap();
    uow.commit().unwrap();
    assert_eq!(uow[rust].note.as_deref(), Some("changed"));
    assert_eq!((uow[sql].id, uow[noted].id), (Some(2), Some(2)));
    assert_eq!(
        setup.schema.rows("SELECT id, name, uses, note FROM tags ORDER BY id"),
        ["1|rust|10|changed", "2|sql|21|noted"]
    );
}

fn a_missing_privilege_is_told(setup: &Setup) {
    let mut client = setup.session();
    let role = format!("{}_reads", setup.schema.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
            GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {role};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}; SET ROLE {role}",
            schema = setup.schema.name()
        ))
        .unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Post { id: None, title: "p".into() });
    uow.find_or_add(tag("rust", 1)).unwrap();
    let error = uow.commit().unwrap_err();
    drop(uow);
    client.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
    assert_eq!(error.sqlstate().map(|code| code.code()), Some("42501"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("UPDATE")), "{error}");
    assert_eq!((setup.schema.count("posts"), setup.schema.count("tags")), (0, 2));
}
