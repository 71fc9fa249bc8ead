//! Models with keys of every kind.

use onetrip::{ForeignKey, Model};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "customers")]
pub(crate) struct Customer {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) tags: Vec<String>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "addresses")]
pub(crate) struct Address {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) customer_id: ForeignKey<Customer>,
    pub(crate) street: String,
}

/// A key of two parts.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "orders")]
pub(crate) struct Order {
    #[model(key)]
    pub(crate) shop: String,
    #[model(key)]
    pub(crate) number: i64,
    pub(crate) customer_id: ForeignKey<Customer>,
    /// Two references to one table.
    pub(crate) billed_to: Option<ForeignKey<Address>>,
    pub(crate) sent_to: Option<ForeignKey<Address>>,
    pub(crate) total: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "lines")]
pub(crate) struct Line {
    #[model(key)]
    pub(crate) id: Option<i64>,
    #[model(column("shop", "order_number"))]
    pub(crate) order: ForeignKey<Order>,
    pub(crate) product_id: Option<ForeignKey<Product>>,
    pub(crate) quantity: i32,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "products")]
pub(crate) struct Product {
    #[model(key)]
    pub(crate) code: String,
    pub(crate) price: i32,
}

pub(crate) const TABLES: &str = "
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, region text NOT NULL, tags text[] NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
        street text NOT NULL);
    CREATE TABLE products (code text PRIMARY KEY, price int NOT NULL);
    CREATE TABLE orders (shop text, number bigint, customer_id int NOT NULL REFERENCES customers,
        billed_to int REFERENCES addresses, sent_to int REFERENCES addresses, total bigint NOT NULL,
        PRIMARY KEY (shop, number));
    CREATE TABLE lines (id bigserial PRIMARY KEY, shop text NOT NULL, order_number bigint NOT NULL,
        product_id text REFERENCES products, quantity int NOT NULL,
        FOREIGN KEY (shop, order_number) REFERENCES orders);
    CREATE INDEX ON addresses (customer_id);
    CREATE INDEX ON orders (customer_id, total);
    INSERT INTO customers (name, region, tags)
        SELECT 'customer ' || n, 'r' || n % 3, array_fill('t'::text, ARRAY[n % 4]) FROM generate_series(1, 12) AS n;
    INSERT INTO addresses (customer_id, street)
        SELECT c, 'street ' || 10 - n FROM generate_series(1, 12) AS c, generate_series(1, 3) AS n
        WHERE c <> 5 ORDER BY n DESC, c;
    INSERT INTO products SELECT 'p' || n, n FROM generate_series(1, 9) AS n;
    WITH made AS MATERIALIZED (
        SELECT 's' || n % 2, c * 10 + n, c, (SELECT min(id) FROM addresses WHERE customer_id = c),
        CASE WHEN n > 2 THEN (SELECT max(id) FROM addresses WHERE customer_id = c) END, c * n
        FROM generate_series(1, 12) AS c, generate_series(1, 4) AS n WHERE c % 4 > 0)
    INSERT INTO orders SELECT * FROM made;
    INSERT INTO lines (shop, order_number, product_id, quantity)
        SELECT shop, number, CASE WHEN n < 3 THEN 'p' || 1 + (number + n) % 9 END, n
        FROM orders, generate_series(1, 3) AS n ORDER BY n DESC, number";
