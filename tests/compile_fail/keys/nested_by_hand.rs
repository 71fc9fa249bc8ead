use onetrip::{Encoder, Error, ForeignKey, Model, Row, Table};

#[derive(Clone)]
struct Order;

impl Model for Order {
    type Key = ((i32, i64), i16);

    fn table() -> &'static Table {
        unimplemented!()
    }

    fn key(&self) -> Option<Self::Key> {
        None
    }

    fn encode(&self, _column: usize, _out: &mut Encoder<'_>) {}

    fn decode(_row: &Row<'_>) -> Result<Order, Error> {
        unimplemented!()
    }

    fn update(&mut self, _row: &Row<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key, column("tenant_id", "region_id", "order_id"))]
    order: ForeignKey<Order>,
    #[model(key)]
    number: i16,
}

fn main() {}
