use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "tags", unique("name", "language"))]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique())]
    name: String,
    #[model(unique = "")]
    slug: String,
    #[model(unique = true)]
    language: String,
    #[model(unique, unique = "by_code")]
    code: String,
}

fn main() {}
