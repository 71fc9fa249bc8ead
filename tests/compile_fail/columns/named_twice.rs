use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(column("a", "b", "a"))]
    name: String,
}

fn main() {}
