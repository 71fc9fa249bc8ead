use onetrip::{ForeignKey, Model};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
}

#[derive(Model, Clone)]
#[model(table = "heights")]
struct Height {
    #[model(key)]
    metres: f64,
}

#[derive(Model, Clone)]
#[model(table = "members")]
struct Member {
    #[model(key)]
    group: i32,
    #[model(key)]
    user: Option<ForeignKey<User>>,
}

fn main() {}
