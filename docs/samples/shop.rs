// Four models that the samples of graphs use, and their tables.

include!("server.rs");

#[allow(dead_code)]
const TABLES: &str = "
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, region text NOT NULL);
    CREATE TABLE products (id serial PRIMARY KEY, name text NOT NULL, price bigint NOT NULL);
    CREATE TABLE orders (id serial PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers,
        total bigint NOT NULL DEFAULT 0);
    CREATE TABLE lines (id serial PRIMARY KEY, order_id integer NOT NULL REFERENCES orders,
        product_id integer NOT NULL REFERENCES products, quantity bigint NOT NULL);
    INSERT INTO customers (name, region) VALUES ('Ada', 'north'), ('Bob', 'south'), ('Cid', 'north');
    INSERT INTO products (name, price) VALUES ('pen', 2), ('ink', 5);
    INSERT INTO orders (customer_id) VALUES (1), (1), (3);
    INSERT INTO lines (order_id, product_id, quantity) VALUES (1, 1, 10), (1, 2, 1), (2, 2, 3), (3, 1, 1)";

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "customers")]
struct Customer {
    #[model(key)]
    id: Option<i32>,
    name: String,
    region: String,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "products")]
struct Product {
    #[model(key)]
    id: Option<i32>,
    name: String,
    price: i64,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    id: Option<i32>,
    customer_id: onetrip::ForeignKey<Customer>,
    total: i64,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    id: Option<i32>,
    order_id: onetrip::ForeignKey<Order>,
    product_id: onetrip::ForeignKey<Product>,
    quantity: i64,
}
