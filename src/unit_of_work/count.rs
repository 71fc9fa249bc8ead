//! How many rows a query has, without loading them.

use super::Query;
use super::load::in_table;
use crate::error::{Error, ErrorKind};
use crate::model::{Model, Value};
use crate::sql::Sql;

impl<T: Model> Query<'_, '_, T> {
    /// Returns the number of rows of the result, with regard to [`limit`](Query::limit) and
    /// [`offset`](Query::offset). It takes one round trip, and loads nothing.
    ///
    /// The rows are those of the database: entities that were added and not written are not counted,
    /// and entities that are marked for deletion are counted.
    ///
    /// # Errors
    ///
    /// When a parameter cannot be encoded, and when the query fails.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn namesakes(uow: &mut UnitOfWork<'_>, name: &str) -> Result<u64, onetrip::Error> {
    ///     uow.query::<User>("name = $1").bind(name).count()
    /// }
    /// # let _ = namesakes;
    /// ```
    pub fn count(self) -> Result<u64, Error> {
        let count: i64 = self.ask("SELECT count(*) FROM (", ") AS q")?;
        u64::try_from(count).map_err(|_| no_answer())
    }

    /// Returns `true` if the result has a row, with regard to [`offset`](Query::offset). It takes one
    /// round trip, and loads nothing. The rows are those of [`count`](Query::count).
    ///
    /// # Errors
    ///
    /// Those of [`count`](Query::count).
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn is_taken(uow: &mut UnitOfWork<'_>, name: &str) -> Result<bool, onetrip::Error> {
    ///     uow.query::<User>("name = $1").bind(name).exists()
    /// }
    /// # let _ = is_taken;
    /// ```
    pub fn exists(self) -> Result<bool, Error> {
        self.ask("SELECT EXISTS (", ")")
    }

    /// Returns the one value that a query around this one gives.
    fn ask<V: Value>(self, before: &str, after: &str) -> Result<V, Error> {
        let (table, lock, texts) = (T::table(), self.lock, self.texts());
        let (uow, mut sql, params) = self.render(|table| {
            let mut sql = Sql::new();
            sql.push(before).push("SELECT FROM ").qualified(table.qualified_name());
            sql
        })?;
        sql.push(after);
        let rows = match lock {
            Some(_) => uow.read_locked(&sql, &params),
            None => uow.connection.read(sql.as_str(), &params, texts),
        };
        let rows = rows.map_err(in_table(table))?;
        if rows.is_empty() {
            return Err(no_answer());
        }
        rows.get(0, 0)?.ok_or_else(no_answer)
    }
}

/// Returns the error for a server that does not say what it was asked.
fn no_answer() -> Error {
    Error::new(ErrorKind::Decode, "the server has not given one value")
}
