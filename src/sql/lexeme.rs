//! `Lexeme`: where the words, literals and comments of a text of SQL begin and end.
//!
//! What counts is said in the documentation of PostgreSQL, "Lexical Structure".

/// What stands at a place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// White space, or a comment.
    Space,
    /// A literal, or a name in quotes.
    Quoted,
    /// A parameter of this number.
    Parameter(usize),
    /// A name, a key word or a number.
    Word,
    /// One character of anything else.
    Sign,
}

/// Returns what begins at a place of a text, and its length in bytes. The place is not within such a piece.
pub(super) fn lexeme(sql: &str, at: usize) -> (Lexeme, usize) {
    let rest = &sql[at..];
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '\'' => (Lexeme::Quoted, quoted(rest, '\'', backslashes(sql, at))),
        '"' => (Lexeme::Quoted, quoted(rest, '"', Backslashes::AreCharacters)),
        '-' if rest.starts_with("--") => {
            (Lexeme::Space, rest.find(['\n', '\r']).map_or(rest.len(), |end| end + 1))
        }
        '/' if rest.starts_with("/*") => (Lexeme::Space, comment(rest)),
        '$' => match parameter(rest) {
            Some((number, len)) => (Lexeme::Parameter(number), len),
            None => match dollar_quoted(rest) {
                Some(len) => (Lexeme::Quoted, len),
                None => (Lexeme::Sign, 1),
            },
        },
        _ if is_of_name(first) => {
            let is_of_word = |char: char| is_of_name(char) || char == '$';
            (Lexeme::Word, rest.find(|char| !is_of_word(char)).unwrap_or(rest.len()))
        }
        // The vertical tab is none to Rust's functions for ASCII.
        _ if first.is_ascii_whitespace() || first == '\u{b}' => (Lexeme::Space, 1),
        _ => (Lexeme::Sign, 1),
    }
}

/// What backslashes mean between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslashes {
    /// They are characters as any other.
    AreCharacters,
    /// The character after a backslash does not end what is quoted.
    Escape,
}

/// Returns what backslashes mean in the literal that begins here: in `E'…'` they escape.
fn backslashes(sql: &str, at: usize) -> Backslashes {
    let before = &sql[..at];
    match before.ends_with(['e', 'E']) && !is_within_name(sql, at - 1) {
        true => Backslashes::Escape,
        false => Backslashes::AreCharacters,
    }
}

/// Returns `true` if what is before this position belongs to the same name: `a$1` is one.
fn is_within_name(sql: &str, at: usize) -> bool {
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
fn quoted(text: &str, quote: char, backslashes: Backslashes) -> usize {
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
fn comment(text: &str) -> usize {
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

/// Returns the length of a literal between dollar signs, `$$…$$` or `$tag$…$tag$`, if it is one.
fn dollar_quoted(text: &str) -> Option<usize> {
    let is_of_tag = |char: &char| is_of_name(*char);
    let tag: usize = text[1..].chars().take_while(is_of_tag).map(char::len_utf8).sum();
    let is_number = text[1..].starts_with(|char: char| char.is_ascii_digit());
    if is_number || !text[1 + tag..].starts_with('$') {
        return None;
    }
    let delimiter = &text[..tag + 2];
    let end = text[delimiter.len()..].find(delimiter);
    Some(end.map_or(text.len(), |end| end + 2 * delimiter.len()))
}
