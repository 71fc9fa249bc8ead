use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, sequence = "user_names")]
    name: Option<String>,
}

fn main() {}
