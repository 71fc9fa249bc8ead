use onetrip::{ForeignKey, Model};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    height: f64,
}

#[derive(Model, Clone)]
#[model(table = "groups")]
struct Group {
    #[model(key)]
    id: i32,
    #[model(key)]
    owner: Option<ForeignKey<Group>>,
}

fn main() {}
