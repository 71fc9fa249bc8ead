//! `SqlStatement`: the caller's own SQL, in the transaction of the unit of work.

use std::fmt;

use super::UnitOfWork;
use super::sent::Sent;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::plural;
use crate::model::{Parameter, SqlType};
use crate::sql::{Bound, OwnText, Params, ResultRow, Returns, Rows, wrong_type};

/// A statement of the caller's own, as [`UnitOfWork::sql`] begins it.
#[must_use = "a statement does nothing until it is run"]
pub struct SqlStatement<'q, 'c> {
    /// The unit of work whose transaction the statement is in.
    uow: &'q mut UnitOfWork<'c>,
    /// The statement.
    text: String,
    /// The values of its parameters.
    bound: Bound,
}

impl<'c> UnitOfWork<'c> {
    /// Begins a statement of your own, with `$1`, `$2`, … for values, which
    /// [`bind`](SqlStatement::bind) gives in their order. The text is trusted, so pass values as
    /// parameters.
    ///
    /// The statement runs in the transaction of the unit of work. If no transaction is open, the
    /// statement opens one. So the statement is committed by the next [`commit`](UnitOfWork::commit),
    /// together with the entities, and never alone.
    ///
    /// The statement and the entities do not learn of each other. Entities that were added or changed
    /// are not written before the statement: call [`flush`](UnitOfWork::flush) first, if the statement
    /// has to see them. Entities do not get the values that the statement has written: call
    /// [`refresh_all`](UnitOfWork::refresh_all) for models that may have changed. The statement is not
    /// repeated: when the transaction is undone without your call, as after a lost connection or a
    /// refused COMMIT, nothing more is written until you call [`rollback`](UnitOfWork::rollback). Then
    /// do all of the work again.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "prices")]
    /// # struct Price { #[model(key)] id: Option<i32>, cents: i64 }
    /// fn raise(uow: &mut UnitOfWork<'_>, percent: i64) -> Result<u64, onetrip::Error> {
    ///     uow.sql("SELECT set_config('audit.user', $1, true)").bind("ada").execute()?;
    ///     let raised = uow
    ///         .sql("UPDATE prices SET cents = cents + cents * $1 / 100")
    ///         .bind(percent)
    ///         .execute()?;
    ///     uow.refresh_all::<Price>()?;
    ///     uow.commit()?;                              // everything, or nothing
    ///     Ok(raised)
    /// }
    /// # let _ = raise;
    /// ```
    pub fn sql(&mut self, text: impl Into<String>) -> SqlStatement<'_, 'c> {
        SqlStatement { uow: self, text: text.into(), bound: Bound::new() }
    }

    /// Runs something in the transaction, which is opened if it is not open. The next report counts it,
    /// unless it fails and has opened the transaction: then all is undone at once.
    pub(super) fn in_transaction<R>(
        &mut self,
        run: impl FnOnce(&mut Connection<'c>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.check_resolved()?;
        self.check_budget_for_one()?;
        let is_first = !self.connection.in_transaction();
        let before = Sent::by(&self.connection);
        let result = self.connection.open().and_then(|()| run(&mut self.connection));
        if result.is_err() && is_first {
            self.connection.rollback();
        } else {
            self.sent.add(Sent::by(&self.connection).since(before));
        }
        if result.is_err() {
            self.transaction_ended(!is_first);
        }
        result
    }

    /// Makes sure that one statement more stays within the budget.
    fn check_budget_for_one(&self) -> Result<(), Error> {
        let Some(budget) = self.budget else { return Ok(()) };
        let needed = self.connection.round_trips_of_one();
        let Sent { round_trips, .. } = self.sent;
        if round_trips + needed as u64 <= budget as u64 {
            return Ok(());
        }
        let message = match round_trips {
            0 => format!("it takes {}, and the budget is {budget}", plural(needed, "round trip")),
            _ => format!(
                "after {}, it takes {needed} more, and the budget is {budget}",
                plural(round_trips as usize, "round trip")
            ),
        };
        Err(Error::new(ErrorKind::Budget, message))
    }
}

impl<'c> SqlStatement<'_, 'c> {
    /// Binds the value of the next parameter; see [`Parameter`].
    pub fn bind<P: Parameter>(mut self, value: P) -> Self {
        self.bound.push(&value);
        self
    }

    /// Runs the statement, and returns the number of rows that it has written, or found.
    ///
    /// The statement takes one round trip, and one more if it opens the transaction.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`ErrorKind::Encode`] when the number of values is not the number of
    /// parameters that the text names, or a value cannot be sent; [`ErrorKind::Transaction`] for a text
    /// that would end the transaction, such as `COMMIT`; [`ErrorKind::Unsupported`] for `COPY`;
    /// [`ErrorKind::Budget`]; [`ErrorKind::UnknownOutcome`] while the outcome of a commit is unknown.
    ///
    /// Otherwise those of the server. After these, the transaction takes no further statement until it is
    /// rolled back, unless the statement was in a [`savepoint`](UnitOfWork::savepoint), or was the first
    /// of the transaction.
    pub fn execute(self) -> Result<u64, Error> {
        let (uow, text, params) = self.check()?;
        let text = OwnText::new(&text);
        let written =
            uow.in_transaction(|connection| connection.execute(text.as_str(), &params))?;
        uow.has_own = true;
        Ok(written)
    }

    /// Runs the statement, and returns its rows: those of a query, of `RETURNING`, or of `SHOW` and
    /// `EXPLAIN`. A row is read as a [`ResultRow`].
    ///
    /// A `String` reads the text of any type. Every other type has to be that of the column.
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn take(uow: &mut UnitOfWork<'_>, id: i32) -> Result<Vec<(i32, String)>, onetrip::Error> {
    ///     uow.sql("DELETE FROM jobs WHERE owner = $1 RETURNING id, state").bind(id).rows()
    /// }
    /// # let _ = take;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`execute`](SqlStatement::execute), and [`ErrorKind::Decode`] when the number of columns is
    /// not the number of values of a row, when a column has another type, or when a value is NULL and
    /// the type is no `Option`. Nothing of the statement stays then: such an error aborts the
    /// transaction, as an error of the server does. [`ErrorKind::Unsupported`] for a statement that is
    /// none of these, such as `FETCH`.
    pub fn rows<R: ResultRow>(self) -> Result<Vec<R>, Error> {
        let (uow, text, params) = self.check()?;
        let (text, types) = (OwnText::new(&text), R::types());
        let rows = match text.returns() {
            Returns::Rows => {
                let read_as = text.read_as(types.clone());
                uow.in_transaction(|connection| {
                    let rows = connection.query_as_is(read_as.sql.as_str(), &params);
                    let rows = rows.map_err(|error| read_as.explain(error))?;
                    read_rows(&rows, &types).inspect_err(|_| connection.abort())
                })
            }
            Returns::Text => uow.in_transaction(|connection| {
                let rows = connection.query_as_is(text.as_str(), &params)?;
                read_rows(&rows, &types).inspect_err(|_| connection.abort())
            }),
            Returns::Nothing => {
                let message = "rows can be read of SELECT, VALUES, TABLE, WITH, INSERT, UPDATE, \
                               DELETE, MERGE, SHOW and EXPLAIN";
                Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("run other statements with `execute`"))
            }
        }?;
        uow.has_own = true;
        Ok(rows)
    }

    /// Runs the statement, and returns its first row, if it has any. The server sends all rows; write
    /// `LIMIT 1` if there are many.
    ///
    /// ```
    /// # use onetrip::UnitOfWork;
    /// fn lock(uow: &mut UnitOfWork<'_>, id: i64) -> Result<bool, onetrip::Error> {
    ///     let is_free = uow.sql("SELECT pg_try_advisory_xact_lock($1)").bind(id).first()?;
    ///     Ok(is_free == Some(true))
    /// }
    /// # let _ = lock;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rows`](SqlStatement::rows).
    pub fn first<R: ResultRow>(self) -> Result<Option<R>, Error> {
        Ok(self.rows()?.into_iter().next())
    }
}

impl<'q, 'c> SqlStatement<'q, 'c> {
    /// Returns what is to be sent, if it is a statement that can be, with as many values as it names.
    fn check(self) -> Result<(&'q mut UnitOfWork<'c>, String, Params), Error> {
        let mut bound = self.bound;
        if let Some(error) = bound.take_error() {
            return Err(error);
        }
        OwnText::new(&self.text).check()?;
        let params = bound.into_params("statement", [self.text.as_str()])?;
        Ok((self.uow, self.text, params))
    }
}

/// Reads all rows, if their columns are as many as these types, and of them.
fn read_rows<R: ResultRow>(rows: &Rows, types: &[SqlType]) -> Result<Vec<R>, Error> {
    if let Some(columns) = rows.columns().filter(|columns| *columns != types.len()) {
        let expected = types.len();
        let message = format!("the statement returns {columns} columns, and not {expected}");
        return Err(Error::new(ErrorKind::Decode, message));
    }
    for (column, &ty) in types.iter().enumerate() {
        if let Some(other) = rows.other_type(column, ty) {
            let error = Error::new(ErrorKind::Decode, format!("it has the type {other}"));
            return Err(wrong_type(error, column, ty));
        }
    }
    (0..rows.len()).map(|row| read_row(rows, row)).collect()
}

/// Reads a row.
fn read_row<R: ResultRow>(rows: &Rows, row: usize) -> Result<R, Error> {
    R::read(|column| rows.raw(row, column)).map_err(|(column, error)| {
        let message = format!("cannot read the value: {error}");
        Error::new(ErrorKind::Decode, message)
            .with_column((column + 1).to_string())
            .with_source(error)
    })
}

impl fmt::Debug for SqlStatement<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStatement").field("text", &self.text).finish_non_exhaustive()
    }
}
