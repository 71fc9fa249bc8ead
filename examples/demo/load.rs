//! Load, change and commit: a graph of four levels in one round trip, against a query a level.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use onetrip::{Error, ForeignKey, Handle, Model, UnitOfWork};
use postgres::Client;
use postgres::types::Type;

use crate::support::cli::{Failure, thousands};
use crate::support::relay::Relay;

pub(crate) const TABLES: &str = "
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE products (id serial PRIMARY KEY, price bigint NOT NULL);
    CREATE TABLE orders (
        id serial PRIMARY KEY,
        customer_id integer NOT NULL REFERENCES customers,
        total bigint NOT NULL DEFAULT 0
    );
    CREATE TABLE lines (
        id serial PRIMARY KEY,
        order_id integer NOT NULL REFERENCES orders,
        product_id integer NOT NULL REFERENCES products,
        quantity bigint NOT NULL
    );
    CREATE INDEX ON orders (customer_id);
    CREATE INDEX ON lines (order_id);
    INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 100) AS n;
    INSERT INTO products (price) SELECT n FROM generate_series(1, 50) AS n;
    INSERT INTO orders (customer_id)
        SELECT c FROM generate_series(1, 100) AS c, generate_series(1, 5);
    INSERT INTO lines (order_id, product_id, quantity)
        SELECT o, 1 + (7 * o + 13 * n) % 50, n
        FROM generate_series(1, 500) AS o, generate_series(1, 4) AS n";

/// How many customers are loaded.
const CUSTOMERS: u64 = 20;

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "customers")]
struct Customer {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "products")]
struct Product {
    #[model(key)]
    id: Option<i32>,
    price: i64,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "orders")]
struct Order {
    #[model(key)]
    id: Option<i32>,
    customer_id: ForeignKey<Customer>,
    total: i64,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "lines")]
struct Line {
    #[model(key)]
    id: Option<i32>,
    order_id: ForeignKey<Order>,
    product_id: ForeignKey<Product>,
    quantity: i64,
}

/// What came out for one way of loading.
pub(crate) struct Loaded {
    pub(crate) by: &'static str,
    /// The entities that were loaded.
    pub(crate) entities: usize,
    pub(crate) round_trips: u64,
    pub(crate) wall: Duration,
    pub(crate) verified: bool,
}

/// Sets the totals of orders, once with each way of loading what they are made of.
pub(crate) fn measure(
    client: &mut Client,
    direct: &mut Client,
    relay: &Relay,
) -> Result<Vec<Loaded>, Failure> {
    type Way = fn(&mut UnitOfWork<'_>) -> Result<(), Error>;
    let ways: [(&'static str, Way); 2] = [("graph", by_graph), ("levels", by_levels)];
    let mut all = Vec::new();
    for (by, set_totals) in ways {
        direct.batch_execute("UPDATE onetrip_demo.orders SET total = 0")?;
        let mut uow = UnitOfWork::new(&mut *client);
        let (before, started) = (relay.round_trips()?, Instant::now());
        set_totals(&mut uow)?;
        uow.commit()?;
        let (wall, round_trips) = (started.elapsed(), relay.round_trips()? - before);
        let entities = uow.len();
        drop(uow);
        let verified = are_totals_right(direct)?;
        all.push(Loaded { by, entities, round_trips, wall, verified });
    }
    Ok(all)
}

/// One round trip for all levels.
fn by_graph(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    let customers = uow
        .query::<Customer>("true")
        .order_by("id")
        .limit(CUSTOMERS)
        .with(|customer| {
            customer.children::<Order>().with(|order| {
                order.children::<Line>().with(|line| {
                    line.parent::<Product>();
                });
            });
        })
        .load()?;
    for customer in customers.roots() {
        for order in customers.children::<Order>(customer)? {
            let mut total = 0;
            for line in customers.children::<Line>(order)? {
                if let Some(product) = customers.parent::<Product>(line)? {
                    total += uow[line].quantity * uow[product].price;
                }
            }
            uow[order].total = total;
        }
    }
    Ok(())
}

/// One round trip for each level, as ORMs do that load eagerly.
fn by_levels(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    let customers = uow.query::<Customer>("true").order_by("id").limit(CUSTOMERS).load()?;
    let orders: Vec<Handle<Order>> =
        uow.children::<Order, Customer>(&customers)?.into_iter().flatten().collect();
    let lines = uow.children::<Line, Order>(&orders)?;
    let product_of = |line: Handle<Line>| uow[line].product_id.key().copied();
    let keys: HashSet<i32> = lines.iter().flatten().filter_map(|&line| product_of(line)).collect();
    uow.find_all::<Product>(keys)?;
    for (order, lines) in orders.into_iter().zip(lines) {
        let mut total = 0;
        for line in lines {
            let Some(&key) = uow[line].product_id.key() else { continue };
            // It is there, so this asks nobody.
            if let Some(product) = uow.find::<Product>(key)? {
                total += uow[line].quantity * uow[product].price;
            }
        }
        uow[order].total = total;
    }
    Ok(())
}

/// Whether the orders of the customers have their totals, and no others have one.
fn are_totals_right(client: &mut Client) -> Result<bool, Failure> {
    let limit = i64::try_from(CUSTOMERS)?;
    let row = client.query_typed_one(
        "SELECT count(*) FROM onetrip_demo.orders
         WHERE total <> CASE WHEN customer_id <= $1 THEN (
             SELECT sum(quantity * price)
             FROM onetrip_demo.lines JOIN onetrip_demo.products ON products.id = product_id
             WHERE order_id = orders.id
         ) ELSE 0 END",
        &[(&limit, Type::INT8)],
    )?;
    Ok(row.get::<_, i64>(0) == 0)
}

pub(crate) fn table(loaded: &[Loaded]) -> String {
    let mut text = format!(
        "\nLoad {CUSTOMERS} customers with orders, lines and products, set the totals, commit\n\n\
         loaded by   entities  round trips        ms\n"
    );
    for Loaded { by, entities, round_trips, wall, .. } in loaded {
        text += &format!(
            "{by:<11}{:>9}{:>13}{:>10.1}\n",
            thousands(*entities),
            thousands(*round_trips as usize),
            wall.as_secs_f64() * 1e3
        );
    }
    if loaded.iter().all(|loaded| loaded.verified) {
        text += "\nRead back: every total is that of the order's lines.\n";
    }
    text
}
