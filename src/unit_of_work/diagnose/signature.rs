//! `Signature`: by what an error of the server is known again.

use crate::error::{Error, ErrorKind};
use crate::flush_plan::Constraints;

/// By what an error is known again when the rows are sent once more. It has no values of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    kind: ErrorKind,
    sqlstate: Option<String>,
    constraint: Option<String>,
    /// The server's column, where the error is that it is NULL.
    column: Option<String>,
    /// The message without what is quoted in it, and without numbers, where no constraint is named.
    message: Option<String>,
}

impl Signature {
    /// Returns the signature of an error.
    pub(super) fn of(error: &Error) -> Signature {
        let sqlstate = error.sqlstate().map(|code| code.code().to_owned());
        let constraint = error.constraint().map(str::to_owned);
        let is_null = sqlstate.as_deref() == Some(NOT_NULL);
        let column = error.column().filter(|_| is_null).map(str::to_owned);
        let message = (constraint.is_none() && !is_null).then(|| skeleton(error.server_message()));
        Signature { kind: error.kind(), sqlstate, constraint, column, message }
    }

    /// Returns the SQLSTATE, which is empty where the error is not the server's.
    pub(super) fn code(&self) -> &str {
        self.sqlstate.as_deref().unwrap_or_default()
    }

    /// Returns the name of the constraint that was violated.
    pub(super) fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    /// Returns `true` if nothing but the row itself decides whether there is such an error.
    pub(super) fn is_of_row_alone(&self) -> bool {
        self.code().starts_with("22")
            || self.code() == NOT_NULL
            || self.code() == CHECK && self.constraint.is_some()
    }

    /// Returns `true` if no row that is missing can be the reason for such an error, but one that a foreign
    /// key refers to. What a trigger raises can depend on any row.
    pub(super) fn needs_no_row(&self, constraints: &Constraints) -> bool {
        let has_triggers =
            !constraints.early_triggers.is_empty() || !constraints.late_triggers.is_empty();
        let is_known = |name: &str| {
            constraints.foreign_keys.iter().any(|fk| fk.name == name)
                || constraints.unique.iter().any(|unique| unique.plain_name == name)
        };
        match self.code() {
            "23505" | "23P01" | "23503" => {
                !has_triggers || self.constraint.as_deref().is_some_and(is_known)
            }
            CHECK => !has_triggers && self.is_of_row_alone(),
            _ => self.is_of_row_alone(),
        }
    }
}

/// The SQLSTATE of a NULL where there must be none.
pub(super) const NOT_NULL: &str = "23502";

/// The SQLSTATE of a row that a `CHECK` does not take.
const CHECK: &str = "23514";

/// What an error says of the rows that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// One of the rows may be the reason.
    Rows,
    /// The way in which they were sent may be the reason.
    Way,
    /// No row is the reason: a table is missing, or another transaction is in the way.
    NoRow,
}

impl Blame {
    /// Returns what an error says of the rows.
    pub(super) fn of(error: &Error) -> Blame {
        match error.kind() {
            ErrorKind::Database => {}
            ErrorKind::Encode | ErrorKind::RowMismatch | ErrorKind::Stale => return Blame::Rows,
            ErrorKind::Unsupported => return Blame::Way,
            _ => return Blame::NoRow,
        }
        let code = error.sqlstate().map_or("", |code| code.code());
        match code {
            "0A000" | "42601" | "XX000" | "27000" | "21000" => Blame::Way,
            _ if code.starts_with("54") => Blame::Way,
            // A policy, or a missing privilege.
            "42501" => Blame::Rows,
            _ if error.is_about_rows() => Blame::Rows,
            _ => Blame::NoRow,
        }
    }
}

/// Returns a message without what is quoted in it and without numbers, which can be values of rows.
fn skeleton(message: &str) -> String {
    let (mut text, mut closing) = (String::new(), None);
    for c in message.chars() {
        match (closing, c) {
            (Some(end), c) if c == end => closing = None,
            (Some(_), _) => {}
            (None, '"' | '“') => closing = Some(if c == '"' { '"' } else { '”' }),
            (None, '«') => closing = Some('»'),
            (None, '„') => closing = Some('“'),
            (None, c) if c.is_ascii_digit() => {}
            (None, c) => text.push(c),
        }
    }
    // A quote that does not end is none.
    if closing.is_some() { message.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_has_no_values() {
        let one = skeleton("invalid input syntax for type integer: \"12 apples\"");
        assert_eq!(one, skeleton("invalid input syntax for type integer: \"x\""));
        assert_eq!(skeleton("« a » est faux"), skeleton("« b » est faux"));
        assert_eq!(skeleton("row 7 of „a“"), "row  of ");
        assert_ne!(skeleton("no spam"), skeleton("no eggs"));
        assert_eq!(skeleton("5\" tall"), "5\" tall");
    }
}
