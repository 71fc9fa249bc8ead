//! This library.

use onetrip::{Error, ForeignKey, Model, Strategy, UnitOfWork};
use postgres::{Client, NoTls};

use crate::inside::{Clock, Peer, changed, email, line_sum, name, sum_of};
use crate::support::cli::Failure;
use crate::work::Work;

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: ForeignKey<User>,
}

#[derive(Model, Clone)]
#[model(table = "customers")]
struct Customer {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    id: Option<i32>,
    customer_id: ForeignKey<Customer>,
    total: i64,
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    id: Option<i32>,
    order_id: ForeignKey<Order>,
    quantity: i64,
}

pub(crate) struct Onetrip {
    client: Client,
    strategy: Strategy,
}

impl Onetrip {
    pub(crate) fn connect(url: &str, strategy: Strategy) -> Result<Onetrip, Failure> {
        Ok(Onetrip { client: Client::connect(url, NoTls)?, strategy })
    }
}

impl Peer for Onetrip {
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure> {
        let mut uow = UnitOfWork::new(&mut self.client).with_strategy(self.strategy.clone());
        match work {
            Work::Insert(count) => {
                clock.start()?;
                let mut users = Vec::with_capacity(count);
                let mut addresses = Vec::with_capacity(2 * count);
                for number in 1..=count {
                    let user = uow.add(User { id: None, name: name(number) });
                    users.push(user);
                    for address in [2 * number - 1, 2 * number] {
                        addresses.push(uow.add(Address {
                            id: None,
                            email: email(address),
                            user_id: user.into(),
                        }));
                    }
                }
                uow.commit()?;
                clock.stop();
                Ok(sum_of(
                    users.iter().filter_map(|&user| uow[user].id),
                    addresses.iter().filter_map(|&address| uow[address].id),
                ))
            }
            Work::Graph => {
                clock.start()?;
                let customers = uow
                    .query::<Customer>("id <= 20")
                    .order_by("id")
                    .with(|customer| {
                        customer.children::<Order>().with(|order| {
                            order.children::<Line>();
                        });
                    })
                    .load()?;
                clock.stop();
                Ok(sum(&uow, &customers)?)
            }
            Work::Update => {
                let users = uow.query::<User>("id <= 100").order_by("id").load()?;
                clock.start()?;
                for &user in &users {
                    uow[user].name = changed(uow[user].id.unwrap_or_default());
                }
                uow.commit()?;
                clock.stop();
                Ok(users.len() as i64)
            }
            Work::Delete => {
                let addresses = uow.query::<Address>("id <= 100").order_by("id").load()?;
                clock.start()?;
                for &address in &addresses {
                    uow.delete(address)?;
                }
                uow.commit()?;
                clock.stop();
                Ok(addresses.len() as i64)
            }
        }
    }
}

fn sum(uow: &UnitOfWork<'_>, customers: &onetrip::Graph<Customer>) -> Result<i64, Error> {
    let mut sum = 0;
    for customer in customers.roots() {
        for order in customers.children::<Order>(customer)? {
            for line in customers.children::<Line>(order)? {
                let key = |id: Option<i32>| id.unwrap_or_default();
                let (customer, order, line): (_, _, &Line) =
                    (key(uow[customer].id), key(uow[order].id), &uow[line]);
                sum += line_sum(customer, order, key(line.id), line.quantity);
            }
        }
    }
    Ok(sum)
}
