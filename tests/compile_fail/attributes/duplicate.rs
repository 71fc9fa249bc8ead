use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users", table = "people")]
struct User {
    #[model(key)]
    #[model(key)]
    id: Option<i32>,
    #[model(column = "a", column("b", "c"))]
    name: String,
}

fn main() {}
