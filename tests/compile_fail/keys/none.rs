use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "emptys")]
struct Empty {}

fn main() {}
