use onetrip::{ForeignKey, Model};

#[derive(Model, Clone)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    tenant_id: i32,
    #[model(key)]
    id: Option<i64>,
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    id: Option<i32>,
    order: ForeignKey<Order>,
    #[model(column = "previous_id")]
    previous: Option<ForeignKey<Order>>,
}

fn main() {}
