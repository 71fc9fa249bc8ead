use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "types")]
struct Type<T> {
    #[model(key)]
    id: Option<T>,
}

#[derive(Model, Clone)]
#[model(table = "lifetimes")]
struct Lifetime<'a> {
    #[model(key)]
    id: Option<i32>,
    name: &'a str,
}

#[derive(Model, Clone)]
#[model(table = "clauses")]
struct Clause
where
    i32: Clone,
{
    #[model(key)]
    id: Option<i32>,
}

fn main() {}
