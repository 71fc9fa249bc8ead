use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(sql_type = "citext")]
    name: String,
    #[model(column = "name", sql_type("app", "citext"))]
    same_name: String,
}

fn main() {}
