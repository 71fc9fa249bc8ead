//! Defaults: whether one is the same for every row.

/// What the text of a default is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Default {
    /// NULL, which is as good as none.
    Null,
    /// A constant.
    Constant,
    /// Anything else.
    Expression,
}

impl Default {
    /// Returns what this text is, as PostgreSQL prints expressions.
    pub(crate) fn of(text: &str) -> Default {
        let mut parser = Parser { rest: text.trim() };
        match parser.value() {
            Some(kind) if parser.rest.is_empty() => kind,
            _ => Default::Expression,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

/// Strings that are moments, where they are read as such at every insert.
const MOMENTS: &[&str] = &["now", "today", "tomorrow", "yesterday"];

impl<'a> Parser<'a> {
    /// Takes a constant and its casts.
    fn value(&mut self) -> Option<Default> {
        let mut is_moment = false;
        let mut kind = Default::Constant;
        if self.take("(") {
            kind = self.value()?;
            self.take(")").then_some(())?;
            // `('now'::text)::date` is of today whenever it is looked at.
        } else if self.take("-") || self.take("+") {
            kind = self.value()?;
        } else if self.take_word("ARRAY") {
            self.take("[").then_some(())?;
            while !self.take("]") {
                self.value()?;
                self.take(",");
            }
        } else if self.take_word("NULL") {
            kind = Default::Null;
        } else if let Some(text) = self.string() {
            let text = text.trim().to_lowercase();
            is_moment = MOMENTS.iter().any(|moment| text.starts_with(moment));
        } else if !self.take_word("true") && !self.take_word("false") && !self.number() {
            return None;
        }
        while self.take("::") {
            self.type_name()?;
        }
        // As a string it is a constant; what makes a moment of it, later, is another cast.
        if is_moment && self.rest.starts_with(')') { None } else { Some(kind) }
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let (text, rest) = self.split(|char| char.is_alphanumeric() || char == '_');
        let is_it = text == word;
        if is_it {
            self.rest = rest;
        }
        is_it
    }

    fn number(&mut self) -> bool {
        let (text, rest) = self.split(|char| char.is_ascii_digit() || char == '.');
        self.rest = rest;
        !text.is_empty()
    }

    /// Takes a string, and returns what is in it, as it is written.
    fn string(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let rest = rest.strip_prefix(['E', 'B', 'X']).unwrap_or(rest).strip_prefix('\'')?;
        let mut chars = rest.char_indices();
        while let Some((index, char)) = chars.next() {
            match char {
                '\\' if self.rest.trim_start().starts_with('E') => drop(chars.next()),
                '\'' if rest[index + 1..].starts_with('\'') => drop(chars.next()),
                '\'' => {
                    self.rest = &rest[index + 1..];
                    return Some(&rest[..index]);
                }
                _ => {}
            }
        }
        None
    }

    /// Takes the name of a type: `integer`, `character varying(20)`, `shop."Mood"[]`.
    fn type_name(&mut self) -> Option<()> {
        let mut is_empty = true;
        loop {
            if self.take("\"") {
                let end = self.rest.find('"')?;
                self.rest = &self.rest[end + 1..];
            } else {
                let (text, rest) = self.split(|char| char.is_alphanumeric() || char == '_');
                if text.is_empty() && !self.rest.starts_with('.') {
                    break;
                }
                self.rest = if text.is_empty() { &self.rest[1..] } else { rest };
            }
            is_empty = false;
        }
        if self.take("(") {
            let (_, rest) = self.split(|char| char.is_ascii_digit() || char == ',');
            self.rest = rest;
            self.take(")").then_some(())?;
            // `timestamp(3) without time zone`
            let (_, rest) = self.split(|char| char.is_alphabetic() || char == ' ');
            self.rest = rest;
        }
        while self.take("[]") {}
        (!is_empty).then_some(())
    }

    fn split(&mut self, is_part: impl Fn(char) -> bool) -> (&'a str, &'a str) {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        self.rest.split_at(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_told_from_expressions() {
        for constant in [
            "0",
            "-1",
            "'-1'::integer",
            "(0)::numeric",
            "0.00",
            "true",
            "'it''s'::text",
            "E'a\\'b'::text",
            "'{}'::text[]",
            "'a'::character varying(20)",
            "'G'::shop.\"Mood's kind\"",
            "ARRAY['a'::text, 'b'::text]",
            "'2020-01-01 00:00:00'::timestamp(3) without time zone",
            "B'101'::\"bit\"",
            "'now'::text",
        ] {
            assert_eq!(Default::of(constant), Default::Constant, "{constant}");
        }
        assert_eq!(Default::of("NULL::character varying"), Default::Null);
        for expression in [
            "now()",
            "CURRENT_TIMESTAMP",
            "nextval('a'::regclass)",
            "('now'::text)::date",
            "(1 + 2)",
            "'a'::text || 'b'::text",
            "ARRAY[now()]",
            "lower('A'::text)",
            "(",
            "'",
            "",
        ] {
            assert_eq!(Default::of(expression), Default::Expression, "{expression}");
        }
    }
}
