//! Diesel: a multi-row `INSERT` for each table, `belonging_to`, and `save_changes`.

use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::inside::{Clock, Peer, changed, email, line_sum, name, sum_of};
use crate::support::cli::Failure;
use crate::work::Work;

mod schema {
    diesel::table! { users (id) { id -> Integer, name -> Text, } }
    diesel::table! { addresses (id) { id -> Integer, email -> Text, user_id -> Integer, } }
    diesel::table! { customers (id) { id -> Integer, name -> Text, } }
    diesel::table! { orders (id) { id -> Integer, customer_id -> Integer, total -> BigInt, } }
    diesel::table! { lines (id) { id -> Integer, order_id -> Integer, quantity -> BigInt, } }
    diesel::joinable!(addresses -> users (user_id));
    diesel::joinable!(orders -> customers (customer_id));
    diesel::joinable!(lines -> orders (order_id));
    diesel::allow_tables_to_appear_in_same_query!(users, addresses, customers, orders, lines);
}

use schema::{addresses, customers, lines, orders, users};

#[derive(Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = users)]
struct User {
    id: i32,
    name: String,
}

#[derive(Insertable)]
#[diesel(table_name = users)]
struct NewUser {
    name: String,
}

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = addresses)]
#[allow(dead_code, reason = "a model has all columns")]
struct Address {
    id: i32,
    email: String,
    user_id: i32,
}

#[derive(Insertable)]
#[diesel(table_name = addresses)]
struct NewAddress {
    email: String,
    user_id: i32,
}

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = customers)]
#[allow(dead_code, reason = "a model has all columns")]
struct Customer {
    id: i32,
    name: String,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = orders, belongs_to(Customer))]
#[allow(dead_code, reason = "a model has all columns")]
struct Order {
    id: i32,
    customer_id: i32,
    total: i64,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = lines, belongs_to(Order))]
struct Line {
    id: i32,
    order_id: i32,
    quantity: i64,
}

pub(crate) struct Diesel(PgConnection);

impl Diesel {
    pub(crate) fn connect(url: &str) -> Result<Diesel, Failure> {
        Ok(Diesel(PgConnection::establish(url)?))
    }
}

impl Peer for Diesel {
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure> {
        let connection = &mut self.0;
        match work {
            Work::Insert(count) => {
                clock.start()?;
                let new_users: Vec<_> =
                    (1..=count).map(|number| NewUser { name: name(number) }).collect();
                let (users, addresses) = connection.transaction(|connection| {
                    let users: Vec<User> = diesel::insert_into(users::table)
                        .values(&new_users)
                        .returning(User::as_returning())
                        .get_results(connection)?;
                    let new_address = |number: usize| NewAddress {
                        email: email(number),
                        user_id: users[(number - 1) / 2].id,
                    };
                    let addresses: Vec<Address> = diesel::insert_into(addresses::table)
                        .values((1..=2 * count).map(new_address).collect::<Vec<_>>())
                        .returning(Address::as_returning())
                        .get_results(connection)?;
                    diesel::QueryResult::Ok((users, addresses))
                })?;
                clock.stop();
                Ok(sum_of(
                    users.iter().map(|user| user.id),
                    addresses.iter().map(|address| address.id),
                ))
            }
            Work::Graph => {
                clock.start()?;
                let customers = customers::table
                    .filter(customers::id.le(20))
                    .order(customers::id)
                    .select(Customer::as_select())
                    .load(connection)?;
                let orders = Order::belonging_to(&customers)
                    .order(orders::id)
                    .select(Order::as_select())
                    .load(connection)?;
                let lines = Line::belonging_to(&orders)
                    .order(lines::id)
                    .select(Line::as_select())
                    .load(connection)?;
                let lines = lines.grouped_by(&orders);
                let orders = orders.into_iter().zip(lines).grouped_by(&customers);
                let graph: Vec<_> = customers.into_iter().zip(orders).collect();
                clock.stop();
                let mut sum = 0;
                for (customer, orders) in &graph {
                    for (order, lines) in orders {
                        for line in lines {
                            sum += line_sum(customer.id, order.id, line.id, line.quantity);
                        }
                    }
                }
                Ok(sum)
            }
            Work::Update => {
                let mut users = users::table
                    .filter(users::id.le(100))
                    .order(users::id)
                    .select(User::as_select())
                    .load(connection)?;
                clock.start()?;
                connection.transaction(|connection| {
                    for user in &mut users {
                        user.name = changed(user.id);
                        user.save_changes::<User>(connection)?;
                    }
                    diesel::QueryResult::Ok(())
                })?;
                clock.stop();
                Ok(users.len() as i64)
            }
            Work::Delete => {
                let addresses = addresses::table
                    .filter(addresses::id.le(100))
                    .order(addresses::id)
                    .select(Address::as_select())
                    .load(connection)?;
                clock.start()?;
                let keys: Vec<i32> = addresses.iter().map(|address| address.id).collect();
                diesel::delete(addresses::table.filter(addresses::id.eq_any(keys)))
                    .execute(connection)?;
                clock.stop();
                Ok(addresses.len() as i64)
            }
        }
    }
}
