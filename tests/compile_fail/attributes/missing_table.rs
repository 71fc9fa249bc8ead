use onetrip::Model;

#[derive(Model, Clone)]
struct User {
    #[model(key)]
    id: Option<i32>,
}

#[derive(Model, Clone)]
#[model(schema = "app")]
struct Address {
    #[model(key)]
    id: Option<i32>,
}

fn main() {}
