//! The expressions by which the database assigns keys.

use postgres::error::SqlState;

use crate::error::{Error, ErrorKind};
use crate::model::{Assigned, SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// The order of an array of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOrder {
    /// The order in which they are taken.
    Taken,
    /// The order of their values.
    Ascending,
}

/// Appends an array of keys of a column that the database assigns, as many as the parameter `count`
/// says.
///
/// ```text
/// ARRAY(SELECT nextval(…)::int4
///       FROM (SELECT generate_series(1, $1)) AS g
///       ORDER BY 1)
/// ```
///
/// `users_and_addresses_in_a_batch` pins the text as keys are taken, and
/// `deletes_come_before_updates_and_those_before_inserts` that in ascending order.
///
/// In `FROM` itself, the server would store the numbers of the series first.
pub(crate) fn render_key_array(
    table: &Table,
    column: usize,
    count: usize,
    order: KeyOrder,
    sql: &mut Sql,
) {
    sql.push("ARRAY(SELECT ");
    render_next_key(sql, table, column).cast(table.columns()[column].ty());
    sql.push(" FROM (SELECT generate_series(1, ").param(count).push(")) AS g");
    sql.push(if order == KeyOrder::Ascending { " ORDER BY 1)" } else { ")" });
}

/// What the text of the error begins with by which [`render_default_check`] fails. The position of the
/// table follows.
const OTHER_DEFAULT: &str = "onetrip default ";

/// Returns those of these columns whose keys come from the sequence that the column owns.
fn owned(columns: &[(&'static Table, usize)]) -> Vec<(&'static Table, usize)> {
    let is_owned = |&&(table, column): &&(&'static Table, usize)| {
        let assigned = table.columns()[column].assigned_by();
        matches!(assigned, Some(Assigned::OwnedSequence) | None)
    };
    columns.iter().filter(is_owned).copied().collect()
}

/// Appends the condition that the sequences that columns own are what their DEFAULTs draw from, if
/// any of the keys come from such a sequence. Where it is not met, it is an error, and not false.
///
/// ```text
/// NOT EXISTS (SELECT FROM pg_attrdef AS d
///             WHERE d.adrelid = ANY (…tables…)
///             AND (SELECT CASE WHEN pg_get_expr(d.adbin, d.adrelid) <> 'nextval(…)'
///                              THEN ('onetrip default ' || …)::int4 = 0 END
///                  FROM pg_attribute AS a
///                  WHERE … AND a.attname = ANY (…columns…)))
/// ```
///
/// `the_first_commit_looks_at_where_keys_come_from` pins the text.
///
/// A column without a DEFAULT, as one that is an identity, is not in `pg_attrdef`. The inner query
/// is no join, so that the time to plan it does not grow with the tables.
///
/// # Errors
///
/// When a name is longer than 2 GiB.
pub(crate) fn render_default_check(
    columns: &[(&'static Table, usize)],
    before: &str,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let owned = owned(columns);
    if owned.is_empty() {
        return Ok(());
    }
    let mut tables = ArrayParam::new(SqlType::TEXT, owned.len());
    let mut names = ArrayParam::new(SqlType::TEXT, owned.len());
    for (table, column) in owned {
        tables.push_raw(table.qualified_name().to_string().as_bytes())?;
        names.push_raw(table.columns()[column].name().as_bytes())?;
    }
    let (tables, names) = (params.push_array(tables), params.push_array(names));
    sql.push(before)
        .push("NOT EXISTS (SELECT FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid = ANY (");
    sql.param(tables).push("::regclass[]) AND (SELECT CASE WHEN ");
    sql.push(
        "pg_catalog.pg_get_expr(d.adbin, d.adrelid) <> 'nextval(' || pg_catalog.quote_literal(",
    );
    sql.push("pg_catalog.pg_get_serial_sequence(d.adrelid::regclass::text, a.attname)");
    sql.push("::regclass::text) || '::regclass)' THEN ('").push(OTHER_DEFAULT);
    sql.push("' || array_position(")
        .param(tables)
        .push("::regclass[], d.adrelid::regclass))::int4 = 0 END ");
    sql.push(
        "FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.adrelid AND a.attnum = d.adnum ",
    );
    sql.push("AND a.attname = ANY (").param(names).push(")))");
    Ok(())
}

/// Returns an error that says whose DEFAULT it was, if a statement has failed by [`render_default_check`] of these columns.
pub(crate) fn other_default(error: &Error, columns: &[(&'static Table, usize)]) -> Option<Error> {
    let text = error.to_string();
    let (_, rest) = text.split_once(OTHER_DEFAULT)?;
    let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let owned = owned(columns);
    let &(table, column) = owned.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
    let message = "the column owns a sequence, from which its keys would be taken, and its DEFAULT \
                   is something else";
    let error = Error::new(ErrorKind::Model, message).with_table(table.name()).with_hint(
        "name what the DEFAULT draws from with `sequence = \"…\"`, or write it with \
         `default = \"…\"`; `Verify` says what it is",
    );
    // Of two such columns of one table, it is not known which.
    Some(match owned.iter().filter(|(other, _)| other.is(table)).count() {
        1 => error.with_column(table.columns()[column].name()),
        _ => error,
    })
}

/// The sequence that stands for none.
const NO_SEQUENCE: &str = "no sequence belongs to it";

/// Returns the error with what it means for the keys of these columns: that no sequence belongs to one
/// of them, or that its DEFAULT is something else. The server does not say whose.
pub(crate) fn explain_keys(error: Error, columns: &[(&'static Table, usize)]) -> Error {
    if let Some(explained) = other_default(&error, columns) {
        return explained.with_source(error);
    }
    let is_missing = error.sqlstate() == Some(&SqlState::UNDEFINED_TABLE)
        && error.to_string().contains(NO_SEQUENCE);
    if is_missing {
        let owned = owned(columns);
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
///
/// ```text
/// nextval((SELECT COALESCE(pg_get_serial_sequence('users', 'id'),
///                          '"no sequence belongs to it"')::regclass))
/// nextval('user_ids'::regclass)
/// (gen_random_uuid())
/// ```
///
/// `users_and_addresses_in_a_batch`, `names_are_quoted_in_a_batch` and
/// `keys_of_an_expression_in_a_batch` pin the three.
fn render_next_key<'s>(sql: &'s mut Sql, table: &Table, column: usize) -> &'s mut Sql {
    match table.columns()[column].assigned_by() {
        Some(Assigned::Expression(expression)) => sql.push("(").push(expression).push(")"),
        Some(Assigned::OwnedSequence | Assigned::Sequence(_)) | None => {
            sql.push("nextval(");
            render_sequence(sql, table, column);
            sql.push(")")
        }
    }
}

/// Appends the sequence that gives the keys of a column, as a `regclass`.
pub(super) fn render_sequence(sql: &mut Sql, table: &Table, column: usize) {
    let column = &table.columns()[column];
    let mut quoted = Sql::new();
    match column.assigned_by() {
        Some(Assigned::Sequence(name)) => {
            quoted.qualified(name.beside(table.qualified_name()));
            sql.literal(quoted.as_str()).push("::regclass");
        }
        Some(Assigned::OwnedSequence | Assigned::Expression(_)) | None => {
            // The first argument is parsed as an identifier, the second is not. As a sub-select
            // the sequence is looked up once, not once a key.
            quoted.qualified(table.qualified_name());
            // Without a sequence it would be NULL, and so would be the keys: this is an error instead.
            sql.push("(SELECT COALESCE(pg_get_serial_sequence(")
                .literal(quoted.as_str())
                .push(", ")
                .literal(column.name())
                .push("), '\"")
                .push(NO_SEQUENCE)
                .push("\"')::regclass)");
        }
    }
}
