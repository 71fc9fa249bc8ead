//! Columns: types, NULL, defaults, and those that one side lacks.

use insta::assert_snapshot;
use onetrip::{ForeignKey, Model, ProblemKind, Verify};

use crate::{ADDRESSES, USERS, User, kinds, report, users_and_addresses};

#[derive(Model, Clone)]
#[model(table = "typed")]
struct Typed {
    #[model(key)]
    id: i32,
    number: i32,
    text: String,
    texts: Vec<String>,
    #[model(sql_type = "mood")]
    mood: String,
    #[model(sql_type = "_mood")]
    moods: Vec<String>,
    #[model(sql_type = "json")]
    json: String,
}

const MOODS: &str = "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE DOMAIN happy AS mood;
    CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE DOMAIN digit AS small NOT NULL;
    CREATE DOMAIN word AS varchar(20);";

#[test]
fn domains_are_what_they_are_made_of_and_strings_are_all_alike() {
    for (test, columns) in [
        (
            "types_a",
            "number int NOT NULL, text text NOT NULL, texts text[] NOT NULL,
            mood mood NOT NULL, moods mood[] NOT NULL, json json NOT NULL",
        ),
        (
            "types_b",
            "number digit, text word NOT NULL, texts varchar(5)[] NOT NULL,
            mood happy NOT NULL, moods mood[] NOT NULL, json json NOT NULL",
        ),
        (
            "types_c",
            "number small NOT NULL, text char(7) NOT NULL, texts name[] NOT NULL,
            mood mood NOT NULL, moods mood[] NOT NULL, json json NOT NULL",
        ),
    ] {
        let tables = format!("{MOODS} CREATE TABLE typed (id int PRIMARY KEY, {columns})");
        let report = report(test, &tables, &Verify::new().model::<Typed>());
        assert_eq!(report.to_string(), "1 model fits the database");
    }
}

#[test]
fn another_type_is_a_problem_and_its_advice_is_the_rust_type() {
    let tables = format!(
        "{MOODS} CREATE TABLE typed (id bigint PRIMARY KEY, number mood NOT NULL,
            text mood NOT NULL, texts happy[] NOT NULL, mood int NOT NULL, moods mood NOT NULL,
            json jsonb NOT NULL)"
    );
    let report = report("types_wrong", &tables, &Verify::new().model::<Typed>());
    assert_eq!(kinds(&report), [ProblemKind::Type; 7]);
    assert_snapshot!(report, @r#"
    typed.id: bigint in the database, integer in the model: make the field's type `i64`, or the column's integer
    typed.number: mood in the database, integer in the model: make the field a `String`, or a type of your own that is sent as text, with `#[model(sql_type = "mood")]`
    typed.text: mood in the database, text in the model: name the column's type with `#[model(sql_type = "mood")]`
    typed.texts: happy[] in the database, text[] in the model: name the column's type with `#[model(sql_type = "_happy")]`
    typed.mood: integer in the database, mood in the model: correct `sql_type`
    typed.moods: mood in the database, mood[] in the model: correct `sql_type`
    typed.json: jsonb in the database, json in the model: correct `sql_type`
    "#);
}

#[test]
fn a_named_type_has_to_exist() {
    let tables = "CREATE TABLE typed (id int PRIMARY KEY, number int NOT NULL, text text NOT NULL,
        texts text[] NOT NULL, mood text NOT NULL, moods text[] NOT NULL, json json NOT NULL)";
    let report = report("types_missing", tables, &Verify::new().model::<Typed>());
    assert_eq!(kinds(&report), [ProblemKind::MissingType; 2]);
    assert_snapshot!(report, @r#"
    typed.mood: the type "mood" does not exist: create it, or correct `sql_type`; the column's is text
    typed.moods: the type "_mood" does not exist: create it, or correct `sql_type`; the column's is text[]
    "#);
}

#[test]
fn a_reference_has_the_type_of_the_key() {
    let addresses = ADDRESSES.replace("user_id int", "user_id bigint");
    let report = report("types_reference", &[USERS, &addresses].concat(), &users_and_addresses());
    assert_eq!(kinds(&report), [ProblemKind::Type]);
    assert_snapshot!(report, @"addresses.user_id: bigint in the database, integer in the model: it holds the key of users: give that key the same type, in its model and in the database, or name this column's with `#[model(sql_type = \"int8\")]`");
}

#[derive(Model, Clone)]
#[model(table = "visits")]
struct Visit {
    #[model(key)]
    id: i32,
    host: ForeignKey<User>,
    #[model(sql_type = "int2")]
    guest: ForeignKey<User>,
    #[model(sql_type = "int8")]
    friend: Option<ForeignKey<User>>,
}

#[test]
fn a_reference_of_another_type_than_the_key_names_it() {
    let visits = "CREATE TABLE visits (id int PRIMARY KEY, host smallint NOT NULL REFERENCES users,
        guest smallint NOT NULL REFERENCES users, friend bigint REFERENCES users)";
    let verify = Verify::new().model::<User>().model::<Visit>();
    let report = report("types_of_references", &[USERS, visits].concat(), &verify);
    assert_eq!(report.to_string(), "2 models fit the database");
}

// --- NULL ---

#[test]
fn null_on_one_side_only() {
    let users = "CREATE TABLE users (id serial PRIMARY KEY, name text, nickname text NOT NULL)";
    let found = report("nulls", users, &Verify::new().model::<User>());
    assert_eq!(kinds(&found), [ProblemKind::ReadsNull, ProblemKind::WritesNull]);
    assert_snapshot!(found, @"
    users.name: it can be NULL in the database, and cannot in the model: reading such a row fails; make the field an `Option`, or the column NOT NULL
    users.nickname: NOT NULL in the database, an `Option` in the model: writing NULL fails; take the `Option` from the field, or NOT NULL from the column
    ");
    let users = users.replace("nickname text NOT NULL", "nickname text NOT NULL DEFAULT ''");
    let found = report("nulls_default", &users, &Verify::new().model::<User>());
    assert_snapshot!(found.problems()[1], @"users.nickname: NOT NULL in the database, an `Option` in the model: writing NULL fails; mark it `#[model(default)]`, so that `None` takes the column's default");
}

#[derive(Model, Clone)]
#[model(table = "tasks")]
struct Task {
    #[model(key)]
    id: i32,
    #[model(default)]
    priority: Option<i32>,
    #[model(default)]
    due: Option<Option<i32>>,
}

#[test]
fn a_default_is_no_null() {
    let fits = "CREATE TABLE tasks (id int PRIMARY KEY, priority int NOT NULL DEFAULT 1, due int)";
    let found = report("defaults", fits, &Verify::new().model::<Task>());
    assert_eq!(found.to_string(), "1 model fits the database");
    let fits = "CREATE DOMAIN soon AS int DEFAULT 3 NOT NULL; CREATE SEQUENCE s;
        CREATE TABLE tasks (id int PRIMARY KEY, priority soon, due int DEFAULT nextval('s'))";
    let found = report("defaults_domain", fits, &Verify::new().model::<Task>());
    assert_eq!(found.to_string(), "1 model fits the database");
    let fits = "CREATE TABLE tasks (id int PRIMARY KEY, due int,
        priority int GENERATED ALWAYS AS (due + 1) STORED)";
    let found = report("defaults_generated", fits, &Verify::new().model::<Task>());
    assert_eq!(found.to_string(), "1 model fits the database");
}

#[test]
fn a_default_has_to_be_there_unless_a_trigger_is() {
    let none = "CREATE TABLE tasks (id int PRIMARY KEY, priority int NOT NULL, due int NOT NULL)";
    let found = report("no_defaults", none, &Verify::new().model::<Task>());
    assert_eq!(
        kinds(&found),
        [ProblemKind::NoDefault, ProblemKind::NoDefault, ProblemKind::WritesNull]
    );
    assert_snapshot!(found, @"
    tasks.priority: the model leaves the column to its default, but it has none and is NOT NULL: give it a default, or take `default` from the field
    tasks.due: the model leaves the column to its default, but it has none and is NOT NULL: give it a default, or take `default` from the field
    tasks.due: NOT NULL in the database, an `Option` in the model: writing NULL fails; make the field an `Option` of one level, whose `None` is the default
    ");

    let trigger = "CREATE TABLE tasks (id int PRIMARY KEY, priority int NOT NULL, due int,
            extra int NOT NULL);
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER fill BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION fill()";
    let found = report("trigger_defaults", trigger, &Verify::new().model::<Task>());
    assert_eq!(kinds(&found), [ProblemKind::NoDefault, ProblemKind::RequiredColumn]);
    assert!(found.is_ok(), "a trigger can fill them in");
}

#[test]
fn a_generated_column_cannot_be_written() {
    let users = "CREATE TABLE users (id serial PRIMARY KEY, nickname text,
        name text GENERATED ALWAYS AS (upper(nickname)) STORED)";
    let found = report("generated", users, &Verify::new().model::<User>());
    assert_eq!(kinds(&found), [ProblemKind::Generated]);
    assert_snapshot!(found, @"users.name: the column is generated, and cannot be written: make the field an `Option` with `#[model(generated)]`");
}

#[test]
fn a_column_that_every_row_needs_is_in_the_model() {
    let users = "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, nickname text,
        age int NOT NULL, born date, seen date NOT NULL DEFAULT now(),
        number int GENERATED ALWAYS AS IDENTITY)";
    let found = report("required", users, &Verify::new().model::<User>());
    assert_eq!(kinds(&found), [ProblemKind::RequiredColumn]);
    assert_snapshot!(found, @"users.age: the model lacks this column, which is integer NOT NULL without a default: inserts fail; add a field, or a default");
}
