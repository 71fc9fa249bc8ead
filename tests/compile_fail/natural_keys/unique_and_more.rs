use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique, default)]
    name: Option<String>,
    #[model(generated, unique = "by_slug")]
    slug: Option<String>,
    #[model(unique("by_slug", "by_version"), version)]
    version: i32,
    #[model(unique, skip)]
    cache: u64,
}

fn main() {}
