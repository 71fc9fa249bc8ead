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
    tenant_id: i64,
    #[model(column("tenant_id", "order_id"))]
    order: ForeignKey<Order>,
}

fn main() {}
