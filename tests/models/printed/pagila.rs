// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = { version = "0.1", features = ["with-rust_decimal-1", "with-time-0_3"] }
//     postgres = "0.19"
//     rust_decimal = "1"
//     time = "0.3"

use onetrip::{BoxError, BytesMut, ForeignKey, KeyValue, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "actor")]
pub struct Actor {
    #[model(key, sequence = "person_ids")]
    pub actor_id: Option<i32>,
    pub first_name: String,
    pub last_name: String,
    #[model(default)]
    pub last_update: Option<time::OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "address")]
pub struct Address {
    #[model(key)]
    pub address_id: Option<i32>,
    pub address: String,
    pub address2: Option<String>,
    #[model(sql_type = "int2")]
    pub city_id: ForeignKey<City>,
    pub phone: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "category")]
pub struct Category {
    #[model(key)]
    pub category_id: Option<i32>,
    pub name: String,
    #[model(default)]
    pub last_update: Option<time::OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "city")]
pub struct City {
    #[model(key)]
    pub city_id: Option<i32>,
    pub city: String,
    #[model(sql_type = "int2")]
    pub country_id: ForeignKey<Country>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "country")]
pub struct Country {
    #[model(key)]
    pub country_id: Option<i32>,
    pub country: String,
}

// Unique, too: (email), by customer_email_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customer")]
pub struct Customer {
    #[model(key)]
    pub customer_id: Option<i32>,
    #[model(sql_type = "int2")]
    pub store_id: ForeignKey<Store>,
    #[model(sql_type = "email")]
    pub email: Option<String>,
    // The default true is not used.
    pub activebool: bool,
    #[model(default)]
    pub create_date: Option<time::Date>,
    pub active: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "film")]
pub struct Film {
    #[model(key)]
    pub film_id: Option<i32>,
    pub title: String,
    pub description: Option<String>,
    #[model(sql_type = "year")]
    pub release_year: Option<i32>,
    #[model(sql_type = "int2")]
    pub language_id: ForeignKey<Language>,
    #[model(sql_type = "int2")]
    pub original_language_id: Option<ForeignKey<Language>>,
    // The default 3 is not used.
    pub rental_duration: i16,
    // The default 4.99 is not used.
    pub rental_rate: rust_decimal::Decimal,
    pub length: Option<i16>,
    // The default 'G'::mpaa_rating is not used, and `None` is NULL.
    #[model(sql_type = "mpaa_rating")]
    pub rating: Option<MpaaRating>,
    #[model(sql_type = "_mpaa_rating")]
    pub ratings_abroad: Option<Vec<MpaaRating>>,
    // The default 'G'::mpaa_rating is not used, and `None` is NULL.
    #[model(sql_type = "rating")]
    pub own_rating: Option<MpaaRating>,
    #[model(default)]
    pub last_update: Option<time::OffsetDateTime>,
    pub special_features: Option<Vec<String>>,
    // As text: an array of several dimensions.
    #[model(sql_type = "_int4")]
    pub grid: Option<String>,
    // The default 0 is not used.
    #[model(sql_type = "bıgınt")]
    pub views: i64,
    // As text: tsvector.
    #[model(sql_type = "tsvector")]
    pub fulltext: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "film_actor")]
pub struct FilmActor {
    #[model(key, sql_type = "int2")]
    pub actor_id: ForeignKey<Actor>,
    #[model(key, sql_type = "int2")]
    pub film_id: ForeignKey<Film>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "film_category")]
pub struct FilmCategory {
    #[model(key, sql_type = "int2")]
    pub film_id: ForeignKey<Film>,
    #[model(key, sql_type = "int2")]
    pub category_id: ForeignKey<Category>,
}

// film_list is a view without a key. The database does not know what is unique in it.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "film_list")]
// pub struct FilmList {
//     pub film_id: Option<i32>,
//     pub title: Option<String>,
//     #[model(sql_type = "mpaa_rating")]
//     pub rating: Option<MpaaRating>,
//     // As text: tsvector.
//     #[model(sql_type = "tsvector")]
//     pub fulltext: Option<String>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "inventory")]
pub struct Inventory {
    #[model(key)]
    pub inventory_id: Option<i32>,
    #[model(sql_type = "int2")]
    pub film_id: ForeignKey<Film>,
    #[model(sql_type = "int2")]
    pub store_id: ForeignKey<Store>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "language")]
pub struct Language {
    #[model(key)]
    pub language_id: Option<i32>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "payment")]
pub struct Payment {
    #[model(key)]
    pub payment_date: TimestamptzKey,
    #[model(key)]
    pub payment_id: Option<i64>,
    #[model(sql_type = "int2")]
    pub customer_id: ForeignKey<Customer>,
    #[model(sql_type = "int2")]
    pub staff_id: ForeignKey<Staff>,
    pub rental_id: ForeignKey<Rental>,
    pub amount: rust_decimal::Decimal,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "refund")]
pub struct Refund {
    #[model(key, column("payment_date", "payment_id"))]
    pub payment: ForeignKey<Payment>,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "rental")]
pub struct Rental {
    #[model(key)]
    pub rental_id: Option<i32>,
    #[model(unique)]
    pub rental_date: time::OffsetDateTime,
    #[model(unique)]
    pub inventory_id: ForeignKey<Inventory>,
    #[model(unique, sql_type = "int2")]
    pub customer_id: ForeignKey<Customer>,
    pub return_date: Option<time::OffsetDateTime>,
    #[model(sql_type = "int2")]
    pub staff_id: ForeignKey<Staff>,
}

// rental_by_category is a view without a key. The database does not know what is unique in it.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "rental_by_category")]
// pub struct RentalByCategory {
//     pub name: Option<String>,
//     pub total: Option<i64>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "staff")]
pub struct Staff {
    #[model(key, sequence = "person_ids")]
    pub staff_id: Option<i32>,
    pub first_name: String,
    #[model(sql_type = "email")]
    pub email: Option<String>,
    #[model(sql_type = "int2")]
    pub store_id: ForeignKey<Store>,
    // The default true is not used.
    pub active: bool,
    pub picture: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "store")]
pub struct Store {
    #[model(key)]
    pub store_id: Option<i32>,
    #[model(unique, sql_type = "int2")]
    pub manager_staff_id: ForeignKey<Staff>,
    #[model(sql_type = "int2")]
    pub address_id: ForeignKey<Address>,
}

/// Who may see a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MpaaRating {
    G,
    Pg,
    Pg13,
    R,
    Nc17,
}

impl Value for MpaaRating {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            MpaaRating::G => "G",
            MpaaRating::Pg => "PG",
            MpaaRating::Pg13 => "PG-13",
            MpaaRating::R => "R",
            MpaaRating::Nc17 => "NC-17",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<MpaaRating, BoxError> {
        match std::str::from_utf8(raw)? {
            "G" => Ok(MpaaRating::G),
            "PG" => Ok(MpaaRating::Pg),
            "PG-13" => Ok(MpaaRating::Pg13),
            "R" => Ok(MpaaRating::R),
            "NC-17" => Ok(MpaaRating::Nc17),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// A value of type `timestamptz` that is a key, or part of one.
///
/// PostgreSQL keeps whole microseconds: give it no finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimestamptzKey(pub time::OffsetDateTime);

impl Value for TimestamptzKey {
    const TYPE: SqlType = <time::OffsetDateTime as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<TimestamptzKey, BoxError> {
        <time::OffsetDateTime as Value>::decode(raw).map(TimestamptzKey)
    }
}

impl KeyValue for TimestamptzKey {}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Actor>()
        .model::<Address>()
        .model::<Category>()
        .model::<City>()
        .model::<Country>()
        .model::<Customer>()
        .model::<Film>()
        .model::<FilmActor>()
        .model::<FilmCategory>()
        .model::<Inventory>()
        .model::<Language>()
        .model::<Payment>()
        .model::<Refund>()
        .model::<Rental>()
        .model::<Staff>()
        .model::<Store>()
}
