use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key, default = "gen_random_name()")]
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "sessions")]
struct Session {
    #[model(key, default = "1")]
    user: onetrip::ForeignKey<User>,
}

fn main() {}
