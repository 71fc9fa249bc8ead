use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, version)]
    id: i32,
    #[model(version, default, sequence = "numbers")]
    version: i32,
}

fn main() {}
