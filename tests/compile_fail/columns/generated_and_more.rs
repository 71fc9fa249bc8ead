use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, sequence = "numbers", generated)]
    id: Option<i32>,
    #[model(generated, default)]
    added: Option<String>,
    #[model(generated, sequence = "numbers")]
    number: Option<i32>,
    #[model(version, generated)]
    version: Option<i32>,
}

fn main() {}
