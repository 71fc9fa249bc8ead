use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    #[model(generated, column = "name")]
    same_name: Option<String>,
}

fn main() {}
