use onetrip::Model;

const NAME: &str = "users";

#[derive(Model, Clone)]
#[model(table = NAME, schema = 5)]
struct User {
    #[model(key, sequence = users_id_seq)]
    id: Option<i32>,
    #[model(column(first, "second"))]
    name: String,
    #[model(sql_type = b"mood")]
    mood: String,
}

fn main() {}
