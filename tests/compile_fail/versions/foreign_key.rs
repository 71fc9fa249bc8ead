use onetrip::{ForeignKey, Model};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(version)]
    version: ForeignKey<User>,
}

fn main() {}
