//! Types of other libraries: UUIDs, JSON, decimals.

use std::collections::BTreeMap;

use onetrip::{ErrorKind, Model};
use postgres::types::Json;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

round_trips! {
    uuids: Uuid = "uuid", [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0)];
    json_values: Value = "jsonb",
        [json!(null), json!(true), json!(""), json!("it's \"quoted\" \\ 😀 \\u0000 \u{1}"), json!(0), json!(-1),
         json!(i64::MIN), json!(u64::MAX), json!(0.1), json!(1e300), json!(5e-324), json!([]), json!({}),
         json!({"b": [1, {"a": null}], "a": {"": "😀"}})];
    json_documents: Json<BTreeMap<String, Vec<Option<i64>>>> = "jsonb",
        [Json(BTreeMap::new()), Json(BTreeMap::from([("a".into(), vec![Some(1), None]), ("".into(), vec![])]))];
    // The scale is part of a decimal's text, though not of its value.
    decimals: Decimal = "numeric",
        [decimal("0"), decimal("1"), decimal("-1"), decimal("1.0"), decimal("1.50"), decimal("-0.001"), decimal("10000"),
         decimal("100000000"), decimal("1.0001"), decimal("9999.99990000"), decimal("0.00001000"), Decimal::MAX, Decimal::MIN,
         decimal("0.0000000000000000000000000001"), decimal("7.9228162514264337593543950335"),
         decimal("79228162514.264337593543950335"), decimal("-99999999999999.99999999999999")],
        by |a: &Decimal, b: &Decimal| a == b && a.to_string() == b.to_string();
    // Zero is the exception: it loses its scale (and its sign), in the library's own conversion.
    zeros: Decimal = "numeric", [decimal("0.00"), decimal("-0"), decimal("0.0000000000000000000000000000")];
}

#[derive(Model, Clone, Debug)]
#[model(table = "documents")]
struct Document {
    #[model(key)]
    id: i32,
    #[model(sql_type = "json")]
    json: Value,
    #[model(sql_type = "json")]
    maybe: Option<Json<Vec<i32>>>,
    #[model(sql_type = "_json")]
    list: Vec<Value>,
}

const DOCUMENTS: &str = "CREATE TABLE documents (id int PRIMARY KEY, json json NOT NULL, maybe json, list json[] NOT NULL)";

fn document(id: i32, json: Value) -> Document {
    Document { id, json, maybe: None, list: Vec::new() }
}

#[test]
fn a_column_of_type_json() {
    let schema = Schema::new("types_json", DOCUMENTS);
    for (id, strategy) in (0..).zip(strategies()) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let json = json!({"b": [1, 2.5, null, "😀"], "a": {}});
        let list = vec![json!(1), json!("two")];
        let maybe = Some(Json(vec![1, 2]));
        uow.add(Document {
            maybe: maybe.clone(),
            list: list.clone(),
            ..document(id, json.clone())
        });
        uow.commit().unwrap();
        uow.clear();
        let found = uow.find::<Document>(id).unwrap().unwrap();
        assert_eq!((&uow[found].json, &uow[found].maybe, &uow[found].list), (&json, &maybe, &list));
    }
}

#[test]
fn json_with_a_nul_character_is_refused() {
    let schema = Schema::new("types_json_nul", DOCUMENTS);
    for strategy in strategies() {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        uow.add(document(1, json!("fine")));
        let row = uow.add(document(2, json!("fine")));
        let empty = document(2, json!(null));
        for (column, wrong) in [
            ("json", Document { json: json!("secret\0"), ..empty.clone() }),
            ("json", Document { json: json!({"secret\0": 1}), ..empty.clone() }),
            ("json", Document { json: json!(["\\\0secret"]), ..empty.clone() }),
            ("list", Document { list: vec![json!("secret\0")], ..empty.clone() }),
        ] {
            uow[row] = wrong;
            let error = uow.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
            assert_eq!((error.table(), error.column()), (Some("documents"), Some(column)));
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(schema.count("documents"), 0);
        }
    }
}

#[test]
fn looking_for_nul_characters_takes_linear_time() {
    let schema = Schema::new("types_json_backslashes", DOCUMENTS);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let backslashes = Value::String("\\".repeat(10_000));
    uow.add(document(1, backslashes.clone()));
    let start = std::time::Instant::now();
    uow.commit().unwrap();
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?} for 20 kB");
    uow.clear();
    let found = uow.find::<Document>(1).unwrap().unwrap();
    assert_eq!(uow[found].json, backslashes);
}

/// jsonb keeps numbers as decimals: it knows of no difference between integers and floats, nor of a
/// negative zero. So a float of 1e16 and more, which is written without a fraction, comes back as an
/// integer of the same value. Nothing is lost, but it is not `==` either.
#[test]
fn a_large_float_in_json_comes_back_as_an_integer() {
    let schema = Schema::new("types_json_float", DOCUMENTS);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(document(1, json!(1e16)));
    uow.add(document(2, json!(-0.0)));
    uow.commit().unwrap();
    uow.clear();
    let large = uow.find::<Document>(1).unwrap().unwrap();
    assert_eq!(uow[large].json, json!(10_000_000_000_000_000_u64));
    assert_eq!(uow[large].json.as_f64(), Some(1e16));
    let zero = uow.find::<Document>(2).unwrap().unwrap();
    assert_eq!(uow[zero].json, json!(0.0));
}

#[derive(Model, Clone, Debug)]
#[model(table = "prices")]
struct Price {
    #[model(key)]
    id: i32,
    price: Decimal,
}

/// What a decimal cannot hold is an error and never another number. Digits past the 28th place are
/// rounded away, though, by the library's own conversion: such a number was not written by it.
#[test]
fn numbers_that_are_no_decimals() {
    let schema = Schema::new(
        "types_numeric",
        "CREATE TABLE prices (id int PRIMARY KEY, price numeric NOT NULL)",
    );
    let mut client = schema.client();
    for (id, number) in (0..).zip(["NaN", "1e30", "-79228162514264337593543950336", "1e1000"]) {
        let sql = format!("INSERT INTO prices VALUES ({id}, '{number}')");
        client.batch_execute(&sql).unwrap();
        let mut uow = UnitOfWork::new(&mut client);
        let error = uow.find::<Price>(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{number}: {error}");
        assert_eq!((error.table(), error.column()), (Some("prices"), Some("price")), "{error}");
    }
}

/// A column with a precision of its own is the server's business: it rounds to the scale, as it does
/// for everyone, and refuses what is too large.
#[test]
fn a_numeric_column_with_a_scale_rounds() {
    let schema = Schema::new(
        "types_scale",
        "CREATE TABLE prices (id int PRIMARY KEY, price numeric(5, 2) NOT NULL)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(Price { id: 1, price: decimal("1.005") });
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT price FROM prices"), ["1.01"]);
    uow.add(Price { id: 2, price: decimal("1000") });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22003", "{error}");
}
