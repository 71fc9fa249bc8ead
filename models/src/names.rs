//! Names: Rust's for those of the database, each once.

use std::collections::HashSet;

/// Words that are no names in Rust, of any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Types that the printed text speaks of, or that people expect to mean what they always do.
const TYPES: &[&str] = &[
    "BoxError",
    "Box",
    "BytesMut",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Eq",
    "Err",
    "ForeignKey",
    "Hash",
    "KeyValue",
    "Model",
    "None",
    "Ok",
    "Option",
    "PartialEq",
    "ProblemKind",
    "Result",
    "Self",
    "Some",
    "SqlType",
    "String",
    "Value",
    "Vec",
    "Verify",
];

/// Names that are given already.
#[derive(Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Returns a name that nothing else has: this one, or one with a number.
    pub(crate) fn unique(&mut self, name: String, separator: &str) -> String {
        let mut unique = name.clone();
        let mut number = 2;
        while !self.taken.insert(unique.clone()) {
            let separator = if name.ends_with('_') { "" } else { separator };
            unique = format!("{name}{separator}{number}");
            number += 1;
        }
        unique
    }

    /// Returns `true` if something has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.taken.contains(name)
    }
}

/// Returns the name of a struct for a table.
pub(crate) fn of_struct(table: &str) -> String {
    let name = camel_case(table, "Table");
    if TYPES.contains(&&*name) { format!("{name}Row") } else { name }
}

/// Returns the name of a Rust enum, or of another type, for a type.
pub(crate) fn of_type(ty: &str) -> String {
    let name = camel_case(ty, "Type");
    if TYPES.contains(&&*name) { format!("{name}Type") } else { name }
}

/// Returns the name of a variant for a label.
pub(crate) fn of_variant(label: &str) -> String {
    let name = camel_case(label, "Label");
    if name == "Self" { "SelfLabel".to_owned() } else { name }
}

/// Returns the name of a field for a column.
pub(crate) fn of_field(column: &str) -> String {
    let words: Vec<_> = words(column).iter().map(|word| word.to_lowercase()).collect();
    let name = with_letter_in_front(words.join("_"), "column", "_");
    if KEYWORDS.contains(&&*name) { format!("{name}_") } else { name }
}

fn camel_case(name: &str, what: &str) -> String {
    let words = words(name);
    let mut camel_case = String::new();
    for word in words {
        let mut chars = word.chars();
        // Two numbers beside each other stay two.
        let is_number = |char: Option<char>| char.is_some_and(char::is_numeric);
        if is_number(camel_case.chars().last()) && is_number(word.chars().next()) {
            camel_case.push('_');
        }
        camel_case.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        camel_case.push_str(&chars.as_str().to_lowercase());
    }
    with_letter_in_front(camel_case, what, "")
}

fn with_letter_in_front(name: String, what: &str, separator: &str) -> String {
    match name.chars().next() {
        None => what.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{what}{separator}{name}"),
        Some(_) => name,
    }
}

/// Returns the words of a name: at spaces, signs and the like, and where capitals begin.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, &char) in chars.iter().enumerate() {
        if !is_in_names(char) {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).map(|index| chars[index]);
        let after = chars.get(index + 1);
        let begins = char.is_uppercase()
            && before.is_some_and(|before| {
                let ends = before.is_uppercase() && after.is_some_and(|after| after.is_lowercase());
                before.is_lowercase() || before.is_numeric() || ends
            });
        if begins {
            words.push(String::new());
        }
        words.last_mut().expect("there is one").push(char);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns `true` for digits, and for letters that Rust has in names without a warning or a doubt.
fn is_in_names(char: char) -> bool {
    match char {
        _ if char.is_ascii() => char.is_ascii_alphanumeric(),
        // Letters that are discouraged in names, or have no capital of one letter.
        'İ' | 'ı' | 'ĸ' | 'ŉ' | 'ſ' => false,
        'À'..='ž' | 'Ά'..='ώ' | 'Ѐ'..='ѿ' => char.is_alphabetic(),
        'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='鿿' | '가'..='힣' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_in_camel_case_and_not_inflected() {
        for (table, name) in [
            ("users", "Users"),
            ("film_actor", "FilmActor"),
            ("PlaylistTrack", "PlaylistTrack"),
            ("HTTPServers", "HttpServers"),
            ("ORDERS", "Orders"),
            ("Order Details", "OrderDetails"),
            ("line \"Item\"", "LineItem"),
            ("2fa_codes", "Table2faCodes"),
            ("a_1_2", "A1_2"),
            ("option", "OptionRow"),
            ("self", "SelfRow"),
            ("größe", "Größe"),
            ("***", "Table"),
            ("", "Table"),
        ] {
            assert_eq!(of_struct(table), name, "{table}");
        }
    }

    #[test]
    fn fields_are_in_snake_case() {
        for (column, name) in [
            ("user_id", "user_id"),
            ("AlbumId", "album_id"),
            ("customerID", "customer_id"),
            ("HTTPStatus", "http_status"),
            ("type", "type_"),
            ("Self", "self_"),
            ("the.ID", "the_id"),
            ("it's", "it_s"),
            ("1st", "column_1st"),
            ("_", "column"),
            ("Straße", "straße"),
            ("名前", "名前"),
            ("e\u{301}", "e"),
        ] {
            assert_eq!(of_field(column), name, "{column}");
        }
    }

    #[test]
    fn variants_are_in_camel_case() {
        for (label, name) in
            [("PG-13", "Pg13"), ("happy", "Happy"), ("", "Label"), ("self", "SelfLabel")]
        {
            assert_eq!(of_variant(label), name, "{label}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut names = Names::default();
        assert_eq!(names.unique("a_b".into(), "_"), "a_b");
        assert_eq!(names.unique("a_b".into(), "_"), "a_b_2");
        assert_eq!(names.unique("a_b".into(), "_"), "a_b_3");
    }
}
