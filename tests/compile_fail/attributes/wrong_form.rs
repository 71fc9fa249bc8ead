use onetrip::Model;

#[derive(Model, Clone)]
#[model(table, schema("a", "b"))]
struct User {
    #[model(key = "id", sequence("a", "b", "c"))]
    id: Option<i32>,
    #[model(column)]
    name: String,
    #[model(column())]
    other_name: String,
    #[model(sql_type)]
    mood: String,
    #[model(default("now()"))]
    added: Option<String>,
    #[model(version = "xmin")]
    version: i32,
    #[model(generated("2 * version"))]
    doubled: Option<i32>,
    #[model(skip("always"))]
    cache: u64,
}

fn main() {}
