-- A wholesaler, after Northwind: smallint keys without a sequence, text keys, composite keys, pictures,
-- and types that only PostgreSQL has.
CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL UNIQUE,
    description text, picture bytea);
CREATE TABLE suppliers (supplier_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, homepage text,
    address inet, located point);
CREATE TABLE products (product_id smallint PRIMARY KEY, product_name varchar(40) NOT NULL,
    supplier_id smallint REFERENCES suppliers, category_id smallint REFERENCES categories,
    unit_price real DEFAULT 0, units_in_stock smallint NOT NULL DEFAULT 0, discontinued int NOT NULL,
    tags text[] NOT NULL DEFAULT '{}', CHECK (unit_price >= 0));
CREATE TABLE customers (customer_id varchar(5) PRIMARY KEY, company_name varchar(40) NOT NULL,
    phone varchar(24), details jsonb NOT NULL DEFAULT '{}'::jsonb, document xml, notes json);
CREATE TABLE customer_demographics (customer_type_id char(5) PRIMARY KEY, customer_desc text);
CREATE TABLE customer_customer_demo (customer_id varchar(5) NOT NULL REFERENCES customers,
    customer_type_id char(5) NOT NULL REFERENCES customer_demographics,
    CONSTRAINT pk_demo PRIMARY KEY (customer_id, customer_type_id));
CREATE TABLE region (region_id smallint PRIMARY KEY, region_description varchar(60) NOT NULL);
CREATE TABLE territories (territory_id varchar(20) PRIMARY KEY, description varchar(60) NOT NULL,
    region_id smallint NOT NULL REFERENCES region);
CREATE TABLE employees (employee_id smallint PRIMARY KEY, last_name varchar(20) NOT NULL,
    birth_date date, reports_to smallint REFERENCES employees, photo bytea, hours interval);
CREATE TABLE employee_territories (employee_id smallint NOT NULL REFERENCES employees,
    territory_id varchar(20) NOT NULL REFERENCES territories, PRIMARY KEY (employee_id, territory_id));
CREATE TABLE shippers (shipper_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE orders (order_id smallint PRIMARY KEY, customer_id varchar(5) REFERENCES customers,
    employee_id smallint REFERENCES employees, order_date date, ship_via smallint REFERENCES shippers,
    freight real, placed timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE order_details (order_id smallint NOT NULL REFERENCES orders,
    product_id smallint NOT NULL REFERENCES products, unit_price real NOT NULL, quantity smallint NOT NULL,
    discount real NOT NULL, PRIMARY KEY (order_id, product_id));
CREATE TABLE returns (return_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id smallint NOT NULL,
    product_id smallint NOT NULL, why text, refund money,
    FOREIGN KEY (order_id, product_id) REFERENCES order_details);
CREATE TABLE return_steps (return_id uuid REFERENCES returns, step int, at time NOT NULL DEFAULT '12:00',
    PRIMARY KEY (return_id, step));
CREATE TABLE us_states (state_id smallint NOT NULL, state_name varchar(100), state_abbr varchar(2) NOT NULL);
CREATE UNIQUE INDEX us_states_abbr ON us_states (state_abbr);
CREATE UNIQUE INDEX us_states_id_abbr ON us_states (state_id, state_abbr);
CREATE VIEW products_by_category AS
    SELECT category_name, product_name FROM products JOIN categories USING (category_id);
