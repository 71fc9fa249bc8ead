//! The driver, without a library above it: the best SQL by hand, and binary `COPY`.

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;
use postgres::{Client, NoTls, Row};

use crate::inside::{Clock, Peer, changed, email, line_sum, name, sum_of};
use crate::support::cli::Failure;
use crate::work::Work;

/// How users with addresses are inserted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// One statement, in which the server takes the keys.
    Statement,
    /// A query takes the keys, and an `INSERT` for each table sends a column as an array.
    Unnest,
    /// A query takes the keys, and a `COPY` for each table sends the rows.
    Copy,
}

pub(crate) struct Driver {
    client: Client,
    way: Way,
}

impl Driver {
    pub(crate) fn connect(url: &str, way: Way) -> Result<Driver, Failure> {
        Ok(Driver { client: Client::connect(url, NoTls)?, way })
    }
}

struct User {
    id: i32,
    name: String,
}

struct Address {
    id: i32,
    email: String,
    user_id: i32,
}

struct Customer {
    id: i32,
    _name: String,
    orders: Vec<Order>,
}

struct Order {
    id: i32,
    _total: i64,
    lines: Vec<Line>,
}

struct Line {
    id: i32,
    quantity: i64,
}

/// Users and addresses that have no keys yet.
fn rows(count: usize) -> (Vec<User>, Vec<Address>) {
    let users = (1..=count).map(|number| User { id: 0, name: name(number) }).collect();
    let address = |number| Address { id: 0, email: email(number), user_id: 0 };
    (users, (1..=2 * count).map(address).collect())
}

/// Gives the keys of two arrays to the rows.
fn give_keys(row: &Row, users: &mut [User], addresses: &mut [Address]) {
    for (user, id) in users.iter_mut().zip(row.get::<_, Vec<i32>>(0)) {
        user.id = id;
    }
    for (index, (address, id)) in addresses.iter_mut().zip(row.get::<_, Vec<i32>>(1)).enumerate() {
        (address.id, address.user_id) = (id, users[index / 2].id);
    }
}

const ONE_STATEMENT: &str = "
    WITH u AS (
        SELECT nextval('users_id_seq')::int AS id, name, n
        FROM unnest($1::text[]) WITH ORDINALITY AS t (name, n)
    ), a AS (
        SELECT nextval('addresses_id_seq')::int AS id, email, (n + 1) / 2 AS parent, n
        FROM unnest($2::text[]) WITH ORDINALITY AS t (email, n)
    ), insert_users AS (
        INSERT INTO users (id, name) SELECT id, name FROM u
    ), insert_addresses AS (
        INSERT INTO addresses (id, email, user_id)
        SELECT a.id, email, u.id FROM a JOIN u ON u.n = parent
    )
    SELECT ARRAY(SELECT id FROM u ORDER BY n), ARRAY(SELECT id FROM a ORDER BY n)";

const RESERVE: &str = "
    SELECT ARRAY(SELECT nextval('users_id_seq')::int FROM generate_series(1, $1)),
        ARRAY(SELECT nextval('addresses_id_seq')::int FROM generate_series(1, $2))";

const GRAPH: &str = "
    SELECT c.id, c.name, o.id, o.total, l.id, l.quantity
    FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id
        LEFT JOIN lines AS l ON l.order_id = o.id
    WHERE c.id <= 20
    ORDER BY c.id, o.id, l.id";

impl Driver {
    fn insert(&mut self, users: &mut [User], addresses: &mut [Address]) -> Result<(), Failure> {
        if let Way::Statement = self.way {
            let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
            let emails: Vec<&str> = addresses.iter().map(|address| &*address.email).collect();
            let rows = self.client.query_typed(
                ONE_STATEMENT,
                &[(&names, Type::TEXT_ARRAY), (&emails, Type::TEXT_ARRAY)],
            )?;
            give_keys(&rows[0], users, addresses);
            return Ok(());
        }
        let mut transaction = self.client.transaction()?;
        let counts = (users.len() as i32, addresses.len() as i32);
        let reserved = transaction
            .query_typed(RESERVE, &[(&counts.0, Type::INT4), (&counts.1, Type::INT4)])?;
        give_keys(&reserved[0], users, addresses);
        if let Way::Unnest = self.way {
            let ids: Vec<i32> = users.iter().map(|user| user.id).collect();
            let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
            transaction.query_typed(
                "INSERT INTO users (id, name) SELECT * FROM unnest($1::int[], $2::text[])",
                &[(&ids, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)],
            )?;
            let ids: Vec<i32> = addresses.iter().map(|address| address.id).collect();
            let emails: Vec<&str> = addresses.iter().map(|address| &*address.email).collect();
            let parents: Vec<i32> = addresses.iter().map(|address| address.user_id).collect();
            transaction.query_typed(
                "INSERT INTO addresses (id, email, user_id)
                 SELECT * FROM unnest($1::int[], $2::text[], $3::int[])",
                &[
                    (&ids, Type::INT4_ARRAY),
                    (&emails, Type::TEXT_ARRAY),
                    (&parents, Type::INT4_ARRAY),
                ],
            )?;
        } else {
            let sink = transaction.copy_in("COPY users (id, name) FROM STDIN (FORMAT binary)")?;
            let mut writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]);
            for user in users.iter() {
                writer.write(&[&user.id, &user.name])?;
            }
            writer.finish()?;
            let sink = transaction
                .copy_in("COPY addresses (id, email, user_id) FROM STDIN (FORMAT binary)")?;
            let mut writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT, Type::INT4]);
            for address in addresses.iter() {
                writer.write(&[&address.id, &address.email, &address.user_id])?;
            }
            writer.finish()?;
        }
        Ok(transaction.commit()?)
    }

    fn graph(&mut self) -> Result<Vec<Customer>, Failure> {
        let mut customers: Vec<Customer> = Vec::new();
        for row in self.client.query_typed(GRAPH, &[])? {
            let id = row.get(0);
            if customers.last().is_none_or(|customer| customer.id != id) {
                customers.push(Customer { id, _name: row.get(1), orders: Vec::new() });
            }
            let orders = customers.last_mut().map(|customer| &mut customer.orders);
            if let (Some(orders), Some(id)) = (orders, row.get::<_, Option<i32>>(2)) {
                if orders.last().is_none_or(|order| order.id != id) {
                    orders.push(Order { id, _total: row.get(3), lines: Vec::new() });
                }
                let lines = orders.last_mut().map(|order| &mut order.lines);
                if let (Some(lines), Some(id)) = (lines, row.get::<_, Option<i32>>(4)) {
                    lines.push(Line { id, quantity: row.get(5) });
                }
            }
        }
        Ok(customers)
    }
}

impl Peer for Driver {
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure> {
        match work {
            Work::Insert(count) => {
                clock.start()?;
                let (mut users, mut addresses) = rows(count);
                self.insert(&mut users, &mut addresses)?;
                clock.stop();
                Ok(sum_of(
                    users.iter().map(|user| user.id),
                    addresses.iter().map(|address| address.id),
                ))
            }
            Work::Graph => {
                clock.start()?;
                let customers = self.graph()?;
                clock.stop();
                let mut sum = 0;
                for customer in &customers {
                    for order in &customer.orders {
                        for line in &order.lines {
                            sum += line_sum(customer.id, order.id, line.id, line.quantity);
                        }
                    }
                }
                Ok(sum)
            }
            Work::Update => {
                let sql = "SELECT id, name FROM users WHERE id <= 100 ORDER BY id";
                let rows = self.client.query_typed(sql, &[])?;
                let mut users: Vec<User> =
                    rows.iter().map(|row| User { id: row.get(0), name: row.get(1) }).collect();
                clock.start()?;
                for user in &mut users {
                    user.name = changed(user.id);
                }
                let ids: Vec<i32> = users.iter().map(|user| user.id).collect();
                let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
                self.client.query_typed(
                    "UPDATE users SET name = t.name
                     FROM unnest($1::int[], $2::text[]) AS t (id, name) WHERE users.id = t.id",
                    &[(&ids, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)],
                )?;
                clock.stop();
                Ok(users.len() as i64)
            }
            Work::Delete => {
                let sql = "SELECT id FROM addresses WHERE id <= 100 ORDER BY id";
                let rows = self.client.query_typed(sql, &[])?;
                let ids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
                clock.start()?;
                let sql = "DELETE FROM addresses WHERE id = ANY ($1)";
                self.client.query_typed(sql, &[(&ids, Type::INT4_ARRAY)])?;
                clock.stop();
                Ok(ids.len() as i64)
            }
        }
    }
}
