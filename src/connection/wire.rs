//! `Wire`: what the crate needs of a driver's connection.

use super::driver::Prepared;
use crate::error::{Error, ErrorKind};
use crate::sql::{CopyData, Params, Rows};

/// What the crate needs of a driver's connection. Each call is one round trip, but for that of
/// `copy_in`.
pub(crate) trait Wire: Send {
    /// Runs statements without parameters, and returns the first value of the first row.
    fn simple(&mut self, sql: &str) -> Result<Option<String>, Error>;

    /// Runs one statement, whose text need not be sent where it is prepared.
    fn query(
        &mut self,
        sql: &str,
        params: &Params,
        prepared: Option<&Prepared>,
    ) -> Result<Rows, Error>;

    /// Runs one statement, and returns the number of rows that it has written, as the server says.
    fn execute(&mut self, sql: &str, params: &Params) -> Result<u64, Error>;

    /// Runs one statement and hands its rows over in pieces, until `take` says that it wants no
    /// more.
    fn query_each(
        &mut self,
        sql: &str,
        params: &Params,
        take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
    ) -> Result<(), Error>;

    /// Runs `COPY … FROM STDIN`, and returns the number of rows that were stored. `fill` appends
    /// the next piece of the data, and appends nothing at its end. When it fails, the server is
    /// told to forget what it got.
    fn copy_in(
        &mut self,
        sql: &str,
        fill: &mut dyn FnMut(&mut CopyData) -> Result<(), Error>,
    ) -> Result<u64, CopyError>;

    /// Returns `true` if the link is known to be lost.
    fn is_closed(&self) -> bool;
}

/// The failure of a `COPY`.
pub(crate) enum CopyError {
    /// The `COPY` was refused before it began. The driver has then sent one message more than the
    /// server answers to, and would take every later answer for that of another question.
    Refused(Error),
    /// The `COPY` failed as any statement can.
    Failed(Error),
}

/// The number of round trips that the driver takes for a `COPY`: it is parsed, started, and
/// finished.
pub(crate) const COPY_ROUND_TRIPS: usize = 3;

/// Makes sure that the driver can put a statement into a message.
pub(super) fn check_fits_message(sql: &str, params: &Params) -> Result<(), Error> {
    let message = if params.len() > usize::from(u16::MAX) {
        "the statement has more than 65,535 parameters"
    } else if params.bytes() >= MAX_MESSAGE {
        "the parameters of the statement are larger than 1 GiB together"
    } else if sql.contains('\0') {
        "the text of the statement holds a NUL character"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Encode, message))
}

/// The server refuses messages of 1 GiB; the rest is for the statement's text and the lengths.
const MAX_MESSAGE: usize = (1 << 30) - (64 << 20);
