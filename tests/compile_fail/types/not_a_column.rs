use onetrip::Model;

#[derive(Clone)]
struct Money(i64);

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    visits: u64,
    balance: Option<Money>,
}

fn main() {}
