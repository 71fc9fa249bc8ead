//! The statement of a [`Change`]: its SQL, as it is sent both as a statement of its own and as a part
//! of one; and what it returns.

use std::collections::HashSet;

use super::Flush;
use super::answer::Answer;
use super::array_source::Group;
use super::arrays::ArrayRows;
use super::change::Change;
use super::matched::Matched;
use super::set_aside::Placeholder;
use super::stale::Stale;
use super::statement_text::StatementText;
use crate::assignments::RowsOf;
use crate::change_set::SetTo;
use crate::error::Error;
use crate::flush_plan::{ColumnMask, UpdateStep};
use crate::model::SqlType;
use crate::sql::{ArrayParam, Sql, casts_any};

/// What the statement of a change returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returning {
    /// The numbers of the rows that it has found, and the columns that are read back.
    FoundRows,
    /// Nothing.
    Nothing,
}

/// When a query asks for the rows of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The change is still to come: a row has the version that the entity has.
    BeforeTheChange,
    /// The change is done: a row has another version, and columns to read back.
    AfterTheChange,
}

impl Change<'_> {
    /// Appends the statement. Its rows come from the text's `from`.
    ///
    /// ```text
    /// UPDATE accounts AS t
    /// SET balance = r.v0, version = t.version + 1
    /// FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2, unnest($4) AS v3 FROM k) AS r
    /// WHERE t.id = r.v1 AND t.version = r.v2
    /// RETURNING r.v3 AS n, t.version AS r0
    /// ```
    ///
    /// ```text
    /// DELETE FROM accounts AS t
    /// USING (SELECT unnest($1) AS v0, unnest($2) AS v1 FROM k) AS r
    /// WHERE t.id = r.v0
    /// RETURNING r.v1 AS n
    /// ```
    ///
    /// Rows that are set aside get values that the server makes:
    ///
    /// ```text
    /// WITH r AS MATERIALIZED (
    ///   SELECT r.*, gen_random_uuid() AS p
    ///   FROM (SELECT unnest($1) AS v0, unnest($2) AS v1) AS r)
    /// UPDATE songs AS t
    /// SET code = r.p
    /// FROM r
    /// WHERE t.id = r.v0
    /// RETURNING r.v1 AS n
    /// ```
    ///
    /// `an_update_of_one_column`, `a_default_is_taken_and_read_back` and `a_delete` pin the text.
    ///
    /// # Errors
    ///
    /// A value that cannot be sent along with those of other rows.
    pub(crate) fn render(
        &self,
        text: &mut StatementText<'_, '_>,
        returning: Returning,
    ) -> Result<(), Error> {
        let mut arrays = ArrayRows::default();
        let (values, masks) = match self {
            Change::Update(step) => {
                (add_values(step, &mut arrays, text)?, add_masks(step, &mut arrays, text))
            }
            Change::Delete(_) => (0, 0),
        };
        let matched = Matched::add(self, values + masks, &mut arrays, text)?;
        let placeholder = match self {
            Change::Update(step) => Placeholder::of(step),
            Change::Delete(_) => None,
        };
        if let Some(placeholder) = &placeholder {
            placeholder.render_query("r.*, ", &format!("r.v{}", matched.number()), text)?;
            arrays.render_table(&text.from, text.sql.push(" FROM "));
            text.sql.push(") ");
        }
        match self {
            Change::Update(step) => {
                let name = self.table().qualified_name();
                text.sql.push("UPDATE ").qualified(name).push(" AS t SET ");
                match &placeholder {
                    Some(placeholder) => placeholder.render_set("r.p", &mut text.sql),
                    None => render_set(step, values, text),
                }
                text.sql.push(" FROM ");
            }
            Change::Delete(_) => {
                text.sql.push("DELETE FROM ").qualified(self.table().qualified_name());
                text.sql.push(" AS t USING ");
            }
        }
        match placeholder {
            Some(_) => _ = text.sql.push("r"),
            None => arrays.render_table(&text.from, &mut text.sql),
        }
        matched.render(&matched.columns, &mut text.sql);
        if returning == Returning::Nothing {
            return Ok(());
        }
        let read_back = self.read_back();
        let is_alone = text.from.is_empty();
        if is_alone && text.flush.is_distributed() && casts_any(self.table(), &read_back) {
            self.render_returned_apart(&matched, &read_back, &mut text.sql);
        } else {
            text.sql.push(" RETURNING ");
            self.render_returned(&matched, &read_back, &mut text.sql);
        }
        Ok(())
    }

    /// Appends a query of which rows are there: by their keys and versions before the change, and by
    /// their keys, along with what is read back, after it.
    ///
    /// ```text
    /// SELECT r.v2 AS n
    /// FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2) AS r, accounts AS t
    /// WHERE t.id = r.v0 AND t.version = r.v1
    /// ```
    ///
    /// # Errors
    ///
    /// When the key of a row is not known.
    pub(crate) fn render_query(
        &self,
        text: &mut StatementText<'_, '_>,
        asked: Asked,
    ) -> Result<(), Error> {
        let mut arrays = ArrayRows::default();
        let matched = Matched::add(self, 0, &mut arrays, text)?;
        let (columns, read_back) = match asked {
            Asked::BeforeTheChange => (&matched.columns[..], Vec::new()),
            Asked::AfterTheChange => (self.table().key(), self.read_back()),
        };
        self.render_returned(&matched, &read_back, text.sql.push("SELECT "));
        text.sql.push(" FROM ");
        arrays.render_table("", &mut text.sql);
        text.sql.push(", ").qualified(self.table().qualified_name()).push(" AS t");
        matched.render(columns, &mut text.sql);
        Ok(())
    }

    /// Appends the row's number and the columns that are read back.
    ///
    /// ```text
    /// r.v3 AS n, t.version AS r0
    /// ```
    fn render_returned(&self, matched: &Matched, read_back: &[usize], sql: &mut Sql) {
        sql.push("r.v").number(matched.number()).push(" AS n");
        for (at, &column) in read_back.iter().enumerate() {
            sql.push(", ").read_column(self.table(), column, "t.").push(" AS r").number(at);
        }
    }

    /// Has a query of its own read what the statement returns; see [`Sql::returning`].
    ///
    /// ```text
    /// WITH w AS (UPDATE … RETURNING r.v3 AS n, t.mood AS r0) SELECT n, r0::text AS r0 FROM w
    /// ```
    fn render_returned_apart(&self, matched: &Matched, read_back: &[usize], sql: &mut Sql) {
        let table = self.table();
        sql.begin_apart().push("r.v").number(matched.number()).push(" AS n");
        for (at, &column) in read_back.iter().enumerate() {
            sql.push(", t.").name(table.columns()[column].name()).push(" AS r").number(at);
        }
        sql.push(") SELECT n");
        for (at, &column) in read_back.iter().enumerate() {
            let value = format!("r{at}");
            sql.push(", ").read_value(table, column, &value).push(" AS ").push(&value);
        }
        sql.push(" FROM w");
    }

    /// Hands over the columns that were read back, if all rows were found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`](crate::ErrorKind::Stale) when they were not.
    pub(crate) fn take(&self, flush: &mut Flush<'_, '_>, answer: Answer<'_>) -> Result<(), Error> {
        let numbers = self.found_rows(flush, answer)?;
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
                    flush.note_moved(step.changed, slot, column, value.unwrap_or_default());
                } else {
                    flush.assign_updated(step.changed, row, column, value);
                }
            }
        }
        Ok(())
    }

    /// Returns the positions in the step of the rows that were found, in the order in which they came,
    /// if all were found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`](crate::ErrorKind::Stale) when they were not.
    pub(crate) fn found_rows(
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

/// Returns `true` if the arrays of new values are cast, and not each value where it is used. Where different
/// columns change, NULL stands for what does not, and a domain may not take it; but Citus casts nowhere else.
fn casts_arrays(step: &UpdateStep, flush: &Flush<'_, '_>) -> bool {
    !step.is_sparse() || flush.is_distributed()
}

/// Adds the new values of an update, and returns the number of their columns.
fn add_values(
    step: &UpdateStep,
    arrays: &mut ArrayRows,
    text: &mut StatementText<'_, '_>,
) -> Result<usize, Error> {
    if step.is_detour() {
        return Ok(0);
    }
    let source = text.source();
    let group = Group {
        of: RowsOf::Changed(step.changed),
        left_columns: Vec::new(),
        rows: step.rows.clone(),
    };
    let mut values = 0;
    for (position, &(column, to)) in step.columns.iter().enumerate() {
        if to == SetTo::Value {
            let is_set = |at: usize| step.changes(at, position);
            let is_set: Option<&dyn Fn(usize) -> bool> = step.is_sparse().then_some(&is_set);
            let cells = source.of(step.table(), &group).only_where(is_set);
            arrays.add(cells.column(column)?, &mut text.params);
            if casts_arrays(step, text.flush) {
                arrays.cast_last(step.table(), column);
            }
            values += 1;
        }
    }
    Ok(values)
}

/// Adds the bits that say which columns change in which row, and returns the number of their arrays.
fn add_masks(step: &UpdateStep, arrays: &mut ArrayRows, text: &mut StatementText<'_, '_>) -> usize {
    let Some(masks) = &step.masks else { return 0 };
    let words = step.columns.len().div_ceil(ColumnMask::WIDTH);
    for word in 0..words {
        let mut bits = ArrayParam::new(SqlType::INT8, masks.len());
        masks.iter().for_each(|mask| bits.push_i64(mask.word(word) as i64));
        arrays.add_array(bits, &mut text.params);
    }
    words
}

/// Appends what the columns of an update are set to.
///
/// ```text
/// balance = r.v0, opened = DEFAULT, version = t.version + 1
/// ```
///
/// Where different columns change in different rows, bits say which. They come after the values:
///
/// ```text
/// balance = CASE WHEN (r.v2 & 1) <> 0 THEN r.v0 ELSE t.balance END,
/// owner = CASE WHEN (r.v2 & 2) <> 0 THEN r.v1 ELSE t.owner END
/// ```
///
/// `an_update_of_one_column` and `a_default_is_taken_and_read_back` pin the text of the first kind.
fn render_set(step: &UpdateStep, values: usize, text: &mut StatementText<'_, '_>) {
    let (table, mut value) = (step.table(), 0);
    let casts_here = !casts_arrays(step, text.flush);
    let sql = &mut text.sql;
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
        sql.push("r.v").number(value);
        value += 1;
        if casts_here {
            sql.write_cast(table, column);
        }
        if step.is_sparse() {
            sql.push(" ELSE t.").name(name).push(" END");
        }
    });
    if let Some(version) = table.version() {
        let name = table.columns()[version].name();
        sql.push(", ").name(name).push(" = t.").name(name).push(" + 1");
    }
}
