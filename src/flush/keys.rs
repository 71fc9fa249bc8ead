//! The expressions by which the database assigns keys.

use postgres::error::SqlState;

use crate::error::{Error, ErrorKind};
use crate::model::{Assigned, Table};
use crate::sql::Sql;

/// Appends an array of keys of a column that the database assigns, as many as the parameter says:
/// `ARRAY(SELECT nextval(…)::int4 FROM (SELECT generate_series(1, $1)) AS g)`. They come in the order
/// of `order_by`, if it is given.
///
/// In `FROM` itself, the server would store the numbers of the series first.
pub(crate) fn key_array(sql: &mut Sql, table: &Table, column: usize, count: usize, order_by: &str) {
    sql.push("ARRAY(SELECT ");
    next_key(sql, table, column).cast(table.columns()[column].ty());
    sql.push(" FROM (SELECT generate_series(1, ").param(count).push(")) AS g");
    sql.push(order_by).push(")");
}

/// The sequence that stands for none.
const NO_SEQUENCE: &str = "no sequence belongs to it";

/// Says of an error what it means for the keys of these columns: that no sequence belongs to one of
/// them. The server does not say to which.
pub(crate) fn explain_keys(error: Error, columns: &[(&'static Table, usize)]) -> Error {
    let is_missing = error.sqlstate() == Some(&SqlState::UNDEFINED_TABLE)
        && error.to_string().contains(NO_SEQUENCE);
    if is_missing {
        let owned: Vec<_> = columns
            .iter()
            .copied()
            .filter(|(table, column)| {
                let assigned = table.columns()[*column].assigned_by();
                matches!(assigned, Some(Assigned::OwnedSequence) | None)
            })
            .collect();
        let name = |&(table, column): &(&'static Table, usize)| {
            format!("{}.{}", table.name(), table.columns()[column].name())
        };
        let hint =
            "name the sequence with `sequence = \"…\"`, or give the keys; `Verify` says more";
        return match &owned[..] {
            [(table, column)] => Error::new(ErrorKind::Model, "no sequence belongs to this column")
                .with_table(table.name())
                .with_column(table.columns()[*column].name()),
            _ => {
                let names: Vec<_> = owned.iter().map(name).collect();
                let message = format!("no sequence belongs to one of {}", names.join(", "));
                Error::new(ErrorKind::Model, message)
            }
        }
        .with_hint(hint)
        .with_source(error);
    }
    match columns {
        [(table, column)] => {
            error.with_table(table.name()).with_column(table.columns()[*column].name())
        }
        _ => error,
    }
}

/// Appends the expression that gives the next key.
fn next_key<'s>(sql: &'s mut Sql, table: &Table, column: usize) -> &'s mut Sql {
    let column = &table.columns()[column];
    let mut quoted = Sql::new();
    match column.assigned_by() {
        Some(Assigned::OwnedSequence) | None => {
            // The first argument is parsed as an identifier, the second is not. As a sub-select
            // the sequence is looked up once, not once a key.
            quoted.qualified(table.qualified_name());
            // Without a sequence it would be NULL, and so would be the keys: this is an error instead.
            sql.push("nextval((SELECT COALESCE(pg_get_serial_sequence(")
                .literal(quoted.as_str())
                .push(", ")
                .literal(column.name())
                .push("), '\"")
                .push(NO_SEQUENCE)
                .push("\"')::regclass))")
        }
        Some(Assigned::Sequence(name)) => {
            quoted.qualified(name.beside(table.qualified_name()));
            sql.push("nextval(").literal(quoted.as_str()).push("::regclass)")
        }
        Some(Assigned::Expression(expression)) => sql.push("(").push(expression).push(")"),
    }
}
