use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(generated)]
    name_length: i32,
}

fn main() {}
