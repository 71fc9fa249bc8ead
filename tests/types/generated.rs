//! Generated values: many rows in one commit, and all of them come back.

use std::cell::RefCell;

use onetrip::Model;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

use super::*;

#[derive(Model, Clone, Debug)]
#[model(table = "generated")]
struct Row {
    #[model(key)]
    id: i32,
    tiny: i8,
    small: i16,
    normal: i32,
    big: i64,
    single: f32,
    double: f64,
    text: Option<String>,
    bytes: Vec<u8>,
    texts: Vec<String>,
    numbers: Option<Vec<i64>>,
}

impl Row {
    /// Equal to the bit.
    fn is(&self, other: &Row) -> bool {
        self.single.to_bits() == other.single.to_bits()
            && self.double.to_bits() == other.double.to_bits()
            && (self.id, self.tiny, self.small, self.normal, self.big)
                == (other.id, other.tiny, other.small, other.normal, other.big)
            && (&self.text, &self.bytes, &self.texts, &self.numbers)
                == (&other.text, &other.bytes, &other.texts, &other.numbers)
    }
}

fn text() -> impl Strategy<Value = String> {
    let char = any::<char>().prop_map(|c| if c == '\0' { 'x' } else { c });
    vec(char, 0..20).prop_map(String::from_iter)
}

fn row() -> impl Strategy<Value = Row> {
    let integers = (any::<i8>(), any::<i16>(), any::<i32>(), any::<i64>());
    let floats = (any::<u32>().prop_map(f32::from_bits), any::<u64>().prop_map(f64::from_bits));
    let texts = (prop::option::of(text()), vec(text(), 0..5));
    let others = (vec(any::<u8>(), 0..50), prop::option::of(vec(any::<i64>(), 0..5)));
    (integers, floats, texts, others).prop_map(|(integers, floats, texts, others)| Row {
        id: 0,
        tiny: integers.0,
        small: integers.1,
        normal: integers.2,
        big: integers.3,
        single: floats.0,
        double: floats.1,
        text: texts.0,
        texts: texts.1,
        bytes: others.0,
        numbers: others.1,
    })
}

#[test]
fn rows_of_any_values() {
    let schema = Schema::new(
        "types_generated",
        "CREATE TABLE generated (id int PRIMARY KEY, tiny \"char\" NOT NULL, small int2 NOT NULL,
             normal int4 NOT NULL, big int8 NOT NULL, single float4 NOT NULL, double float8 NOT NULL,
             text text, bytes bytea NOT NULL, texts text[] NOT NULL, numbers int8[])",
    );
    let client = RefCell::new(schema.client());
    let config = Config { cases: 50, failure_persistence: None, ..Config::default() };
    let cases = (vec(row(), 0..20), any::<bool>());
    let result = TestRunner::new(config).run(&cases, |(mut rows, batch)| {
        let mut client = client.borrow_mut();
        client.batch_execute("DELETE FROM generated").unwrap();
        let mut uow = UnitOfWork::new(&mut *client);
        uow = if batch { uow.with_strategy(Batch) } else { uow.with_strategy(RowByRow) };
        for (id, row) in (0..).zip(&mut rows) {
            row.id = id;
            uow.add(row.clone());
        }
        uow.commit().unwrap();
        uow.clear();
        for row in &rows {
            let found = uow.find::<Row>(row.id).unwrap().unwrap();
            prop_assert!(uow[found].is(row), "{:?} is not {row:?}", uow[found]);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
