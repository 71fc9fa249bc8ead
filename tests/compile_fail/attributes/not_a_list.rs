use onetrip::Model;

#[derive(Model, Clone)]
#[model]
struct User {
    #[model = "key"]
    id: Option<i32>,
    #[model(column "full_name")]
    name: String,
}

fn main() {}
