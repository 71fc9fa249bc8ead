//! `Flush`: what the steps of a plan are written with.

pub(crate) mod answer;
pub(crate) mod array_source;
pub(crate) mod arrays;
mod blame;
pub(crate) mod change;
pub(crate) mod change_statement;
mod copy;
pub(crate) mod find_or_add;
pub(crate) mod keys;
pub(crate) mod locks;
mod matched;
mod returned;
pub(crate) mod sequences;
pub(crate) mod set_aside;
pub(crate) mod stale;
pub(crate) mod statement_text;
pub(crate) mod values;

use std::collections::{HashMap, HashSet};
use std::fmt;

use bytes::BytesMut;

use answer::Answer;
use returned::ReturnedRows;

use crate::assignments::{Assignments, RowsOf};
use crate::change_set::{CellAt, CellValue, ChangeSet, RowKey};
use crate::connection::Connection;
use crate::error::{BoxError, Error, ErrorKind};
use crate::flush_plan::{FlushPlan, Inserts, UpdateStep};
use crate::model::Table;
use crate::sql::{Params, Rows, array_elements};

/// One flush: its plan, the values of its cells, the connection, and what the database assigned.
///
/// Tables are named by their position in [`Inserts::tables`], rows by their position among the new
/// rows of their table, columns by their position in [`Table::columns`](crate::Table::columns).
pub struct Flush<'a, 'c> {
    /// The steps, and what is known of their tables.
    plan: &'a FlushPlan,
    /// What the strategy is to write now.
    inserts: Inserts<'a>,
    /// The values that entities have.
    changes: &'a ChangeSet<'a>,
    /// Where statements are sent. A transaction of ours is open, unless the flush is in autocommit.
    connection: &'a mut Connection<'c>,
    /// What the database has assigned so far. Entities get it only after success.
    assigned: Assignments,
    /// What columns of keys hold in rows that steps have moved since they were loaded: by the
    /// position in [`ChangeSet::changed`], the slot and the column.
    moved: HashMap<(usize, u32, usize), Vec<u8>>,
    /// For each table, the rows that the strategy has accounted for.
    stored: Vec<Vec<bool>>,
    /// The number of these rows, of all tables.
    stored_rows: usize,
    /// The keys of the rows that were found or added, by the position of their model.
    found_keys: HashMap<usize, HashSet<RowKey>>,
    /// Is told whenever rows were stored, or sent by `COPY`.
    on_progress: Option<&'a mut OnProgress<'static>>,
    /// The one statement is the whole transaction.
    is_autocommit: bool,
    /// The one statement was sent, so that no other may follow.
    is_sent: bool,
    /// It is not known whether keys come from where the DEFAULTs of their columns say.
    checks_defaults: bool,
    /// Rows may lie on several servers, with Citus.
    is_distributed: bool,
    /// Citus is to write over one connection to each server.
    is_sequential: bool,
    /// The tables of which it is known by now.
    with_default_keys: Vec<&'static Table>,
}

/// What is known of the rows that were written before, where some are written at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    assigned: Assignments,
    moved: HashMap<(usize, u32, usize), Vec<u8>>,
    found_keys: HashMap<usize, HashSet<RowKey>>,
    stored: Vec<Vec<bool>>,
}

impl<'a, 'c> Flush<'a, 'c> {
    /// Returns a flush within an open transaction.
    pub(crate) fn new(
        plan: &'a FlushPlan,
        changes: &'a ChangeSet<'a>,
        connection: &'a mut Connection<'c>,
        on_progress: Option<&'a mut OnProgress<'static>>,
    ) -> Flush<'a, 'c> {
        let stored = plan.tables().iter().map(|planned| vec![false; planned.rows()]).collect();
        Flush {
            plan,
            inserts: plan.no_inserts(),
            changes,
            connection,
            assigned: Assignments::default(),
            moved: HashMap::new(),
            stored,
            stored_rows: 0,
            found_keys: HashMap::new(),
            on_progress,
            is_autocommit: false,
            is_sent: false,
            checks_defaults: false,
            is_distributed: false,
            is_sequential: false,
            with_default_keys: Vec::new(),
        }
    }

    /// Returns a flush that goes on with some rows, where another has written others.
    pub(crate) fn resume(
        plan: &'a FlushPlan,
        changes: &'a ChangeSet<'a>,
        connection: &'a mut Connection<'c>,
        before: Before,
    ) -> Flush<'a, 'c> {
        let Before { assigned, moved, found_keys, stored } = before;
        let flush = Flush::new(plan, changes, connection, None);
        let stored = if stored.is_empty() { flush.stored } else { stored };
        Flush { assigned, moved, found_keys, stored, ..flush }
    }

    /// Returns what is known by now, for a flush that goes on.
    pub(crate) fn into_before(self) -> Before {
        let Flush { assigned, moved, found_keys, stored, .. } = self;
        Before { assigned, moved, found_keys, stored }
    }

    /// Makes the one statement of the flush the whole transaction.
    pub(crate) fn in_autocommit(mut self) -> Self {
        self.is_autocommit = true;
        self
    }

    /// Says whether the statements that take keys look at the DEFAULTs of the columns.
    pub(crate) fn with_defaults_checked(mut self, checks: bool) -> Self {
        self.checks_defaults = checks;
        self
    }

    /// Says whether statements are to be of the form that Citus takes.
    pub(crate) fn with_rows_distributed(mut self, is_distributed: bool) -> Self {
        self.is_distributed = is_distributed;
        self
    }

    /// Returns `true` if rows may lie on several servers, with Citus. Citus runs the parts of a statement one
    /// after the other, as if each were a statement, and checks foreign keys after each. What a part returns
    /// has no order there, and rows of several servers cannot be locked ahead.
    pub(crate) fn is_distributed(&self) -> bool {
        self.is_distributed
    }

    /// Says whether Citus is to write over one connection to each server.
    pub(crate) fn with_one_connection(mut self, is_sequential: bool) -> Self {
        self.is_sequential = is_sequential;
        self
    }

    /// Returns `true` if Citus is to write over one connection to each server. One statement says so itself.
    pub(crate) fn is_sequential(&self) -> bool {
        self.is_sequential
    }

    /// Notes that a statement has taken keys of these columns, and has looked at the DEFAULTs.
    pub(crate) fn has_checked_defaults(&mut self, columns: &[(&'static Table, usize)]) {
        self.with_default_keys.extend(columns.iter().map(|&(table, _)| table));
    }

    /// Returns the tables whose keys were found to come from where the DEFAULTs say.
    pub(crate) fn with_default_keys(&self) -> &[&'static Table] {
        &self.with_default_keys
    }

    /// Returns `true` if statements that take keys look at the DEFAULTs of the columns.
    pub(crate) fn checks_defaults(&self) -> bool {
        self.checks_defaults
    }

    /// Returns the insert steps that the strategy is to write now, in their order.
    #[must_use]
    pub fn inserts(&self) -> Inserts<'a> {
        self.inserts
    }

    /// Says what the strategy is to write next.
    pub(crate) fn set_inserts(&mut self, inserts: Inserts<'a>) {
        self.inserts = inserts;
    }

    /// Returns the whole plan.
    pub(crate) fn plan(&self) -> &'a FlushPlan {
        self.plan
    }

    /// Notes what a column of the key holds in a row by now.
    pub(crate) fn note_moved(&mut self, changed: usize, slot: u32, column: usize, raw: &[u8]) {
        self.moved.insert((changed, slot, column), raw.to_vec());
    }

    /// Notes that parts of the keys of a step's rows have followed what they refer to.
    pub(crate) fn note_followed_keys(&mut self, step: &UpdateStep) -> Result<(), Error> {
        let rows = &self.changes.changed()[step.changed];
        for &row in &step.rows {
            let slot = rows.slot_of(row);
            for (part, &column) in rows.table().key().iter().enumerate() {
                let cell = CellAt { rows: RowsOf::Changed(step.changed), row, column };
                if step.moved & 1 << part != 0 {
                    let mut raw = BytesMut::new();
                    self.changes.value(cell, &self.assigned, &mut raw)?;
                    self.note_moved(step.changed, slot, column, &raw);
                }
            }
        }
        Ok(())
    }

    /// Appends what a column of the key, or the version, holds in a row at this moment.
    ///
    /// # Errors
    ///
    /// When the entity does not know it.
    pub(crate) fn stored_value(
        &self,
        changed: usize,
        slot: u32,
        column: usize,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        match self.moved.get(&(changed, slot, column)) {
            Some(raw) => {
                out.extend_from_slice(raw);
                Ok(())
            }
            None => {
                let rows = &self.changes.changed()[changed];
                self.changes.stored_value(rows, slot, column, out)
            }
        }
    }

    /// Appends the value of a cell to the parameters, unless the row leaves the cell to the database.
    ///
    /// A reference is appended as the key that is known by now: the key of a row that was there before,
    /// or a key that was handed over by [`assign`](Flush::assign) or [`returned`](Flush::returned).
    ///
    /// # Errors
    ///
    /// When the value cannot be encoded; when fields that share the column disagree; when the cell
    /// refers to a row whose key is not known yet.
    pub fn bind(
        &self,
        table: usize,
        row: u32,
        column: usize,
        params: &mut Params,
    ) -> Result<Bound, Error> {
        let description = self.plan.tables()[table].table();
        let mut is_default = false;
        let mut encode = |out: &mut BytesMut| {
            let cell = CellAt { rows: RowsOf::New(table), row, column };
            match self.changes.value(cell, &self.assigned, out)? {
                CellValue::Value => Ok(true),
                CellValue::Null => Ok(false),
                CellValue::Default => {
                    is_default = true;
                    Ok(false)
                }
                CellValue::Unassigned(_) => Err(not_written_yet()
                    .with_table(description.name())
                    .with_column(description.columns()[column].name())),
            }
        };
        let number = params.push_encoded(description.columns()[column].ty(), &mut encode)?;
        if is_default {
            params.pop_null();
            return Ok(Bound::Default);
        }
        Ok(Bound::Param(number))
    }

    /// Returns `true` if the row leaves this column to the database, which has not assigned it yet.
    ///
    /// # Panics
    ///
    /// When there is no such table.
    #[must_use]
    pub fn is_default(&self, table: usize, row: u32, column: usize) -> bool {
        self.assigned.get(RowsOf::New(table), column, row).is_none()
            && self.plan.tables()[table].left_by(row).contains(&column)
    }

    /// Returns `true` if the one statement is the whole transaction.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.is_autocommit
    }

    /// Returns the values of the cells.
    pub(crate) fn changes(&self) -> &'a ChangeSet<'a> {
        self.changes
    }

    /// Returns what the database has assigned so far.
    pub(crate) fn assigned(&self) -> &Assignments {
        &self.assigned
    }

    /// Accounts for rows that are known to be stored.
    pub(crate) fn note_stored(&mut self, table: usize, rows: &[u32]) {
        for &row in rows {
            let was_stored = std::mem::replace(&mut self.stored[table][row as usize], true);
            self.stored_rows += usize::from(!was_stored);
        }
        if let Some(on_progress) = &mut self.on_progress {
            on_progress(Progress {
                table: self.plan.tables()[table].table().name(),
                rows: self.stored_rows,
                total: self.plan.rows(),
            });
        }
    }

    /// Sends a statement, in one round trip, and returns its rows.
    ///
    /// # Errors
    ///
    /// When the server refuses it and when the connection is lost.
    pub fn query(&mut self, sql: &str, params: &Params) -> Result<Rows, Error> {
        if self.is_autocommit {
            // What follows would not be part of the commit that this statement is.
            if std::mem::replace(&mut self.is_sent, true) {
                let message = "the strategy sent a second statement after saying that it sends one";
                return Err(Error::new(ErrorKind::Transaction, message));
            }
            return self.connection.query_and_commit(sql, params);
        }
        self.connection.query(sql, params)
    }

    /// Sends a statement that returns nothing, in one round trip. Returns the number of rows that it has
    /// written.
    pub(crate) fn execute(&mut self, sql: &str, params: &Params) -> Result<u64, Error> {
        self.connection.execute(sql, params)
    }

    /// Hands over a value that the database has assigned to a row, in its binary form; `None` is NULL.
    /// From then on, [`bind`](Flush::bind) uses this value.
    pub fn assign(&mut self, table: usize, row: u32, column: usize, raw: Option<&[u8]>) {
        self.assigned.set(RowsOf::New(table), column, row, raw);
    }

    /// Notes the key of a row that was found or added. Returns `false` if another entity of the model has
    /// it.
    pub(crate) fn take_key(&mut self, table: usize, key: RowKey) -> bool {
        let model = self.changes.tables()[table].model();
        self.found_keys.entry(model).or_default().insert(key)
    }

    /// Returns the keys of the rows of a table's model that the flush has stored without looking for
    /// them.
    ///
    /// # Errors
    ///
    /// A key that cannot be encoded.
    pub(crate) fn keys_of_plain_rows(&self, table: usize) -> Result<HashSet<RowKey>, Error> {
        let (tables, mut keys) = (self.changes.tables(), HashSet::new());
        let is_plain = |&other: &usize| {
            tables[other].model() == tables[table].model() && tables[other].resolution().is_none()
        };
        for other in (0..tables.len()).filter(is_plain) {
            let stored = self.stored[other].iter();
            for (row, _) in (0..).zip(stored).filter(|&(_, &is_stored)| is_stored) {
                let mut key = RowKey::new();
                for &column in tables[other].table().key() {
                    let (mut raw, rows) = (BytesMut::new(), RowsOf::New(other));
                    let cell = CellAt { rows, row, column };
                    let value = self.changes.value(cell, &self.assigned, &mut raw)?;
                    key.push((value == CellValue::Value).then(|| raw.to_vec()));
                }
                keys.insert(key);
            }
        }
        Ok(keys)
    }

    /// Notes that a new row was there already.
    pub(crate) fn note_found(&mut self, table: usize, row: u32) {
        self.assigned.note_found(table, row);
    }

    /// Takes a value that the database has given to an updated row, in its binary form; `None` is NULL.
    pub(crate) fn assign_updated(
        &mut self,
        changed: usize,
        row: u32,
        column: usize,
        raw: Option<&[u8]>,
    ) {
        self.assigned.set(RowsOf::Changed(changed), column, row, raw);
    }

    /// Hands over the values of a column of some rows, as an array in its binary form with one value
    /// for each row. Returns the number of NULLs.
    pub(crate) fn assign_all(
        &mut self,
        table: usize,
        column: usize,
        rows: impl Iterator<Item = u32> + Clone,
        array: &[u8],
    ) -> Result<usize, BoxError> {
        self.assigned
            .set_all(RowsOf::New(table), column, rows, array_elements(array)?)
            .ok_or_else(|| "there is not one value for each row".into())
    }

    /// Hands over the rows that an `INSERT … RETURNING` has returned.
    ///
    /// `columns` names the columns that the statement returned, and must include those of the key. Rows
    /// are matched by their key, because PostgreSQL does not promise an order. If the database assigns
    /// a key that is not known yet, `sent` has to be a single row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RowMismatch`] when other rows came back than were sent: a trigger, a rule or a
    /// policy has interfered. [`ErrorKind::Decode`] when a column has another type than the model
    /// says.
    ///
    /// # Panics
    ///
    /// When there is no such table, row or column.
    pub fn returned(
        &mut self,
        table: usize,
        sent: &[u32],
        columns: &[usize],
        rows: &Rows,
    ) -> Result<(), Error> {
        self.take_returned(table, sent, columns, Answer::Rows(rows))
    }

    /// Hands over what an insert of some rows has returned, whichever way it was sent.
    pub(crate) fn take_returned(
        &mut self,
        table: usize,
        sent: &[u32],
        columns: &[usize],
        answer: Answer<'_>,
    ) -> Result<(), Error> {
        let planned = &self.plan.tables()[table];
        self.note_stored(table, sent);
        ReturnedRows { planned, table, sent, columns, answer }
            .assign(self.changes, &mut self.assigned)
            .map_err(|error| error.with_table(planned.table().name()))
    }

    /// Returns `true` if the one statement has been committed, so that an error cannot undo it any more.
    pub(crate) fn is_committed(&self) -> bool {
        self.connection.has_committed()
    }

    /// Takes note that the one statement has written nothing.
    pub(crate) fn nothing_was_written(&mut self) {
        self.connection.take_committed();
    }

    /// Returns what the database has assigned.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RowMismatch`] when the strategy has not accounted for every row.
    pub(crate) fn finish(self) -> Result<Assignments, Error> {
        for (planned, stored) in self.plan.tables().iter().zip(self.stored) {
            let count = stored.iter().filter(|&&is_stored| is_stored).count();
            if count < planned.rows() {
                let rows = planned.rows();
                let message = format!("the strategy accounted for {count} of {rows} new rows");
                return Err(
                    Error::new(ErrorKind::RowMismatch, message).with_table(planned.table().name())
                );
            }
        }
        Ok(self.assigned)
    }
}

/// The text that a strategy writes for a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The keyword `DEFAULT`.
    Default,
    /// The parameter of this number, counted from 1 as in `$1`.
    Param(usize),
}

/// The progress of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The table that is being written.
    pub table: &'static str,
    /// The number of rows sent so far, of all tables.
    pub rows: usize,
    /// The number of rows of the commit.
    pub total: usize,
}

/// Takes what there is to say about the progress of a commit.
pub(crate) type OnProgress<'a> = dyn FnMut(Progress) + Send + 'a;

/// Returns the error for a key that is not known where it is needed.
pub(crate) fn not_written_yet() -> Error {
    Error::new(ErrorKind::Cycle, "it refers to a row that has not been written yet")
}

impl fmt::Debug for Flush<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").field("plan", &self.plan).finish_non_exhaustive()
    }
}
