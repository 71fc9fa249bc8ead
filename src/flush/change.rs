//! Updates and deletes as SQL, as they are sent both as statements of their own and as parts of
//! one; and what they return.

use std::collections::HashSet;

use super::Flush;
use super::answer::Answer;
use super::arrays::{ArrayRows, ArraySource, Group};
use super::set_aside;
use super::stale::Stale;
use crate::assignments::RowsOf;
use crate::change_set::{ChangedRows, SetTo};
use crate::error::Error;
use crate::flush_plan::{ColumnMask, DeleteStep, SetAside, UpdateStep};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// A step that changes rows that are there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Update(&'a UpdateStep),
    Delete(&'a DeleteStep),
}

impl Change<'_> {
    pub(crate) fn table(&self) -> &'static Table {
        match self {
            Change::Update(step) => step.table(),
            Change::Delete(step) => step.table(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Change::Update(step) => step.len(),
            Change::Delete(step) => step.len(),
        }
    }

    /// The position in [`ChangeSet::changed`](crate::change_set::ChangeSet::changed).
    pub(crate) fn changed(&self) -> usize {
        match self {
            Change::Update(step) => step.changed,
            Change::Delete(step) => step.changed,
        }
    }

    /// The entities, row by row.
    pub(crate) fn slots(&self, rows: &ChangedRows<'_>) -> Vec<u32> {
        match self {
            Change::Update(step) => step.rows.iter().map(|&row| rows.slot_of(row)).collect(),
            Change::Delete(step) => step.slots.clone(),
        }
    }

    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Change::Update(_) => "update",
            Change::Delete(_) => "delete",
        }
    }

    /// The columns that are read back: those that the database can set in updated rows, and the key
    /// of rows that are set aside.
    pub(crate) fn read_back(&self) -> Vec<usize> {
        let Change::Update(step) = self else { return Vec::new() };
        let (table, columns) = (step.table(), step.table().columns());
        if step.is_detour() {
            return step.columns().filter(|column| table.key().contains(column)).collect();
        }
        let is_set = |column: &usize| {
            columns[*column].has_server_default() && !table.key().contains(column)
                || columns[*column].is_version()
        };
        (0..columns.len()).filter(is_set).collect()
    }

    /// Appends the statement. Its rows come from `from`, which is empty, or the `FROM` of a part of
    /// one statement. Where it is `returning`, it says which rows it has found.
    ///
    /// ```text
    /// UPDATE accounts AS t SET balance = r.v0, version = t.version + 1
    /// FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2, unnest($4) AS v3 FROM k) AS r
    /// WHERE t.id = r.v1 AND t.version = r.v2
    /// RETURNING r.v3 AS n, t.version AS r0
    /// ```
    ///
    /// Where different columns change in different rows, bits say which:
    ///
    /// ```text
    /// SET balance = CASE WHEN (r.v2 & 1) <> 0 THEN r.v0 ELSE t.balance END,
    ///     owner = CASE WHEN (r.v2 & 2) <> 0 THEN r.v1 ELSE t.owner END
    /// ```
    ///
    /// ```text
    /// DELETE FROM accounts AS t USING (SELECT unnest($1) AS v0, unnest($2) AS v1 FROM k) AS r
    /// WHERE t.id = r.v0 RETURNING r.v1 AS n
    /// ```
    ///
    /// # Errors
    ///
    /// A value that cannot be sent along with those of other rows.
    pub(crate) fn render(
        &self,
        flush: &Flush<'_, '_>,
        source: &ArraySource<'_>,
        (from, returning): (&str, bool),
        sql: &mut Sql,
        params: &mut Params,
    ) -> Result<(), Error> {
        let mut arrays = ArrayRows::default();
        let (values, masks) = match self {
            Change::Update(step) => (
                add_values(source, step, &mut arrays, params)?,
                add_masks(step, &mut arrays, params),
            ),
            Change::Delete(_) => (0, 0),
        };
        let matched = Matched::add(flush, self, values + masks, &mut arrays, params)?;
        match self {
            Change::Update(step) => {
                sql.push("UPDATE ").qualified(self.table().qualified_name()).push(" AS t SET ");
                match step.set_aside {
                    Some(to) => render_aside(flush, (step, to), matched.number(), sql, params)?,
                    None => render_set(step, values, sql),
                }
                sql.push(" FROM ");
            }
            Change::Delete(_) => {
                sql.push("DELETE FROM ").qualified(self.table().qualified_name());
                sql.push(" AS t USING ");
            }
        }
        render_arrays(&arrays, from, sql);
        render_match(self.table(), &matched.columns, matched.first, sql);
        if returning {
            sql.push(" RETURNING ");
            self.render_returned(&matched, &self.read_back(), sql);
        }
        Ok(())
    }

    /// Appends a query of which rows are there, by their keys, and by their versions where
    /// `is_before` says that the change is still to come; of the others, also what is read back.
    ///
    /// # Errors
    ///
    /// When the key of a row is not known.
    pub(crate) fn render_query(
        &self,
        flush: &Flush<'_, '_>,
        is_before: bool,
        sql: &mut Sql,
        params: &mut Params,
    ) -> Result<(), Error> {
        let mut arrays = ArrayRows::default();
        let matched = Matched::add(flush, self, 0, &mut arrays, params)?;
        let read_back = if is_before { Vec::new() } else { self.read_back() };
        self.render_returned(&matched, &read_back, sql.push("SELECT "));
        sql.push(" FROM ");
        render_arrays(&arrays, "", sql);
        sql.push(", ").qualified(self.table().qualified_name()).push(" AS t");
        let key = self.table().key().len();
        let columns = if is_before { &matched.columns[..] } else { &matched.columns[..key] };
        render_match(self.table(), columns, 0, sql);
        Ok(())
    }

    fn render_returned(&self, matched: &Matched, read_back: &[usize], sql: &mut Sql) {
        sql.push("r.v").number(matched.number()).push(" AS n");
        for (at, &column) in read_back.iter().enumerate() {
            sql.push(", ").read_column(self.table(), column, "t.").push(" AS r").number(at);
        }
    }

    /// Takes what has come back, if all rows were found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`](crate::ErrorKind::Stale) when they were not.
    pub(crate) fn take(&self, flush: &mut Flush<'_, '_>, answer: Answer<'_>) -> Result<(), Error> {
        let numbers = self.check(flush, answer)?;
        let (changes, table) = (flush.changes(), self.table());
        let Change::Update(step) = self else { return Ok(()) };
        let rows = &changes.changed()[step.changed];
        for (at, column) in (1..).zip(self.read_back()) {
            let description = &table.columns()[column];
            let values = answer
                .column(at, description.ty())
                .map_err(|error| error.with_table(table.name()).with_column(description.name()))?;
            for (&number, value) in numbers.iter().zip(values) {
                let row = step.rows[number];
                if step.is_detour() {
                    let slot = rows.slot_of(row);
                    flush.moved(step.changed, slot, column, value.unwrap_or_default());
                } else {
                    flush.assign_updated(step.changed, row, column, value);
                }
            }
        }
        Ok(())
    }

    /// Finds out whether all rows were found, and gives their positions in the step, in the order in
    /// which they came.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`](crate::ErrorKind::Stale) when they were not.
    pub(crate) fn check(
        &self,
        flush: &Flush<'_, '_>,
        answer: Answer<'_>,
    ) -> Result<Vec<usize>, Error> {
        let numbers = answer.numbers(0).map_err(|error| error.with_table(self.table().name()))?;
        let sought = self.len();
        let found: HashSet<usize> = numbers.iter().copied().filter(|&at| at < sought).collect();
        if numbers.len() == sought && found.len() == sought {
            return Ok(numbers);
        }
        let missing = (0..sought).filter(|at| !found.contains(at)).collect();
        let count = sought as i64 - numbers.len() as i64;
        Err(Stale::new(flush, self, count, missing).error(flush))
    }
}

/// Adds the new values of an update, and gives the number of their columns.
fn add_values(
    source: &ArraySource<'_>,
    step: &UpdateStep,
    arrays: &mut ArrayRows,
    params: &mut Params,
) -> Result<usize, Error> {
    if step.is_detour() {
        return Ok(0);
    }
    let cells =
        Group { of: RowsOf::Changed(step.changed), left: Vec::new(), rows: step.rows.clone() };
    let mut values = 0;
    for (position, &(column, to)) in step.columns.iter().enumerate() {
        if to == SetTo::Value {
            let is_set = |at: usize| step.changes(at, position);
            let is_set: Option<&dyn Fn(usize) -> bool> = step.is_sparse().then_some(&is_set);
            source.add_column((step.table(), column), &cells, is_set, arrays, params)?;
            values += 1;
        }
    }
    Ok(values)
}

/// Appends what the columns of rows are set to that are set aside. `number` is the column of `r` with
/// the row's number.
fn render_aside(
    flush: &Flush<'_, '_>,
    (step, to): (&UpdateStep, SetAside),
    number: usize,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    for (at, column) in step.columns().enumerate() {
        sql.push(if at == 0 { "" } else { ", " });
        sql.name(step.table().columns()[column].name()).push(" = ");
        set_aside::render(flush, (step, to), column, &format!("r.v{number}"), sql, params)?;
    }
    Ok(())
}

/// Appends what the columns of an update are set to. The bits come after the values.
fn render_set(step: &UpdateStep, values: usize, sql: &mut Sql) {
    let (table, mut value) = (step.table(), 0);
    sql.list(step.columns.iter().enumerate(), |sql, (position, &(column, to))| {
        let name = table.columns()[column].name();
        sql.name(name).push(" = ");
        if to == SetTo::Default {
            sql.push("DEFAULT");
            return;
        }
        if step.is_sparse() {
            let (word, bit) = (position / ColumnMask::WIDTH, position % ColumnMask::WIDTH);
            sql.push("CASE WHEN (r.v").number(values + word).push(" & ");
            sql.number(1 << bit).push(") <> 0 THEN ");
        }
        sql.push("r.v").number(value).write_cast(table, column);
        value += 1;
        if step.is_sparse() {
            sql.push(" ELSE t.").name(name).push(" END");
        }
    });
    if let Some(version) = table.version() {
        let name = table.columns()[version].name();
        sql.push(", ").name(name).push(" = t.").name(name).push(" + 1");
    }
}

/// Adds the bits that say which columns change in which row, and gives the number of their arrays.
fn add_masks(step: &UpdateStep, arrays: &mut ArrayRows, params: &mut Params) -> usize {
    let Some(masks) = &step.masks else { return 0 };
    let words = step.columns.len().div_ceil(ColumnMask::WIDTH);
    for word in 0..words {
        let mut bits = ArrayParam::new(SqlType::INT8, masks.len());
        masks.iter().for_each(|mask| bits.push_i64(mask.word(word) as i64));
        arrays.add_array(bits, params);
    }
    words
}

/// Appends the rows of arrays as a table `r` with the columns `v0`, `v1`, ….
pub(crate) fn render_arrays(arrays: &ArrayRows, from: &str, sql: &mut Sql) {
    sql.push("(");
    arrays.render(from, sql, |sql, index| {
        sql.push(" AS v").number(index);
    });
    sql.push(") AS r");
}

/// Appends the condition that these columns are those of `r`, from `v{first}` on.
pub(crate) fn render_match(table: &'static Table, columns: &[usize], first: usize, sql: &mut Sql) {
    for (at, &column) in columns.iter().enumerate() {
        sql.push(if at == 0 { " WHERE t." } else { " AND t." });
        sql.name(table.columns()[column].name());
        sql.push(" = r.v").number(first + at).write_cast(table, column);
    }
}

/// The columns by which rows are found: the key as the database has it, and the version. After them
/// comes the row's number, counted from 1.
struct Matched {
    columns: Vec<usize>,
    /// The position of the first of them in the arrays.
    first: usize,
}

impl Matched {
    fn add(
        flush: &Flush<'_, '_>,
        change: &Change<'_>,
        first: usize,
        arrays: &mut ArrayRows,
        params: &mut Params,
    ) -> Result<Matched, Error> {
        let (table, changed) = (change.table(), change.changed());
        let slots = change.slots(&flush.changes().changed()[changed]);
        let columns: Vec<usize> = table.key().iter().copied().chain(table.version()).collect();
        for &column in &columns {
            let mut values = ArrayParam::new(table.columns()[column].ty(), slots.len());
            for &slot in &slots {
                values.push_encoded(|out| {
                    flush.stored_value(changed, slot, column, out).map(|()| (true, ()))
                })?;
            }
            arrays.add_array(values, params);
        }
        let mut numbers = ArrayParam::new(SqlType::INT4, slots.len());
        (1..).take(slots.len()).for_each(|number| numbers.push_i32(number));
        arrays.add_array(numbers, params);
        Ok(Matched { columns, first })
    }

    /// The column of `r` with the row's number.
    fn number(&self) -> usize {
        self.first + self.columns.len()
    }
}
