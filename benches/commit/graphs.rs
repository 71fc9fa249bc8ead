//! A graph of five tables, loaded in one round trip, and by one query a level that is written by hand
//! and builds the same structs. Each root has 29 rows: itself, 3 addresses, 5 orders, and 20 lines, which
//! refer to products.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use onetrip::{ForeignKey, Graph, Model, StatementCache, Strategy, UnitOfWork};
use postgres::types::Type;
use postgres::{Client, Row, Statement};

use crate::database::Database;

/// The sizes at which graphs are loaded, in roots.
pub(crate) const ROOTS: &[usize] = &[1, 100, 1_000, 5_000];

const CUSTOMERS: usize = 10_000;

#[derive(Model, Clone)]
#[model(table = "customers")]
pub(crate) struct Customer {
    #[model(key)]
    id: i32,
    name: String,
    region: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: i32,
    customer_id: ForeignKey<Customer>,
    street: String,
    zip: String,
}

#[derive(Model, Clone)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    id: i32,
    customer_id: ForeignKey<Customer>,
    total: i64,
    note: Option<String>,
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    id: i32,
    order_id: ForeignKey<Order>,
    product_id: ForeignKey<Product>,
    quantity: i32,
}

#[derive(Model, Clone)]
#[model(table = "products")]
struct Product {
    #[model(key)]
    id: i32,
    name: String,
    price: i32,
}

const TABLES: &str = "
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
        street text NOT NULL, zip text NOT NULL);
    CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL);
    CREATE TABLE orders (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
        total bigint NOT NULL, note text);
    CREATE TABLE lines (id serial PRIMARY KEY, order_id int NOT NULL REFERENCES orders,
        product_id int NOT NULL REFERENCES products, quantity int NOT NULL)";

const INDEXES: &str = "
    CREATE INDEX ON addresses (customer_id);
    CREATE INDEX ON orders (customer_id);
    CREATE INDEX ON lines (order_id);";

/// The tables, with or without indexes on the foreign keys.
pub(crate) fn database(name: &str, has_indexes: bool) -> Database {
    let database = Database::new(name, TABLES);
    let mut client = database.client();
    let rows = format!(
        "INSERT INTO products SELECT n, 'product ' || n, n FROM generate_series(1, 1000) AS n;
         INSERT INTO customers SELECT n, 'customer ' || n, 'r' || n % 10 FROM generate_series(1, {CUSTOMERS}) AS n;
         INSERT INTO addresses (customer_id, street, zip) SELECT c, 'street ' || n, '12345'
             FROM generate_series(1, {CUSTOMERS}) AS c, generate_series(1, 3) AS n;
         INSERT INTO orders (customer_id, total, note) SELECT c, n, CASE WHEN n % 2 = 0 THEN 'note' END
             FROM generate_series(1, {CUSTOMERS}) AS c, generate_series(1, 5) AS n;
         INSERT INTO lines (order_id, product_id, quantity) SELECT o, 1 + (o * 7 + n * 13) % 1000, n
             FROM generate_series(1, 5 * {CUSTOMERS}) AS o, generate_series(1, 4) AS n;
         {}",
        if has_indexes { INDEXES } else { "" }
    );
    client.batch_execute(&rows).expect("the rows can be written");
    client.batch_execute("VACUUM ANALYZE").expect("VACUUM works");
    database
}

/// The graph of so many customers.
pub(crate) fn load(client: &mut Client, strategy: &Strategy, roots: usize) -> Duration {
    load_by(&mut UnitOfWork::new(client).with_strategy(strategy.clone()), roots)
}

/// The same with statements that are prepared.
pub(crate) fn load_prepared(
    client: &mut Client,
    (strategy, statements): (&Strategy, &StatementCache),
    roots: usize,
) -> Duration {
    let uow = UnitOfWork::new(&mut *client).with_strategy(strategy.clone());
    let elapsed = load_by(&mut uow.with_statement_cache(statements), roots);
    statements.prepare(client).expect("the statement can be prepared");
    elapsed
}

fn load_by(uow: &mut UnitOfWork<'_>, roots: usize) -> Duration {
    let started = Instant::now();
    let graph: Graph<Customer> = uow
        .query::<Customer>("id <= $1")
        .bind(roots as i32)
        .order_by("id")
        .with(|customer| {
            customer.children::<Address>();
            customer.children::<Order>().with(|order| {
                order.children::<Line>().with(|line| {
                    line.parent::<Product>();
                });
            });
        })
        .load()
        .expect("the graph is loaded");
    let elapsed = started.elapsed();
    assert_eq!(graph.roots().len(), roots);
    elapsed
}

/// The same, as vectors, and which of their elements belong together.
struct ByHand {
    customers: Vec<Customer>,
    addresses: Vec<Address>,
    orders: Vec<Order>,
    lines: Vec<Line>,
    products: Vec<Product>,
    addresses_of: HashMap<i32, Vec<usize>>,
    orders_of: HashMap<i32, Vec<usize>>,
    lines_of: HashMap<i32, Vec<usize>>,
    product_at: HashMap<i32, usize>,
}

/// The queries that are written by hand, one a level. Each has an array of numbers.
const BY_HAND: [&str; 5] = [
    "SELECT id, name, region FROM customers WHERE id <= ($1::int4[])[1] ORDER BY id",
    "SELECT id, customer_id, street, zip FROM addresses WHERE customer_id = ANY ($1) ORDER BY id",
    "SELECT id, customer_id, total, note FROM orders WHERE customer_id = ANY ($1) ORDER BY id",
    "SELECT id, order_id, product_id, quantity FROM lines WHERE order_id = ANY ($1) ORDER BY id",
    "SELECT id, name, price FROM products WHERE id = ANY ($1)",
];

pub(crate) fn load_by_hand(client: &mut Client, roots: usize) -> Duration {
    by_hand(roots, |query, ids| {
        client.query_typed(BY_HAND[query], &[(&ids, Type::INT4_ARRAY)]).expect("the query works")
    })
}

/// The queries, prepared.
pub(crate) fn prepare_by_hand(client: &mut Client) -> Vec<Statement> {
    let prepare = |sql| client.prepare_typed(sql, &[Type::INT4_ARRAY]).expect("it can be prepared");
    BY_HAND.map(prepare).into()
}

pub(crate) fn load_by_hand_prepared(
    client: &mut Client,
    statements: &[Statement],
    roots: usize,
) -> Duration {
    by_hand(roots, |query, ids| client.query(&statements[query], &[&ids]).expect("the query works"))
}

/// `select` sends one of the queries with these numbers.
fn by_hand(roots: usize, mut select: impl FnMut(usize, &[i32]) -> Vec<Row>) -> Duration {
    let started = Instant::now();
    let customers: Vec<Customer> = select(0, &[roots as i32]).iter().map(customer).collect();
    let ids: Vec<i32> = customers.iter().map(|customer| customer.id).collect();
    let addresses: Vec<Address> = select(1, &ids).iter().map(address).collect();
    let orders: Vec<Order> = select(2, &ids).iter().map(order).collect();
    let ids: Vec<i32> = orders.iter().map(|order| order.id).collect();
    let lines: Vec<Line> = select(3, &ids).iter().map(line).collect();
    let mut ids: Vec<i32> = lines.iter().map(|line| key(&line.product_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let products: Vec<Product> = select(4, &ids).iter().map(product).collect();
    let loaded = ByHand {
        addresses_of: by(addresses.iter().map(|address| key(&address.customer_id))),
        orders_of: by(orders.iter().map(|order| key(&order.customer_id))),
        lines_of: by(lines.iter().map(|line| key(&line.order_id))),
        product_at: products.iter().enumerate().map(|(at, product)| (product.id, at)).collect(),
        customers,
        addresses,
        orders,
        lines,
        products,
    };
    let elapsed = started.elapsed();
    loaded.check(roots);
    elapsed
}

impl ByHand {
    fn check(&self, roots: usize) {
        assert_eq!((self.customers.len(), self.addresses.len()), (roots, 3 * roots));
        assert_eq!((self.orders.len(), self.lines.len()), (5 * roots, 20 * roots));
        assert_eq!((self.addresses_of.len(), self.orders_of.len()), (roots, roots));
        assert_eq!((self.lines_of.len(), self.product_at.len()), (5 * roots, self.products.len()));
    }
}

/// The positions by their keys.
fn by(keys: impl Iterator<Item = i32>) -> HashMap<i32, Vec<usize>> {
    let mut positions: HashMap<i32, Vec<usize>> = HashMap::new();
    for (at, key) in keys.enumerate() {
        positions.entry(key).or_default().push(at);
    }
    positions
}

fn key<T: Model<Key = i32>>(foreign_key: &ForeignKey<T>) -> i32 {
    *foreign_key.key().expect("it was loaded")
}

fn customer(row: &Row) -> Customer {
    Customer { id: row.get(0), name: row.get(1), region: row.get(2) }
}

fn address(row: &Row) -> Address {
    let customer_id = ForeignKey::Key(row.get(1));
    Address { id: row.get(0), customer_id, street: row.get(2), zip: row.get(3) }
}

fn order(row: &Row) -> Order {
    let customer_id = ForeignKey::Key(row.get(1));
    Order { id: row.get(0), customer_id, total: row.get(2), note: row.get(3) }
}

fn line(row: &Row) -> Line {
    let (order_id, product_id) = (ForeignKey::Key(row.get(1)), ForeignKey::Key(row.get(2)));
    Line { id: row.get(0), order_id, product_id, quantity: row.get(3) }
}

fn product(row: &Row) -> Product {
    Product { id: row.get(0), name: row.get(1), price: row.get(2) }
}
