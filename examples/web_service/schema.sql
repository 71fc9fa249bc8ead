-- The tables of the service, and something to sell.

CREATE TABLE IF NOT EXISTS customers (
    id serial PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name varchar(60) NOT NULL CHECK (name <> ''),
    version integer NOT NULL
);

CREATE TABLE IF NOT EXISTS products (
    id integer PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE IF NOT EXISTS orders (
    id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers
);

CREATE INDEX IF NOT EXISTS orders_customer_id ON orders (customer_id);

CREATE TABLE IF NOT EXISTS lines (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0)
);

CREATE INDEX IF NOT EXISTS lines_order_id ON lines (order_id);

INSERT INTO products VALUES (1, 'pen'), (2, 'ink') ON CONFLICT DO NOTHING;
