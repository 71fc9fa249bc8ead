//! SeaORM: `insert_many` or nested `save`, the entity loader, and `update`.

#![allow(unreachable_pub, reason = "the macro wants models to be public")]

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectOptions, Database, EntityLoaderTrait, QueryOrder, Set, TransactionTrait};
use tokio::runtime::Runtime;

use crate::inside::{Clock, Peer, changed, email, line_sum, name, sum_of};
use crate::support::cli::Failure;
use crate::work::Work;

mod user {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub name: String,
        #[sea_orm(has_many)]
        pub addresses: HasMany<super::address::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod address {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "addresses")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub email: String,
        pub user_id: i32,
        #[sea_orm(belongs_to, from = "user_id", to = "id")]
        pub user: BelongsTo<super::user::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod customer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub name: String,
        #[sea_orm(has_many)]
        pub orders: HasMany<super::order::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod order {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub customer_id: i32,
        pub total: i64,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub customer: BelongsTo<super::customer::Entity>,
        #[sea_orm(has_many)]
        pub lines: HasMany<super::line::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod line {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lines")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub order_id: i32,
        pub quantity: i64,
        #[sea_orm(belongs_to, from = "order_id", to = "id")]
        pub order: BelongsTo<super::order::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How users with addresses are inserted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// `insert_many` for each table.
    Many,
    /// `save` for each user, with the addresses in it.
    Nested,
}

pub(crate) struct SeaOrm {
    runtime: Runtime,
    database: DatabaseConnection,
    way: Way,
}

impl SeaOrm {
    pub(crate) fn connect(url: &str, way: Way) -> Result<SeaOrm, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut options = ConnectOptions::new(url);
        // Unless told otherwise, the pool asks the server whether it is there before each use.
        options.max_connections(1).sqlx_logging(false).test_before_acquire(false);
        let database = runtime.block_on(Database::connect(options))?;
        Ok(SeaOrm { runtime, database, way })
    }
}

async fn insert_many(
    database: &DatabaseConnection,
    count: usize,
) -> Result<(Vec<user::Model>, Vec<address::Model>), DbErr> {
    let transaction = database.begin().await?;
    let new_user = |number| user::ActiveModel { name: Set(name(number)), ..Default::default() };
    let users = user::Entity::insert_many((1..=count).map(new_user))
        .exec_with_returning(&transaction)
        .await?;
    let new_address = |number: usize| address::ActiveModel {
        email: Set(email(number)),
        user_id: Set(users[(number - 1) / 2].id),
        ..Default::default()
    };
    let addresses = address::Entity::insert_many((1..=2 * count).map(new_address))
        .exec_with_returning(&transaction)
        .await?;
    transaction.commit().await?;
    Ok((users, addresses))
}

async fn save_nested(
    database: &DatabaseConnection,
    count: usize,
) -> Result<Vec<user::ActiveModelEx>, DbErr> {
    let transaction = database.begin().await?;
    let mut users = Vec::with_capacity(count);
    for number in 1..=count {
        let mut user = user::ActiveModel::builder().set_name(name(number));
        for address in [2 * number - 1, 2 * number] {
            user = user.add_address(address::ActiveModel::builder().set_email(email(address)));
        }
        users.push(user.save(&transaction).await?);
    }
    transaction.commit().await?;
    Ok(users)
}

impl Peer for SeaOrm {
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure> {
        let (runtime, database) = (&self.runtime, &self.database);
        match (work, self.way) {
            (Work::Insert(count), Way::Many) => {
                clock.start()?;
                let (users, addresses) = runtime.block_on(insert_many(database, count))?;
                clock.stop();
                Ok(sum_of(
                    users.iter().map(|user| user.id),
                    addresses.iter().map(|address| address.id),
                ))
            }
            (Work::Insert(count), Way::Nested) => {
                clock.start()?;
                let users = runtime.block_on(save_nested(database, count))?;
                clock.stop();
                let addresses = users.iter().flat_map(|user| user.addresses.as_slice());
                Ok(sum_of(
                    users.iter().map(|user| *user.id.as_ref()),
                    addresses.map(|address| *address.id.as_ref()),
                ))
            }
            (Work::Graph, _) => {
                clock.start()?;
                let query = customer::Entity::load()
                    .filter(customer::COLUMN.id.lte(20))
                    .order_by_id_asc()
                    .with((order::Entity, line::Entity));
                let customers = runtime.block_on(query.all(database))?;
                clock.stop();
                let mut sum = 0;
                for customer in &customers {
                    for order in customer.orders.iter() {
                        for line in order.lines.iter() {
                            sum += line_sum(customer.id, order.id, line.id, line.quantity);
                        }
                    }
                }
                Ok(sum)
            }
            (Work::Update, _) => {
                let query = user::Entity::find()
                    .filter(user::COLUMN.id.lte(100))
                    .order_by_asc(user::COLUMN.id);
                let users = runtime.block_on(query.all(database))?;
                clock.start()?;
                let count = runtime.block_on(async {
                    let transaction = database.begin().await?;
                    let mut updated = Vec::new();
                    for user in users {
                        let name = changed(user.id);
                        let mut user: user::ActiveModel = user.into();
                        user.name = Set(name);
                        updated.push(user.update(&transaction).await?);
                    }
                    transaction.commit().await?;
                    Ok::<_, DbErr>(updated.len())
                })?;
                clock.stop();
                Ok(count as i64)
            }
            (Work::Delete, _) => {
                let query = address::Entity::find().filter(address::COLUMN.id.lte(100));
                let addresses = runtime.block_on(query.all(database))?;
                clock.start()?;
                let keys = addresses.iter().map(|address| address.id);
                let delete = address::Entity::delete_many().filter(address::COLUMN.id.is_in(keys));
                runtime.block_on(delete.exec(database))?;
                clock.stop();
                Ok(addresses.len() as i64)
            }
        }
    }
}
