//! What the one statement returned, brought to its rows; and its errors.

use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::statement::{MISMATCH, Statement};
use crate::connection::opened_by_hand;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::FlushPlan;
use crate::insert_strategy::Flush;
use crate::model::SqlType;
use crate::sql::Rows;

/// Hands over the keys and the columns with server defaults.
///
/// Positions are safe here: the statement has compared, in the database, the keys that were stored
/// with those that were sent, in this very order.
pub(super) fn assign(
    statement: &Statement,
    flush: &mut Flush<'_, '_>,
    rows: &Rows,
) -> Result<(), Error> {
    // There is no row when the transaction is not the statement's own. Then nothing was written,
    // and that transaction is as it was.
    if rows.is_empty() {
        return Err(opened_by_hand());
    }
    let mut result = 0;
    for array in &statement.keys {
        assign_array(flush, array.table, array.column, &array.rows, rows, result)?;
        result += 1;
    }
    for group in &statement.groups {
        let table = flush.plan().tables()[group.table].table();
        for column in Statement::read_back(table, group) {
            assign_array(flush, group.table, column, &group.rows, rows, result)?;
            result += 1;
        }
        flush.stored(group.table, &group.rows);
    }
    Ok(())
}

fn assign_array(
    flush: &mut Flush<'_, '_>,
    table: usize,
    column: usize,
    of_rows: &[u32],
    rows: &Rows,
    result: usize,
) -> Result<(), Error> {
    let description = flush.plan().tables()[table].table();
    let fail = |message: String| {
        Error::new(ErrorKind::Decode, message)
            .with_table(description.name())
            .with_column(description.columns()[column].name())
    };
    let ty = description.columns()[column].ty();
    // What is an array itself comes in its binary form.
    let sent_as = if ty.is_array() { SqlType::BYTEA } else { ty };
    rows.expect_types(&[(result, sent_as.array())])?;
    let raw = rows.raw(0, result).unwrap_or_default();
    let array = array_from_sql(raw).map_err(|error| fail(error.to_string()))?;
    let mut values = array.values();
    for &row in of_rows {
        match values.next().map_err(|error| fail(error.to_string()))? {
            Some(Some(value)) if ty.is_array() && !is_array_of(value, ty.element()) => {
                return Err(fail("it is an array of another type in the database".to_owned()));
            }
            Some(value) => flush.assign(table, row, column, value),
            None => return Err(fail("fewer values came back than rows were sent".to_owned())),
        }
    }
    Ok(())
}

/// Whether the elements of an array in its binary form read as this type.
fn is_array_of(raw: &[u8], element: SqlType) -> bool {
    array_from_sql(raw).is_ok_and(|array| element.reads(array.element_type()))
}

/// Says in this crate's words what the statement's own checks say in the server's.
pub(super) fn explain(error: Error, statement: &Statement, plan: &FlushPlan) -> Error {
    if let ([only], None) = (&statement.keys[..], error.table()) {
        // The server does not say whose sequence has run out.
        if error.sqlstate().map(|code| code.code()) == Some("2200H") {
            let table = plan.tables()[only.table].table();
            return error.with_table(table.name()).with_column(table.columns()[only.column].name());
        }
    }
    if error.sqlstate().map(|code| code.code()) != Some("22P02") {
        return error;
    }
    let text = error.to_string();
    let Some((_, rest)) = text.split_once(MISMATCH) else { return error };
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let table = numbers.next().and_then(|text| text.parse::<usize>().ok());
    let Some(planned) = table.and_then(|table| plan.tables().get(table)) else { return error };
    let message = "the rows that were stored are not those that were sent, or have other keys: a \
                   trigger, a rule or a policy has interfered";
    Error::new(ErrorKind::RowMismatch, message)
        .with_table(planned.table().name())
        .with_source(error)
}
