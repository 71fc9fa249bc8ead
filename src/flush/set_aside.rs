//! Values that nobody has, for rows that let others take theirs.

use crate::assignments::RowsOf;
use crate::change_set::{CellAt, CellValue, SetTo};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::{SetAside, UpdateStep};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Sql};

use super::Flush;
use super::statement_text::StatementText;

/// A value that no row has, for each row of a step that lets another row take its value.
///
/// The server makes the values in a query of their own, `r`, for Citus takes no function in `SET` whose result
/// differs from call to call.
pub(crate) struct Placeholder<'a> {
    step: &'a UpdateStep,
    /// The kind of the value.
    to: SetAside,
    /// The column that has the value meanwhile.
    column: usize,
}

impl<'a> Placeholder<'a> {
    /// Returns the placeholder of a step, if the step sets its rows aside.
    pub(crate) fn of(step: &'a UpdateStep) -> Option<Placeholder<'a>> {
        let (to, &(column, _)) = (step.set_aside?, step.columns.first()?);
        Some(Placeholder { step, to, column })
    }

    /// Appends the column, and what it is set to. `value` says where the statement has the value, and
    /// `render_query` has made it.
    ///
    /// ```text
    /// code = r.p
    /// ```
    pub(crate) fn render_set(&self, value: &str, sql: &mut Sql) {
        sql.name(self.step.table().columns()[self.column].name()).push(" = ");
        sql.push(if self.to == SetAside::Null { "NULL" } else { value });
    }

    /// Appends the query `r` of the values in its column `p`, but for its `FROM` and what closes it.
    /// `columns` are its other columns. `row_number` is an expression that counts the rows from 1; no two
    /// rows of a statement have the same.
    ///
    /// ```text
    /// WITH r AS MATERIALIZED (SELECT r.*, gen_random_uuid() AS p
    /// ```
    ///
    /// # Errors
    ///
    /// A value of the flush that cannot be encoded.
    pub(crate) fn render_query(
        &self,
        columns: &str,
        row_number: &str,
        text: &mut StatementText<'_, '_>,
    ) -> Result<(), Error> {
        text.sql.push("WITH r AS MATERIALIZED (SELECT ").push(columns);
        self.render_value(row_number, text)?;
        text.sql.push(" AS p");
        Ok(())
    }

    /// Appends the value.
    ///
    /// ```text
    /// CASE WHEN greatest((SELECT max(place) FROM songs),
    ///                    (SELECT max(v) FROM unnest($1) AS v))::bigint <= 2147483645
    ///      THEN greatest(…) + r.v3
    ///      ELSE least((SELECT min(place) FROM songs), (SELECT min(v) FROM unnest($1) AS v)) - r.v3
    /// END
    /// ```
    ///
    /// ```text
    /// NULL
    /// gen_random_uuid()
    /// left(md5(random()::text || r.v3), 12)
    /// ```
    ///
    /// # Errors
    ///
    /// A value of the flush that cannot be encoded.
    fn render_value(
        &self,
        row_number: &str,
        text: &mut StatementText<'_, '_>,
    ) -> Result<(), Error> {
        let Placeholder { step, to, column } = *self;
        let (table, description) = (step.table(), &step.table().columns()[column]);
        match to {
            SetAside::Null => text.sql.push("NULL"),
            SetAside::Uuid => text.sql.push("gen_random_uuid()"),
            SetAside::Text(len) => {
                let sql = &mut text.sql;
                sql.push("left(md5(random()::text || ").push(row_number).push("), ").number(len);
                sql.push(")").write_cast(table, column)
            }
            SetAside::Beyond => {
                let taken = text.params.push_array(taken(text.flush, step, column)?);
                let sql = &mut text.sql;
                let end = |sql: &mut Sql, of_two: &str, of_all: &str| {
                    sql.push(of_two).push("((SELECT ").push(of_all).push("(");
                    sql.name(description.name()).push(") FROM ").qualified(table.qualified_name());
                    sql.push("), (SELECT ").push(of_all).push("(v) FROM unnest(").param(taken);
                    sql.push(") AS v))");
                };
                let high = |sql: &mut Sql| end(sql, "greatest", "max");
                let low = |sql: &mut Sql| end(sql, "least", "min");
                let Some((bottom, top)) = range(description.ty()) else {
                    high(sql);
                    sql.push(" + ").push(row_number);
                    return Ok(());
                };
                let rows = step.len() as i64;
                sql.push("CASE WHEN ");
                // A sequence counts upwards meanwhile.
                if description.is_optional() {
                    low(sql);
                    sql.push(&format!("::bigint >= {} THEN ", bottom + rows));
                    low(sql);
                    sql.push(" - ").push(row_number).push(" ELSE ");
                    high(sql);
                    sql.push(" + ").push(row_number)
                } else {
                    high(sql);
                    sql.push(&format!("::bigint <= {} THEN ", top - rows));
                    high(sql);
                    sql.push(" + ").push(row_number).push(" ELSE ");
                    low(sql);
                    sql.push(" - ").push(row_number)
                };
                sql.push(" END")
            }
        };
        Ok(())
    }
}

/// Returns the smallest and the largest number of an integer type.
fn range(ty: SqlType) -> Option<(i64, i64)> {
    match ty {
        SqlType::INT2 => Some((i16::MIN.into(), i16::MAX.into())),
        SqlType::INT4 => Some((i32::MIN.into(), i32::MAX.into())),
        SqlType::INT8 => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

/// Returns the values that rows of the flush get in a column, as far as they are known.
fn taken(flush: &Flush<'_, '_>, step: &UpdateStep, column: usize) -> Result<ArrayParam, Error> {
    let (changes, description) = (flush.changes(), &step.table().columns()[column]);
    let mut values = ArrayParam::new(description.ty(), step.len());
    let mut push = |cell: CellAt| {
        values.push_encoded(|out| {
            let value = changes.value(cell, flush.assigned(), out)?;
            Ok((value == CellValue::Value, ()))
        })
    };
    // Another model of the table can have the column elsewhere, or not at all.
    let of_model = |model: &Table| {
        let mut columns = model.columns().iter();
        columns
            .position(|other| other.name() == description.name())
            .filter(|_| model.is(step.table()))
    };
    for (table, rows) in changes.tables().iter().enumerate() {
        let Some(column) = of_model(rows.table()) else { continue };
        for row in 0..rows.len() as u32 {
            push(CellAt { rows: RowsOf::New(table), row, column })?;
        }
    }
    for (changed, rows) in changes.changed().iter().enumerate() {
        let Some(column) = of_model(rows.table()) else { continue };
        for &updated in rows.updated() {
            if rows.columns_of(updated).contains(&(column, SetTo::Value)) {
                push(CellAt { rows: RowsOf::Changed(changed), row: updated.row, column })?;
            }
        }
    }
    Ok(values)
}

/// Returns the error with what it means for rows that were to be set aside: the server takes no value
/// that nobody has.
pub(crate) fn explain(error: Error, step: &UpdateStep) -> Error {
    let is_no_room = error.sqlstate().is_some_and(|code| {
        code.code().starts_with("22") || ["23514", "23502"].contains(&code.code())
    });
    if !is_no_room {
        return error;
    }
    let names: Vec<_> =
        step.columns().map(|column| step.table().columns()[column].name()).collect();
    let message = format!(
        "changed rows pass the values of {} on to each other, and the database takes no value that \
         a row could have meanwhile",
        names.join(", ")
    );
    let error = error.with_kind(ErrorKind::Unsupported).while_doing(&message);
    error.with_table(step.table().name()).with_hint(
        "make the unique constraint DEFERRABLE, or write the changes in two commits, with values of your \
         own in between",
    )
}
