//! Names that need quoting, schemas, and column types of one's own.

use onetrip::{BoxError, BytesMut, ErrorKind, ForeignKey, Model, SqlType, Value};

use crate::{Setup, suite};

#[derive(Model, Clone, Debug)]
#[model(schema = "onetrip a.B", table = "or\"der")]
struct Order {
    #[model(key, column = "Id $1")]
    id: Option<i32>,
    #[model(column = "select")]
    select: String,
    r#type: i32,
    #[model(column = "Übermäßig 'quoted' \\ name")]
    odd: Option<ForeignKey<Order>>,
}

fn names_are_taken_literally(setup: &Setup) {
    // One schema with this name serves all runs of this case, one after the other.
    let mut lock = setup.session();
    lock.batch_execute("SELECT pg_advisory_lock(867530)").unwrap();
    lock.batch_execute(
        r#"DROP SCHEMA IF EXISTS "onetrip a.B" CASCADE; CREATE SCHEMA "onetrip a.B";
           CREATE TABLE "onetrip a.B"."or""der" ("Id $1" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
               "select" text NOT NULL, type int NOT NULL,
               "Übermäßig 'quoted' \ name" int REFERENCES "onetrip a.B"."or""der")"#,
    )
    .unwrap();
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let first = uow.add(Order { id: None, select: "x".into(), r#type: 1, odd: None });
    let second = uow.add(Order { id: None, select: "y".into(), r#type: 2, odd: first.into() });
    uow.commit().unwrap();
    let ids = (uow[first].id.unwrap(), uow[second].id.unwrap());
    assert_eq!(uow[second].odd, Some(ForeignKey::Key(ids.0)));
    drop(uow);
    let mut uow = setup.uow(&mut client);
    let found = uow.find::<Order>(ids.1).unwrap().unwrap();
    assert_eq!((&*uow[found].select, uow[found].r#type), ("y", 2));
    drop(uow);
    lock.batch_execute(r#"DROP SCHEMA "onetrip a.B" CASCADE"#).unwrap();
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Happy,
    Sad,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        out.extend_from_slice(if *self == Mood::Happy { b"happy" } else { b"sad" });
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match raw {
            b"happy" => Ok(Mood::Happy),
            b"sad" => Ok(Mood::Sad),
            _ => Err("not a mood".into()),
        }
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct Person {
    #[model(key, sql_type = "citext")]
    email: String,
    #[model(sql_type = "Mood")]
    mood: Mood,
    #[model(sql_type = "Mood", default)]
    usual: Option<Mood>,
    #[model(sql_type = "positive")]
    age: Option<i32>,
    #[model(sql_type = "bpchar")]
    code: String,
    /// The column's own type is that of the key that it refers to.
    friend: Option<ForeignKey<Person>>,
}

fn person(email: &str) -> Person {
    Person {
        email: email.into(),
        mood: Mood::Sad,
        usual: None,
        age: Some(36),
        code: "abc".into(),
        friend: None,
    }
}

fn enums_domains_and_citext(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(person("Ada@example.org"));
    let bob =
        uow.add(Person { usual: Some(Mood::Sad), friend: ada.into(), ..person("bob@example.org") });
    uow.commit().unwrap();
    assert_eq!(uow[ada].usual, Some(Mood::Happy), "the default is read back");
    assert_eq!(uow[bob].usual, Some(Mood::Sad));
    assert_eq!(uow[bob].friend, Some(ForeignKey::Key("Ada@example.org".into())));

    let mut other = setup.client();
    let mut uow = setup.uow(&mut other);
    let found = uow.find::<Person>("ADA@EXAMPLE.ORG").unwrap().expect("citext ignores case");
    assert_eq!(uow[found].email, "Ada@example.org");
    assert_eq!((uow[found].mood, uow[found].age), (Mood::Sad, Some(36)));
    assert_eq!(uow.find::<Person>("aDA@example.org").unwrap(), Some(found), "one row, one entity");
}

fn values_that_a_type_refuses(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(Person { age: Some(-1), ..person("ada") });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23514", "{error}");
    uow[ada].age = None;
    uow[ada].code = "longer than the column".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22001", "too long is never cut: {error}");
    uow[ada].code = "a\0b".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!((error.table(), error.column()), (Some("people"), Some("code")));
    assert!(!error.to_string().contains("a\0b"), "no values in errors: {error}");
    uow[ada].code = "ok".into();
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT email, age FROM people"), ["ada|NULL"]);
}

#[derive(Model, Clone, Debug)]
#[model(table = "wrong")]
struct Wrong {
    #[model(key)]
    id: Option<i32>,
    ratio: i64,
}

fn a_column_of_another_type(setup: &Setup) {
    setup.client().execute("INSERT INTO wrong VALUES (1, 0.5)", &[]).unwrap();
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let error = uow.find::<Wrong>(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.table(), Some("wrong"));
    let text = error.to_string();
    assert!(text.contains("ratio") && text.contains("float8") && text.contains("int8"), "{text}");
}

const PEOPLE: &str = r#"
    SELECT pg_advisory_lock(867531);
    CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
    SELECT pg_advisory_unlock(867531);
    CREATE TYPE "Mood" AS ENUM ('happy', 'sad');
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TABLE people (email citext PRIMARY KEY, mood "Mood" NOT NULL,
        usual "Mood" NOT NULL DEFAULT 'happy', age positive, code char(5) NOT NULL,
        friend citext REFERENCES people)"#;

suite! {
    names_are_taken_literally: "",
    enums_domains_and_citext: super::PEOPLE,
    values_that_a_type_refuses: super::PEOPLE,
    a_column_of_another_type: "CREATE TABLE wrong (id int PRIMARY KEY, ratio float8 NOT NULL)",
}
