//! Errors about a statement, with what only its text tells.

use postgres::error::SqlState;

use crate::error::{Error, ErrorKind};

/// Returns the error with the name of the column that has another type than the model says, where the
/// server has found it out.
///
/// The column stands in one of the two guards that [`Sql::read_column`](crate::sql::Sql::read_column)
/// writes, and the server names the position after it begins:
///
/// ```text
/// COALESCE(NULL::int4, t."id")
/// CASE WHEN NULL::numeric = t."price" THEN NULL ELSE t."price" END
/// ```
pub(super) fn name_column(error: Error, sql: &str) -> Error {
    let codes = [SqlState::DATATYPE_MISMATCH, SqlState::UNDEFINED_FUNCTION];
    let is_such = error.kind() == ErrorKind::Database
        && error.sqlstate().is_some_and(|code| codes.contains(code));
    let Some(at) = error.position().filter(|_| is_such) else { return error };
    let (before, rest): (String, String) =
        (sql.chars().take(at).collect(), sql.chars().skip(at).collect());
    let guard = before.trim_end_matches("t.").rsplit("COALESCE(").next().unwrap_or_default();
    let case = before.rsplit("CASE WHEN NULL::").next().unwrap_or_default();
    let is_guarded = rest.starts_with("= ")
        && case.len() < before.len()
        && !case.trim().contains(' ')
        || guard.starts_with("NULL::") && guard.ends_with(", ") && guard.matches(", ").count() == 1;
    if !is_guarded {
        return error;
    }
    let name = rest.split('"').nth(1).unwrap_or_default().to_owned();
    // The part of one statement that writes the table.
    let starts =
        ["INSERT INTO ", "UPDATE "].map(|verb| before.rfind(verb).map(|at| at + verb.len()));
    let table = starts.into_iter().flatten().max().and_then(|start| {
        let qualified = before[start..].split(' ').next()?;
        qualified.split('"').rfind(|name| !matches!(*name, "" | "."))
    });
    let error = match table {
        Some(table) => error.with_table(table.to_owned()),
        None => error,
    };
    error
        .with_kind(ErrorKind::Decode)
        .while_doing("the model reads it as another type than it has in the database")
        .with_column(name)
        .hinting("change the field's type, or name the column's with `sql_type`")
}
