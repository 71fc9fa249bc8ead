use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(version)]
    version: i32,
    #[model(column = "version")]
    same_version: i32,
}

fn main() {}
