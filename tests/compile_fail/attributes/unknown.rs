use onetrip::Model;

#[derive(Model, Clone)]
#[model(tabel = "users", table = "users", key)]
struct User {
    #[model(key, primary)]
    id: Option<i32>,
    #[model(colum = "full_name")]
    name: String,
    #[model(onetrip::skip)]
    cache: u64,
}

fn main() {}
