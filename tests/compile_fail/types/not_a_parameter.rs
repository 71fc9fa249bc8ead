use onetrip::{Model, UnitOfWork};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
}

struct Other;

fn of_no_type(uow: &mut UnitOfWork<'_>, value: Other) {
    let _ = uow.query::<User>("id = $1").bind(value);
}

fn unsigned(uow: &mut UnitOfWork<'_>, value: u64) {
    let _ = uow.query::<User>("id = $1").bind(value);
}

fn main() {}
