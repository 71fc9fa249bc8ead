use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, sequence = "users_id_seq")]
    id: i32,
}

fn main() {}
