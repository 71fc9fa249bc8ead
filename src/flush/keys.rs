//! The expressions by which the database assigns keys.

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

/// Appends the expression that gives the next key.
fn next_key<'s>(sql: &'s mut Sql, table: &Table, column: usize) -> &'s mut Sql {
    let column = &table.columns()[column];
    let mut quoted = Sql::new();
    match column.assigned_by() {
        Some(Assigned::OwnedSequence) | None => {
            // The first argument is parsed as an identifier, the second is not. As a sub-select
            // the sequence is looked up once, not once a key.
            quoted.qualified(table.qualified_name());
            sql.push("nextval((SELECT pg_get_serial_sequence(")
                .literal(quoted.as_str())
                .push(", ")
                .literal(column.name())
                .push(")::regclass))")
        }
        Some(Assigned::Sequence(name)) => {
            quoted.qualified(name.beside(table.qualified_name()));
            sql.push("nextval(").literal(quoted.as_str()).push("::regclass)")
        }
        Some(Assigned::Expression(expression)) => sql.push("(").push(expression).push(")"),
    }
}
