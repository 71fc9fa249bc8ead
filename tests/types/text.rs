//! Text, in the server's several types for it, and long values.

use onetrip::{ErrorKind, Model};

use super::*;

#[derive(Model, Clone, Debug)]
#[model(table = "strings")]
struct Strings {
    #[model(key)]
    id: i32,
    text: String,
    varchar: String,
    name: String,
    bpchar: String,
    /// `bpchar` as text, which has no padding.
    #[model(sql_type = "bpchar")]
    trimmed: String,
}

#[test]
fn all_string_types_are_read_as_strings() {
    let schema = Schema::new(
        "types_string_columns",
        "CREATE TABLE strings (id int PRIMARY KEY, text text NOT NULL, varchar varchar(5) NOT NULL,
             name name NOT NULL, bpchar char(5) NOT NULL, trimmed char(5) NOT NULL)",
    );
    for (id, strategy) in (0..).zip(strategies()) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let text = || "ab c".to_owned();
        uow.add(Strings {
            id,
            text: text(),
            varchar: text(),
            name: text(),
            bpchar: text(),
            trimmed: text(),
        });
        uow.commit().unwrap();
        uow.clear();
        let found = uow.find::<Strings>(id).unwrap().unwrap();
        let found = &uow[found];
        // Also where the server pads them.
        let columns = [&found.text, &found.varchar, &found.name, &found.trimmed, &found.bpchar];
        for column in columns {
            assert_eq!(column, "ab c");
        }
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "lists")]
struct Lists {
    #[model(key)]
    id: i32,
    /// Arrays of other string types need their name, which is that of `pg_type`.
    #[model(sql_type = "_varchar")]
    varchars: Vec<String>,
    #[model(sql_type = "_mood")]
    moods: Option<Vec<String>>,
}

#[test]
fn arrays_of_other_string_types() {
    let schema = Schema::new(
        "types_string_arrays",
        "CREATE TYPE mood AS ENUM ('happy', 'sad');
         CREATE TABLE lists (id int PRIMARY KEY, varchars varchar(5)[] NOT NULL, moods mood[])",
    );
    for (id, strategy) in (0..).zip(strategies()) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let varchars = vec![String::new(), "a,\"b\\".to_owned()];
        let moods = Some(vec!["sad".to_owned(), "happy".to_owned()]);
        let row = uow.add(Lists { id, varchars: varchars.clone(), moods: moods.clone() });
        uow.commit().unwrap();
        uow.clear();
        let found = uow.find::<Lists>(id).unwrap().unwrap();
        assert_eq!((&uow[found].varchars, &uow[found].moods), (&varchars, &moods));
        assert!(uow.get(row).is_err());

        // Too long for the elements' type: never cut.
        uow.add(Lists { id: id + 100, varchars: vec!["too long".to_owned()], moods: None });
        let error = uow.commit().unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "22001", "{error}");
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "undeclared")]
struct Undeclared {
    #[model(key)]
    id: i32,
    varchars: Vec<String>,
}

#[test]
fn an_array_of_varchar_that_the_model_takes_for_text() {
    let schema = Schema::new(
        "types_undeclared",
        "CREATE TABLE undeclared (id int PRIMARY KEY, varchars varchar[] NOT NULL)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(Undeclared { id: 1, varchars: vec!["a".to_owned()] });
    uow.commit().unwrap();
    uow.clear();
    // As a single value, varchar reads as text.
    let found = uow.find::<Undeclared>(1).unwrap().unwrap();
    assert_eq!(uow[found].varchars, ["a"]);
}

#[derive(Model, Clone)]
#[model(table = "long")]
struct Long {
    #[model(key)]
    id: i32,
    text: String,
    bytes: Vec<u8>,
    list: Vec<i32>,
}

#[test]
fn long_values() {
    let schema = Schema::new(
        "types_long",
        "CREATE TABLE long (id int PRIMARY KEY, text text NOT NULL, bytes bytea NOT NULL, list int[] NOT NULL)",
    );
    for (id, strategy) in (0..).zip(strategies()) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let text = "é😀x".repeat(150_000);
        assert!(text.len() > 1_000_000);
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let list: Vec<i32> = (0..100_000).collect();
        uow.add(Long { id, text: text.clone(), bytes: bytes.clone(), list: list.clone() });
        uow.commit().unwrap();
        uow.clear();
        let found = uow.find::<Long>(id).unwrap().unwrap();
        assert!(uow[found].text == text && uow[found].bytes == bytes && uow[found].list == list);
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "texts")]
struct Texts {
    #[model(key)]
    id: i32,
    text: Option<String>,
    boxed: Option<Box<str>>,
    shared: Option<Arc<str>>,
    list: Vec<String>,
}

#[test]
fn a_nul_character_is_refused_wherever_it_is() {
    let schema = Schema::new(
        "types_nul",
        "CREATE TABLE texts (id int PRIMARY KEY, text text, boxed text, shared text, list text[] NOT NULL)",
    );
    let empty = || Texts { id: 1, text: None, boxed: None, shared: None, list: Vec::new() };
    let nul = "secret\0".to_owned();
    for strategy in strategies() {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        uow.add(Texts { id: 0, ..empty() });
        let row = uow.add(empty());
        for (column, wrong) in [
            ("text", Texts { text: Some(nul.clone()), ..empty() }),
            ("boxed", Texts { boxed: Some(nul.clone().into()), ..empty() }),
            ("shared", Texts { shared: Some(nul.clone().into()), ..empty() }),
            ("list", Texts { list: vec!["fine".into(), nul.clone()], ..empty() }),
        ] {
            uow[row] = wrong;
            let error = uow.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
            assert_eq!((error.table(), error.column()), (Some("texts"), Some(column)));
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(schema.count("texts"), 0);
        }
    }
}
