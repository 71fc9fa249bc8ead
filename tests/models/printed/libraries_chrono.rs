// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = { version = "0.1", features = ["with-chrono-0_4", "with-rust_decimal-1", "with-serde_json-1", "with-uuid-1"] }
//     postgres = "0.19"
//     chrono = "0.4"
//     rust_decimal = "1"
//     serde_json = "1"
//     uuid = "1"

use onetrip::{BoxError, BytesMut, ForeignKey, KeyValue, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "amounts")]
pub struct Amounts {
    #[model(key)]
    pub amount: NumericKey,
    pub event: Option<ForeignKey<Events>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "days")]
pub struct Days {
    #[model(key)]
    pub day: chrono::NaiveDate,
    pub next: Option<ForeignKey<Days>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "events")]
pub struct Events {
    #[model(key, default = "gen_random_uuid()")]
    pub id: Option<uuid::Uuid>,
    #[model(unique)]
    pub day: chrono::NaiveDate,
    pub at: Option<chrono::NaiveTime>,
    pub planned: Option<chrono::NaiveDateTime>,
    #[model(default)]
    pub happened: Option<chrono::DateTime<chrono::Utc>>,
    // The default 0 is not used.
    pub price: rust_decimal::Decimal,
    pub details: serde_json::Value,
    // The default '{}'::date[] is not used.
    pub days: Vec<chrono::NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moments")]
pub struct Moments {
    #[model(key)]
    pub at: TimestamptzKey,
    pub before: Option<ForeignKey<Moments>>,
    #[model(unique)]
    pub local: chrono::NaiveDateTime,
}

/// A value of type `timestamptz` that is a key, or part of one.
///
/// PostgreSQL keeps whole microseconds: give it no finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimestamptzKey(pub chrono::DateTime<chrono::Utc>);

impl Value for TimestamptzKey {
    const TYPE: SqlType = <chrono::DateTime<chrono::Utc> as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<TimestamptzKey, BoxError> {
        <chrono::DateTime<chrono::Utc> as Value>::decode(raw).map(TimestamptzKey)
    }
}

impl KeyValue for TimestamptzKey {}

/// A value of type `numeric` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NumericKey(pub rust_decimal::Decimal);

impl Value for NumericKey {
    const TYPE: SqlType = <rust_decimal::Decimal as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<NumericKey, BoxError> {
        <rust_decimal::Decimal as Value>::decode(raw).map(NumericKey)
    }
}

impl KeyValue for NumericKey {}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Amounts>()
        .model::<Days>()
        .model::<Events>()
        .model::<Moments>()
}
