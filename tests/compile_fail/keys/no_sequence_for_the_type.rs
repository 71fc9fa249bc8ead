use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<uuid::Uuid>,
    #[model(key)]
    name: Option<String>,
}

fn main() {}
