//! The parameters that a text of SQL names.

use std::ops::Range;

use super::lexeme::{Lexeme, lexeme};

/// Returns the highest number of a parameter, `$1` being the first, that a text names outside of
/// literals, quoted names and comments; 0 where it names none.
pub(crate) fn parameters(sql: &str) -> usize {
    let mut highest = 0;
    each_parameter(sql, |number, _| highest = highest.max(number));
    highest
}

/// Returns the text with `by` added to the number of each parameter.
pub(crate) fn renumbered(sql: &str, by: usize) -> String {
    let (mut text, mut copied) = (String::with_capacity(sql.len()), 0);
    each_parameter(sql, |number, place| {
        text.push_str(&sql[copied..place.start]);
        text.push_str(&format!("${}", number.saturating_add(by)));
        copied = place.end;
    });
    text.push_str(&sql[copied..]);
    text
}

/// Calls `each` with the number and the place of each parameter of a text.
fn each_parameter(sql: &str, mut each: impl FnMut(usize, Range<usize>)) {
    let mut at = 0;
    while at < sql.len() {
        let (lexeme, len) = lexeme(sql, at);
        if let Lexeme::Parameter(number) = lexeme {
            each(number, at..at + len);
        }
        at += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_outside_of_literals_and_comments() {
        for (sql, expected) in [
            ("", 0),
            ("true", 0),
            ("a = $1", 1),
            ("a = $2 AND b = $1 OR c = $2", 2),
            ("a = '$1'", 0),
            ("a = 'it''s $1' AND b = $3", 3),
            (r"a = E'\'$1' AND b = $2", 2),
            (r"a = '\' AND b = $2", 2),
            (r"type'\' || $2", 2),
            ("\"a$1\" = \"b\"\"$2\"", 0),
            ("a$1 = 5", 0),
            ("a = 5 -- $1\n AND b = $2", 2),
            ("a = 5 -- $1\r AND b = $2", 2),
            ("a = 5 /* $1 /* $2 */ $3 */ AND b = $4", 4),
            ("a = $$ $1 $$ AND b = $2", 2),
            ("a = $x$ $1 $$ $2 $x$ AND b = $3", 3),
            ("ä = $1 AND 'ö' = $2", 2),
            ("a = $€$ $1 $€$ AND b = $2", 2),
            ("a = $x€1$ $1 $x€1$ AND b = $2", 2),
            ("€$1 = 5", 0),
            ("a = E'a'\n'b\\'$1' AND b = $2", 2),
            ("a = E'a' -- c '\r\n -- d\n 'b\\'$1'\n'\\'$3' AND b = $2", 2),
            ("a = E'a' '\\' || $2", 2),
            ("a = E'a' -- '\\' || $2", 0),
            ("a = 'a'\n'\\' || $2", 2),
            ("a = 'open $1", 0),
            ("a->>'$1' = $1", 1),
            ("$99999999999999999999", usize::MAX),
        ] {
            assert_eq!(parameters(sql), expected, "{sql}");
        }
    }

    #[test]
    fn parameters_are_renumbered_where_they_are_counted() {
        for (sql, expected) in [
            ("true", "true"),
            ("a = $1 AND b = $12", "a = $4 AND b = $15"),
            ("a = '$1' OR b = $1 -- $1", "a = '$1' OR b = $4 -- $1"),
            ("$1", "$4"),
        ] {
            assert_eq!(renumbered(sql, 3), expected);
        }
    }
}
