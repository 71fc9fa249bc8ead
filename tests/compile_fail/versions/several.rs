use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(version)]
    version: i32,
    #[model(version)]
    revision: i64,
    #[model(version)]
    edition: i16,
}

fn main() {}
