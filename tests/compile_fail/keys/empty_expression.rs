use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, default = " ")]
    id: Option<i32>,
}

fn main() {}
