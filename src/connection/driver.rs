//! The driver's `Client` and `Transaction` as connections. No other file names them.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};
use postgres::{Client, CopyInWriter, RowIter, SimpleQueryMessage, Statement, Transaction};

use super::mark::Mark;
use super::{Connection, CopyError, Wire};
use crate::error::{Error, ErrorKind};
use crate::sql::{CopyData, Params, Raw, Rows};

/// The driver's `Client`, where nothing else will do: what is repeated needs transactions of its own.
pub(crate) type Session = Client;

/// A statement that the server knows by a name.
pub(super) type PreparedStatement = Statement;

/// A statement that is prepared, and its mark.
#[derive(Clone)]
pub(crate) struct Prepared {
    /// The statement, as the driver knows it.
    pub(super) statement: PreparedStatement,
    /// The mark of its text.
    pub(super) mark: Mark,
}

/// What a [`UnitOfWork`](crate::UnitOfWork) can work on: `&mut postgres::Client` or
/// `&mut postgres::Transaction`.
///
/// A pooled client dereferences to a `Client`: pass `&mut *pooled`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection that a unit of work can borrow",
    label = "expected `&mut postgres::Client` or `&mut postgres::Transaction`",
    note = "a pooled client dereferences to the driver's `Client`: pass `&mut *client`"
)]
pub trait IntoConnection<'c>: sealed::Sealed {
    #[doc(hidden)]
    fn into_connection(self) -> Connection<'c>;
}

mod sealed {
    #[allow(unnameable_types, reason = "sealed: only this crate decides what a connection is")]
    pub trait Sealed {}
    impl Sealed for &mut super::Client {}
    impl Sealed for &mut super::Transaction<'_> {}
    #[cfg(test)]
    impl Sealed for super::super::recording::Recording {}
}

impl<'c> IntoConnection<'c> for &'c mut Client {
    fn into_connection(self) -> Connection<'c> {
        Connection::new(self)
    }
}

impl<'c> IntoConnection<'c> for &'c mut Transaction<'_> {
    fn into_connection(self) -> Connection<'c> {
        Connection::nested(self)
    }
}

#[cfg(test)]
impl<'c> IntoConnection<'c> for super::recording::Recording {
    fn into_connection(self) -> Connection<'c> {
        Connection::new(self)
    }
}

macro_rules! wire {
    ($driver:ty, $is_closed:expr) => {
        impl Wire for &mut $driver {
            fn simple(&mut self, sql: &str) -> Result<Option<String>, Error> {
                blocking(|| self.simple_query(sql)).map(|messages| first_value(&messages))
            }

            fn query(
                &mut self,
                sql: &str,
                params: &Params,
                prepared: Option<&Prepared>,
            ) -> Result<Rows, Error> {
                let raw = params.raw();
                if let Some(prepared) = prepared {
                    let mark = Raw::of(prepared.mark.bytes());
                    let mut params: Vec<&(dyn ToSql + Sync)> =
                        raw.iter().map(|(raw, _)| raw as _).collect();
                    params.extend([&mark as &(dyn ToSql + Sync); 2]);
                    return blocking(|| (**self).query(&prepared.statement, &params))
                        .map(Rows::driver);
                }
                // Typed and unnamed: one round trip, and safe behind a transaction pooler.
                blocking(|| self.query_typed(sql, &typed(&raw))).map(Rows::driver)
            }

            fn execute(&mut self, sql: &str, params: &Params) -> Result<u64, Error> {
                let raw = params.raw();
                blocking(|| self.execute_typed(sql, &typed(&raw)))
            }

            fn query_each(
                &mut self,
                sql: &str,
                params: &Params,
                take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
            ) -> Result<(), Error> {
                let raw = params.raw();
                take_all(blocking(|| self.query_typed_raw(sql, typed(&raw)))?, take)
            }

            fn copy_in(
                &mut self,
                sql: &str,
                fill: &mut dyn FnMut(&mut CopyData) -> Result<(), Error>,
            ) -> Result<u64, CopyError> {
                let statement = blocking(|| self.prepare(sql)).map_err(CopyError::Failed)?;
                let writer =
                    blocking(|| (**self).copy_in(&statement)).map_err(CopyError::Refused)?;
                // It is closed ahead of the next message, and not with the one that ends the data: PgBouncer
                // before 1.22.1 loses count of what it waits for, when anything comes between that one and its
                // answer. Then it may give the session away too early.
                let rows = write_copy(writer, fill).map_err(CopyError::Failed);
                drop(statement);
                rows
            }

            fn is_closed(&self) -> bool {
                let is_closed: fn(&$driver) -> bool = $is_closed;
                is_closed(self)
            }
        }
    };
}

wire!(Client, Client::is_closed);
wire!(Transaction<'_>, |_| false);

/// Returns the parameters as the driver's typed calls take them.
fn typed<'a>(raw: &'a [(Raw<'a>, Type)]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    raw.iter().map(|(raw, ty)| (raw as _, ty.clone())).collect()
}

/// Hands rows over to `take` in pieces: few enough to hold, and enough to be worth a call.
fn take_all(
    mut rows: RowIter<'_>,
    take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
) -> Result<(), Error> {
    const PIECE: usize = 256;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        blocking(|| {
            while piece.len() < PIECE {
                match rows.next()? {
                    Some(row) => piece.push(row),
                    None => break,
                }
            }
            Ok(())
        })?;
        let is_last = piece.len() < PIECE;
        if !take(&Rows::driver(piece))? || is_last {
            return Ok(());
        }
    }
}

/// Writes the data of a `COPY`, and returns the number of rows that were stored. A writer that is
/// dropped unfinished, also by a panic of `fill`, aborts the `COPY`.
fn write_copy(
    mut writer: CopyInWriter<'_>,
    fill: &mut dyn FnMut(&mut CopyData) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut data = CopyData::default();
    loop {
        data.clear();
        fill(&mut data)?;
        if data.len() == 0 {
            return blocking(|| writer.finish());
        }
        writer.write_all(data.as_bytes()).map_err(|error| {
            match error.into_inner().map(|inner| inner.downcast::<postgres::Error>()) {
                Some(Ok(error)) => Error::driver(*error),
                _ => Error::new(ErrorKind::Connection, "the data could not be sent"),
            }
        })?;
    }
}

/// Has the server parse a statement, in one round trip, or in more where it returns columns of types
/// that the driver has not met on this connection.
pub(super) fn prepare(
    client: &mut Client,
    sql: &str,
    types: &[Type],
) -> Result<PreparedStatement, Error> {
    blocking(|| client.prepare_typed(sql, types))
}

/// Returns the first value of the first row.
fn first_value(messages: &[SimpleQueryMessage]) -> Option<String> {
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// Runs a call of the driver, which blocks on an asynchronous runtime of its own.
///
/// Inside another runtime that panics before anything is sent. Asking tokio beforehand would not
/// do: it cannot tell a task, where blocking panics, from `spawn_blocking`, where it is right.
fn blocking<R>(call: impl FnOnce() -> Result<R, postgres::Error>) -> Result<R, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Error::driver),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            if text
                .is_some_and(|text| text.contains("Cannot start a runtime from within a runtime"))
            {
                let message = "called inside an asynchronous runtime, where a synchronous call \
                               cannot wait; nothing was sent";
                return Err(Error::new(ErrorKind::AsyncContext, message)
                    .with_hint("run the unit of work in `tokio::task::spawn_blocking`"));
            }
            resume_unwind(panic)
        }
    }
}
