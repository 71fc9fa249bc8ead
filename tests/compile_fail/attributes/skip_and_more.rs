use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(skip, column = "cached", default)]
    cache: Option<String>,
}

fn main() {}
