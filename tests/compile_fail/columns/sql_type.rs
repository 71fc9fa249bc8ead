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
    #[model(sql_type = "double precision")]
    weight: f64,
    #[model(sql_type("pg_catalog", "varchar(3)"))]
    code: String,
    #[model(sql_type = "mood[]")]
    moods: Vec<String>,
    #[model(column("tenant_id", "order_id"), sql_type = "int4")]
    order: ForeignKey<Order>,
}

fn main() {}
