use onetrip::Model;

#[derive(Model)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

fn main() {}
