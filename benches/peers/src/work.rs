//! The work that all peers do: the tables, the rows before it, and what has to be true after it.

use std::fmt;
use std::str::FromStr;

use postgres::Client;

use crate::support::cli::{Failure, thousands};

/// The schema that this program has to itself. A peer finds it by its `search_path`.
pub(crate) const SCHEMA: &str = "onetrip_peers";

pub(crate) const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (
        id serial PRIMARY KEY,
        email text NOT NULL,
        user_id integer NOT NULL REFERENCES users
    );
    CREATE INDEX ON addresses (user_id);
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (
        id serial PRIMARY KEY,
        customer_id integer NOT NULL REFERENCES customers,
        total bigint NOT NULL
    );
    CREATE TABLE lines (
        id serial PRIMARY KEY,
        order_id integer NOT NULL REFERENCES orders,
        quantity bigint NOT NULL
    );
    CREATE INDEX ON orders (customer_id);
    CREATE INDEX ON lines (order_id);
    INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 100) AS n;
    INSERT INTO orders (customer_id, total)
        SELECT c, 100 * n FROM generate_series(1, 100) AS c, generate_series(1, 5) AS n;
    INSERT INTO lines (order_id, quantity)
        SELECT o, o + n FROM generate_series(1, 500) AS o, generate_series(1, 4) AS n;
    ANALYZE customers, orders, lines";

/// How many rows are changed or deleted.
pub(crate) const ROWS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Inserts so many users `user 1` … with two addresses each: `a1@example.org` and
    /// `a2@example.org` belong to the first user. All ids are in the objects afterwards.
    Insert(usize),
    /// Loads the customers 1 to 20 with their 100 orders and 400 lines.
    Graph,
    /// Sets the name of the users 1 to 100, which are loaded already, to `changed 1` …
    Update,
    /// Deletes the addresses 1 to 100, which are loaded already.
    Delete,
}

impl Work {
    pub(crate) const ALL: [Work; 6] = [
        Work::Insert(1),
        Work::Insert(100),
        Work::Insert(10_000),
        Work::Graph,
        Work::Update,
        Work::Delete,
    ];

    /// As the tables of results say it.
    pub(crate) fn title(self) -> String {
        match self {
            Work::Insert(1) => "insert 1 user with 2 addresses".to_owned(),
            Work::Insert(users) => {
                format!("insert {} users with 2 addresses each", thousands(users))
            }
            Work::Graph => "load 20 customers with 100 orders and 400 lines".to_owned(),
            Work::Update => format!("update {ROWS} loaded rows"),
            Work::Delete => format!("delete {ROWS} loaded rows"),
        }
    }

    /// Puts the tables into the state that the work begins with.
    pub(crate) fn reset(self, client: &mut Client) -> Result<(), Failure> {
        let rows = match self {
            Work::Graph => return Ok(()),
            Work::Insert(_) => "",
            Work::Update | Work::Delete => {
                "INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 100) AS n;
                 INSERT INTO addresses (email, user_id)
                     SELECT 'a' || n || '@example.org', (n + 1) / 2
                     FROM generate_series(1, 200) AS n"
            }
        };
        let sql = format!("TRUNCATE users, addresses RESTART IDENTITY; {rows}");
        Ok(client.batch_execute(&sql)?)
    }

    /// Compares the database with the work, and with the sum that the peer has made of its objects.
    ///
    /// # Errors
    ///
    /// If the rows are not those of the work, or if the objects have other keys than the rows.
    pub(crate) fn check(self, client: &mut Client, sum: i64) -> Result<(), Failure> {
        let sql = match self {
            Work::Insert(users) => format!(
                "SELECT coalesce(u.rows = {users} AND a.rows = 2 * {users} AND a.fit, false),
                     u.sum + a.sum
                 FROM (SELECT count(*) AS rows,
                           sum(id::bigint * substr(name, 6)::bigint)::bigint AS sum
                       FROM users) AS u,
                     (SELECT count(*) AS rows, sum(addresses.id * n)::bigint AS sum,
                          bool_and(name = 'user ' || (n + 1) / 2) AS fit
                      FROM addresses JOIN users ON users.id = user_id,
                          LATERAL (SELECT substr(split_part(email, '@', 1), 2)::bigint AS n) AS e
                     ) AS a"
            ),
            Work::Graph => "SELECT true, sum(c.id + 3 * o.id + 7 * l.id + 11 * quantity)::bigint
                 FROM customers AS c JOIN orders AS o ON customer_id = c.id
                     JOIN lines AS l ON order_id = o.id
                 WHERE c.id <= 20"
                .to_owned(),
            Work::Update => "SELECT count(*) = 100,
                     count(*) FILTER (WHERE name = 'changed ' || id) FROM users"
                .to_owned(),
            Work::Delete => "SELECT count(*) = 100 AND min(id) = 101, 200 - count(*)
                 FROM addresses"
                .to_owned(),
        };
        let row = client.query_one(&sql, &[])?;
        let (is_right, expected): (bool, i64) = (row.get(0), row.get(1));
        if !is_right {
            return Err(format!("{self}: the rows are not those of the work").into());
        }
        if sum != expected {
            return Err(format!("{self}: the objects give {sum}, the rows {expected}").into());
        }
        Ok(())
    }
}

/// What a peer and this program tell each other.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Insert(users) => write!(f, "insert {users}"),
            Work::Graph => f.write_str("graph"),
            Work::Update => f.write_str("update"),
            Work::Delete => f.write_str("delete"),
        }
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Work, String> {
        let found = Work::ALL.into_iter().find(|work| work.to_string() == text);
        found.ok_or_else(|| format!("there is no work {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_is_read_as_it_is_written() {
        for work in Work::ALL {
            assert_eq!(work.to_string().parse(), Ok(work));
        }
        "insert 2".parse::<Work>().expect_err("nobody asks for it");
    }
}
