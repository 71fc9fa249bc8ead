//! `Query`: loading entities by a condition.

use std::fmt;
use std::marker::PhantomData;

use super::UnitOfWork;
use super::graph::{GraphQuery, Relations};
use super::load::{check_types, decode_all, in_table};
use super::lock::{Lock, not_for_graphs};
use crate::arena::AnyArena;
use crate::connection::OwnTexts;
use crate::error::Error;
use crate::graph::{CONDITION, Level, Relation, Root, Selection};
use crate::handle::Handle;
use crate::model::{Model, Parameter, Table};
use crate::sql::{Bound, Params, Rows, Sql, select_all};

/// A query of one model, as [`UnitOfWork::query`] begins it.
#[must_use = "a query does nothing until it is loaded"]
pub struct Query<'q, 'c, T> {
    /// The unit of work that takes the entities.
    uow: &'q mut UnitOfWork<'c>,
    /// Which rows.
    selection: Selection,
    /// The lock that the rows get.
    pub(super) lock: Option<Lock>,
    /// The type of the entities.
    model: PhantomData<T>,
}

impl<'c> UnitOfWork<'c> {
    /// Begins a query of entities by a condition. The condition is the text that stands behind `WHERE`,
    /// with `$1`, `$2`, … for values, which [`bind`](Query::bind) gives in their order. Columns are
    /// named as in the database. The text is trusted, so pass values as parameters.
    ///
    /// An entity that the unit of work has already stays as it is, with its unsaved changes, and keeps
    /// its handle. The condition is about the rows of the database. Entities that were added and not
    /// written yet are not found, and neither are entities that are marked for deletion.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn first_ten(client: &mut postgres::Client, prefix: &str) -> Result<(), onetrip::Error> {
    ///     let mut uow = UnitOfWork::new(client);
    ///     let users = uow
    ///         .query::<User>("name LIKE $1 || '%'")
    ///         .bind(prefix.to_owned())
    ///         .order_by("name")
    ///         .limit(10)
    ///         .load()?;
    ///     for user in users {
    ///         println!("{}", uow[user].name);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = first_ten;
    /// ```
    pub fn query<T: Model>(&mut self, condition: impl Into<String>) -> Query<'_, 'c, T> {
        Query {
            uow: self,
            selection: Selection { condition: Some(condition.into()), ..Selection::all() },
            lock: None,
            model: PhantomData,
        }
    }
}

impl<'q, 'c, T: Model> Query<'q, 'c, T> {
    /// Binds the value of the next parameter of the condition; see [`Parameter`].
    pub fn bind<P: Parameter>(mut self, value: P) -> Self {
        self.selection.bound.push(&value);
        self
    }

    /// Orders the result by this text, which stands behind `ORDER BY`: `"name, id DESC"`. The text is
    /// trusted, as the condition is, and can name the parameters of the condition.
    pub fn order_by(mut self, order: impl Into<String>) -> Self {
        self.selection.order = Some(order.into());
        self
    }

    /// Limits the result to `rows` rows; up to 2<sup>31</sup> − 1.
    pub fn limit(mut self, rows: u64) -> Self {
        self.selection.limit = Some(rows);
        self
    }

    /// Skips the first `rows` rows of the result; up to 2<sup>31</sup> − 1.
    pub fn offset(mut self, rows: u64) -> Self {
        self.selection.offset = Some(rows);
        self
    }

    /// Loads the entities, in one round trip.
    ///
    /// The rows of a table have different keys, and so each row is an entity. If the key of the model
    /// is not unique, as can happen with a view, rows with one key are several entities, unless the
    /// unit of work had an entity with this key before.
    ///
    /// # Errors
    ///
    /// When a parameter cannot be encoded, when the query fails, and when a row does not fit the
    /// model.
    pub fn load(self) -> Result<Vec<Handle<T>>, Error> {
        let (is_locked, texts) = (self.lock.is_some(), self.texts());
        let (uow, sql, params) = self.render(select_all)?;
        let table = T::table();
        if is_locked {
            let rows = uow.read_locked(&sql, &params).map_err(in_table(table))?;
            return Ok(uow.take_in_locked(&rows)?.into_iter().flatten().collect());
        }
        let rows = uow.connection.read(sql.as_str(), &params, texts).map_err(in_table(table))?;
        check_types(table, &rows)?;
        let mut entities: Vec<T> = Vec::with_capacity(rows.len());
        for entity in decode_all(&rows) {
            entities.push(entity?);
        }
        let stamp = uow.stamp;
        // They are not needed beside what the arena will hold.
        drop(rows);
        let arena = uow.arena_mut::<T>();
        let mut slots = arena.insert_all_read(entities);
        slots.retain(|&slot| !arena.is_marked_for_deletion(slot));
        Ok(slots.into_iter().map(|slot| Handle::new(stamp, slot)).collect())
    }

    /// Loads the first entity, if there is one.
    ///
    /// # Errors
    ///
    /// As [`load`](Query::load).
    pub fn first(self) -> Result<Option<Handle<T>>, Error> {
        Ok(self.limit(1).load()?.into_iter().next())
    }

    /// Calls `each` with the entities of the result, without holding all of them, and without taking
    /// them into the unit of work. If the unit of work has the entity of a row, `each` gets this
    /// entity.
    ///
    /// An error of `each` ends the query, and is returned.
    ///
    /// # Errors
    ///
    /// As [`load`](Query::load), and those of `each`.
    pub fn for_each<E: From<Error>>(
        self,
        mut each: impl FnMut(&T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (is_locked, texts) = (self.lock.is_some(), self.texts());
        let (uow, sql, params) = self.render(select_all)?;
        let table = T::table();
        if is_locked {
            return uow.for_each_locked(&sql, &params, each);
        }
        let UnitOfWork { connection, arenas, .. } = uow;
        let arena = super::arena_in::<T>(arenas);
        let mut stopped = None;
        let mut is_checked = false;
        let mut take = |rows: &Rows| -> Result<bool, Error> {
            if !std::mem::replace(&mut is_checked, true) {
                check_types(table, rows)?;
            }
            for read in decode_all::<T>(rows) {
                let read = read?;
                let known = match arena.len() {
                    0 => None,
                    _ => read.key().and_then(|key| arena.find_stored(&key)),
                };
                if known.is_some_and(|slot| arena.is_marked_for_deletion(slot)) {
                    continue;
                }
                let entity = known.and_then(|slot| arena.get(slot)).unwrap_or(&read);
                if let Err(error) = each(entity) {
                    stopped = Some(error);
                    return Ok(false);
                }
            }
            Ok(true)
        };
        connection.read_each(sql.as_str(), &params, texts, &mut take).map_err(in_table(table))?;
        stopped.map_or(Ok(()), Err)
    }

    /// Returns what the caller has written into the query.
    pub(super) fn texts(&self) -> OwnTexts {
        OwnTexts::of(self.selection.texts())
    }

    /// Returns the statement that begins with this, up to the table. The condition is in parentheses of its
    /// own lines, so that neither an `OR` nor a comment in it reaches what follows.
    pub(super) fn render(
        self,
        begin: impl FnOnce(&'static Table) -> Sql,
    ) -> Result<Rendered<'q, 'c>, Error> {
        let table = T::table();
        self.selection.check(table)?;
        let Selection { condition, order, limit, offset, bound } = self.selection;
        let texts = condition.iter().chain(&order).map(String::as_str);
        let mut params = bound.into_params(CONDITION, texts).map_err(in_table(table))?;
        let mut sql = begin(table);
        if let Some(condition) = &condition {
            sql.push(" WHERE (").push(condition).push("\n)");
        }
        if let Some(order) = &order {
            sql.push(" ORDER BY ").push(order).push("\n");
        }
        for (keyword, rows) in [(" LIMIT ", limit), (" OFFSET ", offset)] {
            if let Some(rows) = rows {
                let number = params.push_count(rows);
                sql.push(keyword).param(number);
            }
        }
        self.lock.iter().for_each(|lock| lock.push_to(&mut sql));
        Ok((self.uow, sql, params))
    }

    /// Loads the entities that belong to the result in the same round trip, to any depth: their
    /// children, their parents, and entities to which links lead. `below` names these relations.
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "customers")]
    /// # struct Customer { #[model(key)] id: Option<i32>, name: String, region: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "orders")]
    /// # struct Order { #[model(key)] id: Option<i32>, customer_id: ForeignKey<Customer>, total: i64 }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "lines")]
    /// # struct Line {
    /// #     #[model(key)] id: Option<i32>,
    /// #     order_id: ForeignKey<Order>,
    /// #     product_id: ForeignKey<Product>,
    /// # }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "products")]
    /// # struct Product { #[model(key)] id: Option<i32>, name: String }
    /// fn report(uow: &mut UnitOfWork<'_>, region: &str) -> Result<(), onetrip::Error> {
    ///     let customers = uow
    ///         .query::<Customer>("region = $1")
    ///         .bind(region)
    ///         .with(|customer| {
    ///             customer.children::<Order>().filter("total > $1").bind(100_i64).with(|order| {
    ///                 order.children::<Line>().with(|line| {
    ///                     line.parent::<Product>();
    ///                 });
    ///             });
    ///         })
    ///         .load()?;
    ///     for customer in customers.roots() {
    ///         for order in customers.children::<Order>(customer)? {
    ///             for line in customers.children::<Line>(order)? {
    ///                 let product = customers.parent::<Product>(line)?.map(|p| &uow[p].name[..]);
    ///                 println!("{}: {:?}", uow[customer].name, product);
    ///             }
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = report;
    /// ```
    pub fn with(mut self, below: impl FnOnce(&mut Relations<'_, T>)) -> GraphQuery<'q, 'c, T> {
        if self.lock.is_some() {
            self.selection.bound = Bound::refused(not_for_graphs());
        }
        let root = Level {
            table: T::table(),
            relation: Relation::Root(Root::Query),
            selection: self.selection,
        };
        GraphQuery::new(self.uow, root, below)
    }
}

pub(super) type Rendered<'q, 'c> = (&'q mut UnitOfWork<'c>, Sql, Params);

impl<T> fmt::Debug for Query<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("condition", &self.selection.condition)
            .finish_non_exhaustive()
    }
}
