use onetrip::{ForeignKey, Model};

#[derive(Clone)]
struct Group;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    group: ForeignKey<Group>,
}

fn main() {}
