//! What a `Value` or a model of one's own may do wrong is an error: nothing of others is damaged, and
//! nothing panics.

mod common;
#[path = "../examples/support/strategies.rs"]
mod strategies;

use bytes::{BufMut, BytesMut};
use common::Schema;
use onetrip::{BoxError, ErrorKind, Model, SqlType, UnitOfWork, Value};
use strategies::{Named, STRATEGIES};

/// A number whose conversion does something that it must not.
#[derive(Clone, Debug, PartialEq)]
struct Odd(i32);

impl Value for Odd {
    const TYPE: SqlType = SqlType::INT4;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        match self.0 {
            1 => out.clear(),
            2 => out.truncate(out.len().saturating_sub(3)),
            3 => {
                out.truncate(out.len().saturating_sub(4));
                out.put_i32(99);
            }
            4 => {
                let len = out.len();
                out.clear();
                out.put_bytes(7, len + 4);
                return Ok(());
            }
            5 => return Err("it cannot".into()),
            _ => {}
        }
        out.put_i32(self.0);
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Odd, BoxError> {
        Ok(Odd(i32::from_be_bytes(raw.try_into()?)))
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "odds")]
struct Row {
    #[model(key)]
    id: i32,
    before: i32,
    odd: Odd,
    after: i32,
}

const TABLES: &str = "CREATE TABLE odds (id int PRIMARY KEY, before int NOT NULL, odd int NOT NULL, after int NOT NULL)";

#[test]
fn a_value_can_only_append() {
    let schema = Schema::new("append", TABLES);
    for &Named { name, strategy } in STRATEGIES {
        for what in 0..=6 {
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
            for id in 0..5 {
                let odd = Odd(if id == 3 { what } else { 50 });
                uow.add(Row { id, before: 100 + id, odd, after: 200 + id });
            }
            let result = uow.commit();
            drop(uow);
            let rows = schema.rows("SELECT * FROM odds ORDER BY id");
            if matches!(what, 0 | 6) {
                result.unwrap();
                let row = |id: i32| {
                    format!("{id}|{}|{}|{}", 100 + id, if id == 3 { what } else { 50 }, 200 + id)
                };
                assert_eq!(rows, (0..5).map(row).collect::<Vec<_>>(), "{name} {what}");
            } else {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Encode, "{name} {what}: {error}");
                assert_eq!((error.table(), error.column()), (Some("odds"), Some("odd")), "{error}");
                assert!(rows.is_empty(), "{name} {what}: {rows:?}");
            }
            schema.client().batch_execute("TRUNCATE odds").unwrap();
        }
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "documents")]
struct Document {
    #[model(key)]
    id: i32,
    json: serde_json::Value,
    amount: rust_decimal::Decimal,
}

#[test]
fn what_is_written_reads_back_equal() {
    let schema = Schema::new(
        "equal",
        "CREATE TABLE documents (id int PRIMARY KEY, json jsonb NOT NULL, amount numeric NOT NULL)",
    );
    let mut client = schema.client();
    let nested = |levels: usize| {
        (1..levels).fold(serde_json::json!([]), |inner, _| serde_json::Value::Array(vec![inner]))
    };
    let amount: rust_decimal::Decimal = "1234567890.123456789".parse().unwrap();
    // A float whose shortest text is easily read an ulp off.
    let floats = [0.1 + 0.2, 5e-324, 1.797_693_134_862_315_7e308, 122.416_294_033_786_58];
    let mut written = Vec::new();
    let mut uow = UnitOfWork::new(&mut client);
    let documents = floats.iter().map(|float| serde_json::json!({ "n": float }));
    for (id, json) in documents.chain([nested(127), serde_json::json!("[[[")]).enumerate() {
        let document = Document { id: id as i32, json, amount };
        written.push(document.clone());
        uow.add(document);
    }
    uow.commit().unwrap();
    uow.clear();
    let read = uow.query::<Document>("true").order_by("id").load().unwrap();
    for (document, written) in read.into_iter().zip(&written) {
        assert_eq!((&uow[document].json, uow[document].amount), (&written.json, written.amount));
    }
    uow.add(Document { id: 100, json: nested(128), amount });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Encode, Some("json")), "{error}");
    drop(uow);
    client
        .batch_execute(
            "UPDATE documents SET amount = 1234567890123456789012345678.12345 WHERE id = 0",
        )
        .unwrap();
    let error = UnitOfWork::new(&mut client).find::<Document>(0).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("amount")), "{error}");
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Amount(rust_decimal::Decimal);

impl Value for Amount {
    const TYPE: SqlType = SqlType::NUMERIC;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<Amount, BoxError> {
        rust_decimal::Decimal::decode(raw).map(Amount)
    }
}

impl onetrip::KeyValue for Amount {}

#[derive(Model, Clone, Debug)]
#[model(table = "prices")]
struct Price {
    #[model(key)]
    amount: Amount,
}

#[derive(Model, Clone, Debug)]
#[model(table = "codes")]
struct Code {
    #[model(key)]
    code: String,
}

#[test]
fn a_key_that_the_server_stores_otherwise_is_found_or_refused_by_all() {
    let schema = Schema::new(
        "stored_otherwise",
        "CREATE TABLE prices (amount numeric(10, 2) PRIMARY KEY);
        CREATE TABLE codes (code varchar(3) PRIMARY KEY)",
    );
    for &Named { name, strategy } in STRATEGIES {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
        // 1.5 is 1.50.
        for amount in ["1.5", "20", "0.1"] {
            uow.add(Price { amount: Amount(amount.parse().unwrap()) });
        }
        uow.commit().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            schema.rows("SELECT * FROM prices ORDER BY 1"),
            ["0.10", "1.50", "20.00"],
            "{name}"
        );
        // 1.555 is not 1.56, and three spaces are cut off.
        uow.add(Price { amount: Amount("1.555".parse().unwrap()) });
        assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::RowMismatch, "{name}");
        uow.rollback();
        uow.add(Code { code: "abc   ".to_owned() });
        assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::RowMismatch, "{name}");
        drop(uow);
        assert_eq!(schema.count("prices") + schema.count("codes"), 3, "{name}");
        schema.client().batch_execute("TRUNCATE prices").unwrap();
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "rounded")]
struct Rounded {
    #[model(key)]
    id: i32,
    #[model(sql_type = "numeric")]
    amount: i64,
    #[model(sql_type = "cents", default)]
    cents: Option<i64>,
}

#[test]
fn an_integer_is_never_a_rounded_number() {
    let schema = Schema::new(
        "rounded",
        "CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0);
         CREATE TABLE rounded (id int PRIMARY KEY, amount numeric, cents cents DEFAULT 7);
         INSERT INTO rounded VALUES (1, 2, 3), (2, 1.5, 4)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let two = uow.find::<Rounded>(1).unwrap().unwrap();
    assert_eq!((uow[two].amount, uow[two].cents), (2, Some(3)));
    let error = uow.find::<Rounded>(2).unwrap_err();
    assert!(error.to_string().contains("\"1.5\""), "{error}");
    for (id, Named { strategy, .. }) in (3..).zip(STRATEGIES) {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
        let new = uow.add(Rounded { id, amount: i64::MIN, cents: None });
        uow.commit().unwrap();
        assert_eq!(uow[new].cents, Some(7));
    }
}

#[test]
fn a_key_of_another_type_is_named() {
    #[derive(Model, Clone, Debug)]
    #[model(table = "wide_keys")]
    struct Narrow {
        #[model(key)]
        id: Option<i32>,
        name: String,
    }
    let schema =
        Schema::new("wide_keys", "CREATE TABLE wide_keys (id bigserial PRIMARY KEY, name text)");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(Narrow { id: None, name: "one".into() });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.table(), Some("wide_keys"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("`Verify`")), "{error}");
    assert_eq!(schema.count("wide_keys"), 0);
}
