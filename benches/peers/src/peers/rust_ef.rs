//! rust-ef: `add` with navigations, `include`, and `save_changes`.

use rust_ef::db_context::{DbContext, DbContextOptionsBuilder};
use rust_ef::prelude::*;
use rust_ef_postgres::DbContextOptionsBuilderExt as _;
use tokio::runtime::Runtime;

use crate::inside::{Clock, Peer, changed, email, line_sum, name, sum_of};
use crate::support::cli::Failure;
use crate::work::{SCHEMA, Work};

#[derive(Debug, Clone, EntityType)]
#[table("users")]
pub(crate) struct User {
    #[primary_key]
    #[auto_increment]
    id: i32,
    #[required]
    name: String,
    #[navigation]
    addresses: HasMany<Address>,
}

#[derive(Debug, Clone, EntityType)]
#[table("addresses")]
pub(crate) struct Address {
    #[primary_key]
    #[auto_increment]
    id: i32,
    #[required]
    email: String,
    #[foreign_key(User)]
    user_id: i32,
    #[navigation]
    user: BelongsTo<User>,
}

#[derive(Debug, Clone, EntityType)]
#[table("customers")]
pub(crate) struct Customer {
    #[primary_key]
    #[auto_increment]
    id: i32,
    #[required]
    name: String,
    #[navigation]
    orders: HasMany<Order>,
}

#[derive(Debug, Clone, EntityType)]
#[table("orders")]
pub(crate) struct Order {
    #[primary_key]
    #[auto_increment]
    id: i32,
    #[foreign_key(Customer)]
    customer_id: i32,
    total: i64,
    #[navigation]
    customer: BelongsTo<Customer>,
    #[navigation]
    lines: HasMany<Line>,
}

#[derive(Debug, Clone, EntityType)]
#[table("lines")]
pub(crate) struct Line {
    #[primary_key]
    #[auto_increment]
    id: i32,
    #[foreign_key(Order)]
    order_id: i32,
    quantity: i64,
    #[navigation]
    order: BelongsTo<Order>,
}

pub(crate) struct RustEf {
    runtime: Runtime,
    context: DbContext,
}

impl RustEf {
    pub(crate) fn connect(url: &str) -> Result<RustEf, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = |connections| {
            let mut options = DbContextOptionsBuilder::new();
            options.use_postgres_with(url, move |options| {
                options.pool_size(connections).insecure();
            });
            options.build()
        };
        // It takes the server, the user and the database from an address, but no `options`. So the search path
        // is that of the user, for the connections that follow.
        let first = runtime.block_on(async { DbContext::from_options(&options(1)) })?;
        let search_path = format!("ALTER ROLE CURRENT_USER SET search_path = {SCHEMA}");
        runtime.block_on(first.provider().execute_migration_command(&search_path))?;
        drop(first);
        // `include` takes a second connection while it holds the first.
        let mut context = runtime.block_on(async { DbContext::from_options(&options(2)) })?;
        // Children are saved with their parents if their set is known.
        context.set::<User>();
        context.set::<Address>();
        Ok(RustEf { runtime, context })
    }
}

impl Peer for RustEf {
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure> {
        let RustEf { runtime, context } = self;
        context.clear_tracking();
        match work {
            Work::Insert(count) => {
                clock.start()?;
                for number in 1..=count {
                    let address = |number| Address {
                        id: 0,
                        email: email(number),
                        user_id: 0,
                        user: BelongsTo::new(),
                    };
                    let addresses = [2 * number - 1, 2 * number].map(address);
                    context.add(User {
                        id: 0,
                        name: name(number),
                        addresses: HasMany::with(addresses.into()),
                    });
                }
                runtime.block_on(context.save_changes())?;
                clock.stop();
                let users: Vec<i32> =
                    context.set::<User>().tracked_entries().map(|user| user.id).collect();
                let addresses: Vec<i32> =
                    context.set::<Address>().tracked_entries().map(|address| address.id).collect();
                Ok(sum_of(users, addresses))
            }
            Work::Graph => {
                clock.start()?;
                let query = linq!(context.set::<Customer>(), |c: Customer| c.id <= 20;
                    include c.orders then c.lines;
                    order_by c.id;
                );
                let customers = runtime.block_on(query.to_list())?;
                clock.stop();
                let mut sum = 0;
                for customer in &customers {
                    for order in customer.orders.items() {
                        for line in order.lines.items() {
                            sum += line_sum(customer.id, order.id, line.id, line.quantity);
                        }
                    }
                }
                Ok(sum)
            }
            Work::Update => {
                let query = linq!(context.set::<User>(), |u: User| u.id <= 100);
                for user in runtime.block_on(query.to_list())? {
                    context.attach(user);
                }
                clock.start()?;
                for user in context.set::<User>().tracked_entries_mut() {
                    user.name = changed(user.id);
                }
                runtime.block_on(context.save_changes())?;
                clock.stop();
                Ok(context.set::<User>().len() as i64)
            }
            Work::Delete => {
                let query = linq!(context.set::<Address>(), |a: Address| a.id <= 100);
                let addresses = runtime.block_on(query.to_list())?;
                let count = addresses.len() as i64;
                for address in addresses {
                    context.attach(address);
                }
                clock.start()?;
                context.remove_all::<Address>();
                runtime.block_on(context.save_changes())?;
                clock.stop();
                Ok(count)
            }
        }
    }
}
