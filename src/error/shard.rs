//! What Citus passes on of the errors of its shards: the text, but neither the names nor always the code.

use postgres::error::DbError;

/// What a server says of a row that violates a constraint.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Violation<'a> {
    /// The SQLSTATE.
    pub(super) code: &'static str,
    /// The table of the row.
    pub(super) table: Option<&'a str>,
    /// The column that has no value.
    pub(super) column: Option<&'a str>,
    /// The constraint.
    pub(super) constraint: Option<&'a str>,
}

/// Returns what an error says of a constraint, where Citus has passed on its text alone. Citus passes the code on
/// as well, but not for rows that it has sent to the shard by `COPY`.
pub(super) fn violation(error: &DbError) -> Option<Violation<'_>> {
    // Foreign tables pass texts on as well, with another context, and their names are no shards'.
    let is_of_worker =
        error.where_().is_some_and(|context| context.contains("while executing command on "));
    let is_violation = error.code().code().starts_with("23") && is_of_worker;
    let is_told = error.table().is_some() || error.constraint().is_some();
    if is_told || !(is_violation || is_of_copy(error)) {
        return None;
    }
    read(error.message())
}

/// Returns `true` if Citus passes on an error of a shard that it has sent rows to by `COPY`.
pub(super) fn is_of_copy(error: &DbError) -> bool {
    error.code().code() == "XX000" && error.routine() == Some("ReportCopyError")
}

/// Returns what a text in English says of a constraint.
fn read(message: &str) -> Option<Violation<'_>> {
    // What has quotes within quotes cannot be told apart.
    let is_between = |part: &str| part.is_empty() || part.starts_with(' ');
    let has_quotes = message.matches('"').count() % 2 == 1
        || !message.split('"').step_by(2).skip(1).all(is_between);
    let text = if has_quotes { "" } else { message };
    let mut quoted = text.split('"').skip(1).step_by(2);
    let column = quoted.clone().next();
    let mut next = || quoted.next().map(whole);
    let mut violation = Violation::default();
    if message.starts_with("duplicate key value violates unique constraint ") {
        violation.code = "23505";
        violation.constraint = next();
    } else if message.starts_with("conflicting key value violates exclusion constraint ") {
        violation.code = "23P01";
        violation.constraint = next();
    } else if message.starts_with("insert or update on table ") {
        violation.code = "23503";
        violation.table = next();
        violation.constraint = next();
    } else if message.starts_with("update or delete on table ") {
        violation.code = match message.contains(" violates RESTRICT ") {
            true => "23001",
            false => "23503",
        };
        // The table that is referred to comes first.
        next();
        violation.constraint = next();
        violation.table = next();
    } else if message.starts_with("new row for relation ") {
        violation.code = "23514";
        violation.table = next();
        // Citus gives it to shards as it is.
        violation.constraint = text.rsplit('"').nth(1);
    } else if message.starts_with("value for domain ") {
        violation.code = "23514";
        violation.constraint = column;
    } else if message.starts_with("null value in column ") {
        violation.code = "23502";
        violation.column = column;
        next();
        violation.table = next();
    } else if message.starts_with("no partition of relation ") {
        violation.code = "23514";
        violation.table = next();
    } else {
        return None;
    }
    Some(violation)
}

/// Returns the name of a table or a constraint as its owner has given it: that of a shard ends with a number, of six
/// digits or more.
pub(super) fn whole(name: &str) -> &str {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match rest.strip_suffix('_') {
        Some(whole) if name.len() - rest.len() >= 6 && !whole.is_empty() => whole,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_whole_table() {
        let of = |code, table, column, constraint| Violation { code, table, column, constraint };
        for (message, expected) in [
            (
                r#"duplicate key value violates unique constraint "songs_pkey_102009""#,
                of("23505", None, None, Some("songs_pkey")),
            ),
            (
                r#"insert or update on table "songs_102009" violates foreign key constraint "a_1_fkey_102009""#,
                of("23503", Some("songs"), None, Some("a_1_fkey")),
            ),
            (
                r#"update or delete on table "users_1" violates foreign key constraint "k_1020091" on table "songs_102010""#,
                of("23503", Some("songs"), None, Some("k")),
            ),
            (
                r#"new row for relation "tt_112300" violates check constraint "vpos""#,
                of("23514", Some("tt"), None, Some("vpos")),
            ),
            (
                r#"null value in column "place_102009" of relation "songs_102009" violates not-null constraint"#,
                of("23502", Some("songs"), Some("place_102009"), None),
            ),
            (
                r#"new row for relation "tt_112300" violates check constraint "c_202401""#,
                of("23514", Some("tt"), None, Some("c_202401")),
            ),
            (
                r#"value for domain a.grade violates check constraint "grade_202401""#,
                of("23514", None, None, Some("grade_202401")),
            ),
            (
                r#"no partition of relation "items_105854" found for row"#,
                of("23514", Some("items"), None, None),
            ),
        ] {
            assert_eq!(read(message), Some(expected), "{message}");
        }
        let odd = r#"new row for relation "My "odd" Tab_102009" violates check constraint "c"x""#;
        assert_eq!(read(odd), Some(of("23514", None, None, None)));
        assert_eq!(["logs_202401", "logs_202401_pkey"].map(whole), ["logs", "logs_202401_pkey"]);
        assert_eq!(read(r#"relation "items_105854" does not exist"#), None);
    }
}
