//! The parameters that a text of SQL names.

use std::ops::Range;

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
///
/// What counts is said in the documentation of PostgreSQL, "Lexical Structure".
fn each_parameter(sql: &str, mut each: impl FnMut(usize, Range<usize>)) {
    let bytes = sql.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &sql[at..];
        at += match bytes[at] {
            b'\'' => quoted(rest, '\'', backslashes(sql, at)),
            b'"' => quoted(rest, '"', Backslashes::AreCharacters),
            b'-' if rest.starts_with("--") => {
                rest.find(['\n', '\r']).map_or(rest.len(), |end| end + 1)
            }
            b'/' if rest.starts_with("/*") => comment(rest),
            b'$' if !is_within_name(sql, at) => match parameter(rest) {
                Some((number, len)) => {
                    each(number, at..at + len);
                    len
                }
                None => dollar_quoted(rest),
            },
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
}

/// What backslashes mean between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslashes {
    /// They are characters as any other.
    AreCharacters,
    /// The character after a backslash does not end what is quoted.
    Escape,
}

/// Returns what backslashes mean in the literal that begins here: in `E'…'` they escape.
pub(super) fn backslashes(sql: &str, at: usize) -> Backslashes {
    let before = &sql[..at];
    match before.ends_with(['e', 'E']) && !is_within_name(sql, at - 1) {
        true => Backslashes::Escape,
        false => Backslashes::AreCharacters,
    }
}

/// Returns `true` if what is before this position belongs to the same name: `a$1` is one.
pub(super) fn is_within_name(sql: &str, at: usize) -> bool {
    let before = sql[..at].chars().next_back();
    before.is_some_and(|char| is_of_name(char) || char == '$')
}

/// Returns `true` for what a name is made of, besides dollar signs: every character that is not ASCII is
/// a letter to the server.
fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || !char.is_ascii()
}

/// Returns the length of what stands in quotes. Two quotes are one within. A literal goes on behind a line
/// break, which matters where backslashes escape.
pub(super) fn quoted(text: &str, quote: char, backslashes: Backslashes) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\\' && backslashes == Backslashes::Escape {
            chars.next();
        } else if char == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => drop(chars.next()),
                _ if backslashes == Backslashes::Escape => match continued(&text[at + 1..]) {
                    Some(len) => {
                        let next = at + 1 + len;
                        while chars.next_if(|(at, _)| *at <= next).is_some() {}
                    }
                    None => return at + 1,
                },
                _ => return at + 1,
            }
        }
    }
    text.len()
}

/// Returns the length of what stands between two parts of one literal, if the text begins with it: white
/// space and comments with a line break among them, before a quote.
fn continued(text: &str) -> Option<usize> {
    let (mut at, mut has_break) = (0, false);
    loop {
        let rest = &text[at..];
        match rest.chars().next()? {
            '\'' => return has_break.then_some(at),
            '\n' | '\r' => has_break = true,
            ' ' | '\t' | '\u{b}' | '\u{c}' => {}
            // The line break behind it comes next.
            '-' if rest.starts_with("--") => at += rest.find(['\n', '\r'])? - 1,
            _ => return None,
        }
        at += 1;
    }
}

/// Returns the length of a comment, in which other comments can be.
pub(super) fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the number of a parameter and the length of its text.
fn parameter(text: &str) -> Option<(usize, usize)> {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    let number = text.get(1..1 + digits).filter(|digits| !digits.is_empty())?;
    Some((number.parse().unwrap_or(usize::MAX), 1 + digits))
}

/// Returns the length of a literal between dollar signs, `$$…$$` or `$tag$…$tag$`; 1 if it is none.
pub(super) fn dollar_quoted(text: &str) -> usize {
    let is_of_tag = |char: &char| is_of_name(*char);
    let tag: usize = text[1..].chars().take_while(is_of_tag).map(char::len_utf8).sum();
    let is_number = text[1..].starts_with(|char: char| char.is_ascii_digit());
    if is_number || !text[1 + tag..].starts_with('$') {
        return 1;
    }
    let delimiter = &text[..tag + 2];
    match text[delimiter.len()..].find(delimiter) {
        Some(end) => end + 2 * delimiter.len(),
        None => text.len(),
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
