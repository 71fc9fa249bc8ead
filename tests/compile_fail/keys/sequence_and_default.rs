use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, sequence = "users_id_seq", default = "gen_random_uuid()")]
    id: Option<i32>,
}

fn main() {}
