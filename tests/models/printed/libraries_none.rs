// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = "0.1"
//     postgres = "0.19"

use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "amounts")]
pub struct Amounts {
    // As text: numeric.
    #[model(key, sql_type = "numeric")]
    pub amount: String,
    pub event: Option<ForeignKey<Events>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "days")]
pub struct Days {
    // As text: date.
    #[model(key, sql_type = "date")]
    pub day: String,
    pub next: Option<ForeignKey<Days>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "events")]
pub struct Events {
    // As text: uuid.
    #[model(key, default = "gen_random_uuid()", sql_type = "uuid")]
    pub id: Option<String>,
    // As text: date.
    #[model(unique, sql_type = "date")]
    pub day: String,
    // As text: time.
    #[model(sql_type = "time")]
    pub at: Option<String>,
    // As text: timestamp.
    #[model(sql_type = "timestamp")]
    pub planned: Option<String>,
    // As text: timestamptz.
    #[model(default, sql_type = "timestamptz")]
    pub happened: Option<String>,
    // The default 0 is not used.
    // As text: numeric.
    #[model(sql_type = "numeric")]
    pub price: String,
    // As text: jsonb.
    #[model(sql_type = "jsonb")]
    pub details: String,
    // The default '{}'::date[] is not used.
    // As texts: date.
    #[model(sql_type = "_date")]
    pub days: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moments")]
pub struct Moments {
    // As text: timestamptz.
    #[model(key, sql_type = "timestamptz")]
    pub at: String,
    pub before: Option<ForeignKey<Moments>>,
    // As text: timestamp.
    #[model(unique, sql_type = "timestamp")]
    pub local: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Amounts>()
        .model::<Days>()
        .model::<Events>()
        .model::<Moments>()
}
