use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(sequence = "user_numbers")]
    number: Option<i32>,
}

fn main() {}
