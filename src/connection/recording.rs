//! A connection without a server, for tests: it records what is sent, and answers as a server with
//! empty tables would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::BytesMut;
use postgres::types::{IsNull, ToSql};

use super::driver::Prepared;
use super::{CopyError, Wire};
use crate::error::{Error, ErrorKind};
use crate::model::SqlType;
use crate::sql::{CopyData, Params, Rows};

/// A connection that records what is sent. Its clones share what they record.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Script>>);

impl Recording {
    /// Returns a connection on which the caller has begun a transaction.
    pub(crate) fn in_transaction() -> Recording {
        let recording = Recording::default();
        recording.script().in_transaction = true;
        recording
    }

    /// Queues the answer to the next statement with parameters, instead of one that is made up:
    /// keys count up from 1, values are those that were sent, and a `SELECT` finds nothing.
    pub(crate) fn answer(&self, answer: Result<Rows, Error>) {
        self.script().answers.push_back(answer);
    }

    /// Makes a round trip go wrong, after so many more round trips.
    pub(crate) fn fail_after(&self, round_trips: usize, fault: Fault) {
        self.script().fault = Some((round_trips, fault));
    }

    /// Loses the link, between two round trips.
    pub(crate) fn close(&self) {
        self.script().is_lost = true;
    }

    /// Returns what was sent since the last call, a line a round trip. Statements with parameters
    /// end in these.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut self.script().sent).join("\n")
    }

    /// Returns the record, and what is to go wrong.
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Wire for Recording {
    fn simple(&mut self, sql: &str) -> Result<Option<String>, Error> {
        self.script().send(sql.to_owned())?;
        Ok(Some("t".to_owned()))
    }

    fn query(&mut self, sql: &str, params: &Params, _: Option<&Prepared>) -> Result<Rows, Error> {
        let mut script = self.script();
        let shown: Vec<_> = values(params).iter().map(show).collect();
        script.send(format!("{sql} -- {}", shown.join(", ")))?;
        match script.answers.pop_front() {
            Some(answer) => answer,
            None => Ok(script.made_up(sql, params)),
        }
    }

    fn execute(&mut self, sql: &str, params: &Params) -> Result<u64, Error> {
        self.query(sql, params, None).map(|rows| rows.len() as u64)
    }

    fn query_each(
        &mut self,
        sql: &str,
        params: &Params,
        take: &mut dyn FnMut(&Rows) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let rows = self.query(sql, params, None)?;
        take(&rows).map(drop)
    }

    fn copy_in(
        &mut self,
        sql: &str,
        fill: &mut dyn FnMut(&mut CopyData) -> Result<(), Error>,
    ) -> Result<u64, CopyError> {
        self.script().send(sql.to_owned()).map_err(CopyError::Failed)?;
        let (mut data, mut all) = (CopyData::default(), Vec::new());
        loop {
            data.clear();
            fill(&mut data).map_err(CopyError::Failed)?;
            if data.len() == 0 {
                return Ok(copied_rows(&all));
            }
            all.extend_from_slice(data.as_bytes());
        }
    }

    fn is_closed(&self) -> bool {
        self.script().is_lost
    }
}

/// What goes wrong with a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server refuses it. In a transaction it then refuses everything up to ROLLBACK.
    Refused,
    /// The link is lost, now and for good.
    Lost,
}

#[derive(Default)]
struct Script {
    /// What was sent since the last `take`, a line a round trip.
    sent: Vec<String>,
    /// The answers to come.
    answers: VecDeque<Result<Rows, Error>>,
    /// The number of round trips from here on that go well, and what happens to the one after.
    fault: Option<(usize, Fault)>,
    /// A transaction is open.
    in_transaction: bool,
    /// The transaction refuses everything up to ROLLBACK.
    is_aborted: bool,
    /// The link is lost.
    is_lost: bool,
    /// The key that was made up last.
    last_key: i64,
}

impl Script {
    /// Notes what was sent, and fails if it was told to.
    fn send(&mut self, sent: String) -> Result<(), Error> {
        self.sent.push(sent.clone());
        let fault = match self.fault {
            Some((0, fault)) => {
                self.fault = None;
                Some(fault)
            }
            Some((round_trips, fault)) => {
                self.fault = Some((round_trips - 1, fault));
                None
            }
            None => None,
        };
        self.is_lost |= fault == Some(Fault::Lost);
        if self.is_lost {
            return Err(Error::new(ErrorKind::Connection, "lost"));
        }
        self.is_aborted &= !sent.starts_with("ROLLBACK");
        if fault.is_some() {
            // What stands behind a BEGIN in the same message fails in the new transaction.
            self.in_transaction |= sent.starts_with("BEGIN;");
            self.is_aborted = self.in_transaction;
            return Err(Error::new(ErrorKind::Database, "refused"));
        }
        if self.is_aborted && sent == "COMMIT" {
            // The trap: the server answers ROLLBACK, which the driver takes for success.
            (self.is_aborted, self.in_transaction) = (false, false);
        }
        if self.is_aborted {
            return Err(Error::new(ErrorKind::Database, "the transaction is aborted"));
        }
        self.in_transaction |= sent.contains("BEGIN");
        self.in_transaction &= !sent.ends_with("COMMIT") && sent != "ROLLBACK";
        Ok(())
    }

    /// Returns an answer as a server with empty tables would give it.
    fn made_up(&mut self, sql: &str, params: &Params) -> Rows {
        let params = values(params);
        if let Some(arrays) = sql.strip_prefix("SELECT ARRAY(SELECT ") {
            return self.reserved(arrays, &params);
        }
        if sql.starts_with("INSERT INTO ") {
            return self.inserted(sql, &params);
        }
        Rows::canned(Vec::new(), Vec::new())
    }

    /// Answers a reservation, `…::"int4" FROM (SELECT generate_series(1, $1)) AS g), …`, by as many
    /// keys as each parameter says.
    fn reserved(&mut self, arrays: &str, params: &[(SqlType, Option<Vec<u8>>)]) -> Rows {
        let (mut types, mut row) = (Vec::new(), Vec::new());
        for (array, (_, count)) in arrays.split("ARRAY(SELECT ").zip(params) {
            let (key, _) = array.split_once("\" FROM (SELECT generate_series").unwrap();
            let ty = built_in(key.rsplit('"').next().unwrap());
            let count = i32::from_be_bytes(count.as_ref().unwrap()[..].try_into().unwrap());
            // An array: dimensions, NULLs, the type, the length, the lower bound.
            let mut raw = Vec::new();
            for header in [1, 0, ty.oid() as i32, count, 1] {
                raw.extend(header.to_be_bytes());
            }
            for _ in 0..count {
                let key = self.key(ty);
                raw.extend((key.len() as i32).to_be_bytes());
                raw.extend(key);
            }
            types.push(ty.array());
            row.push(Some(raw));
        }
        Rows::canned(types, vec![row])
    }

    /// Answers an insert. It reads the statement well enough for columns and tables with simple
    /// names.
    fn inserted(&mut self, sql: &str, params: &[(SqlType, Option<Vec<u8>>)]) -> Rows {
        let name = |column: &str| column.split('"').nth(1).unwrap().to_owned();
        // `COALESCE(NULL::"int4", "id") AS "id"` is `"id"`.
        let guards = sql.split("COALESCE(NULL::");
        let unguarded = |(at, part): (usize, &'_ str)| match at {
            0 => part.to_owned(),
            _ => part.split_once(", ").unwrap().1.to_owned(),
        };
        let sql: String = guards.enumerate().map(unguarded).collect();
        let (head, rest) = sql.split_once(" VALUES (").unwrap();
        let (rows, returning) = rest.rsplit_once(") RETURNING ").unwrap();
        let (_, columns) = head.split_once(" (").unwrap();
        let (columns, _) = columns.rsplit_once(')').unwrap();
        let columns: Vec<_> = columns.split(", ").map(name).collect();
        let returning: Vec<_> = returning.split(", ").map(name).collect();
        let (mut types, mut result) = (vec![SqlType::INT4; returning.len()], Vec::new());
        for row in rows.split("), (") {
            let cells: Vec<_> = row.split(", ").collect();
            let mut values = Vec::new();
            for (ty, column) in types.iter_mut().zip(&returning) {
                let at = columns.iter().position(|other| other == column);
                let number = at.and_then(|at| cells[at].split("::").next()?.strip_prefix('$'));
                values.push(match number {
                    Some(number) => {
                        let (sent, value) = &params[number.parse::<usize>().unwrap() - 1];
                        *ty = *sent;
                        value.clone()
                    }
                    // Left to the database: a column of these tests is an integer then.
                    None => Some(self.key(*ty)),
                });
            }
            result.push(values);
        }
        Rows::canned(types, result)
    }

    /// Returns the next key, in its binary form.
    fn key(&mut self, ty: SqlType) -> Vec<u8> {
        self.last_key += 1;
        match ty {
            SqlType::INT4 => (self.last_key as i32).to_be_bytes().to_vec(),
            SqlType::INT8 => self.last_key.to_be_bytes().to_vec(),
            SqlType::UUID => i128::from(self.last_key).to_be_bytes().to_vec(),
            _ => panic!("no keys of type {}", ty.name()),
        }
    }
}

/// Returns the parameters' types and bytes.
fn values(params: &Params) -> Vec<(SqlType, Option<Vec<u8>>)> {
    let value = |(raw, ty): &(_, postgres::types::Type)| {
        let mut bytes = BytesMut::new();
        let is_null = ToSql::to_sql(raw, ty, &mut bytes).unwrap();
        (built_in(ty.name()), matches!(is_null, IsNull::No).then(|| bytes.to_vec()))
    };
    params.raw().iter().map(value).collect()
}

/// Returns a parameter as text: `5 int4`, `'Ada' text`, `NULL int4`.
fn show((ty, value): &(SqlType, Option<Vec<u8>>)) -> String {
    let shown = match (*ty, value.as_deref()) {
        (_, None) => "NULL".to_owned(),
        (ty, Some(_)) if ty.is_array() => return format!("{}[]", ty.name()),
        (SqlType::TEXT, Some(raw)) => format!("'{}'", String::from_utf8_lossy(raw)),
        (SqlType::INTERVAL, Some(raw)) => {
            format!("{} µs", i64::from_be_bytes(raw[..8].try_into().unwrap()))
        }
        (SqlType::UUID, Some(raw)) => i128::from_be_bytes(raw.try_into().unwrap()).to_string(),
        (_, Some(raw)) => {
            let sign = if raw[0] < 128 { 0 } else { 0xff };
            let mut wide = [sign; 8];
            wide[8 - raw.len()..].copy_from_slice(raw);
            i64::from_be_bytes(wide).to_string()
        }
    };
    format!("{shown} {}", ty.name())
}

/// Returns the type that the driver names so.
fn built_in(name: &str) -> SqlType {
    if let Some(element) = name.strip_prefix('_') {
        return built_in(element).array();
    }
    let known = [SqlType::INT2, SqlType::INT4, SqlType::INT8, SqlType::TEXT, SqlType::BOOL];
    let of_statements = [SqlType::UUID, SqlType::INTERVAL, SqlType::OID];
    known
        .into_iter()
        .chain(of_statements)
        .find(|ty| ty.name() == name)
        .unwrap_or_else(|| panic!("the type {name} is not among those of these tests"))
}

/// Counts rows in the binary format of `COPY`.
fn copied_rows(data: &[u8]) -> u64 {
    const HEADER: usize = 19;
    let (mut at, mut rows) = (HEADER, 0);
    while let Ok(columns @ 0..) = data[at..at + 2].try_into().map(i16::from_be_bytes) {
        at += 2;
        for _ in 0..columns {
            let len = i32::from_be_bytes(data[at..at + 4].try_into().unwrap());
            at += 4 + usize::try_from(len).unwrap_or(0);
        }
        rows += 1;
    }
    rows
}
