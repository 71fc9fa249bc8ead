use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    a: i16,
    #[model(key)]
    b: i16,
    #[model(key)]
    c: i16,
    #[model(key)]
    d: i16,
    #[model(key)]
    e: i16,
    #[model(key)]
    f: i16,
    #[model(key)]
    g: i16,
    #[model(key)]
    h: i16,
    #[model(key)]
    i: i16,
    #[model(key)]
    j: i16,
}

fn main() {}
