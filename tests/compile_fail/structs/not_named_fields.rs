use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "tuples")]
struct Tuple(Option<i32>);

#[derive(Model, Clone)]
#[model(table = "units")]
struct Unit;

#[derive(Model, Clone)]
#[model(table = "enums")]
enum Enum {
    Id(i32),
}

#[derive(Model, Clone, Copy)]
#[model(table = "unions")]
union Union {
    id: i32,
}

fn main() {}
