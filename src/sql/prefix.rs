//! Names of a statement's own that no name of the caller's can be.

/// Returns a prefix for the names of the `WITH` queries of a statement: empty, or such as `onetrip1_`.
///
/// A name is the prefix, one of `kinds` and a number or none. No word of `texts` is such a name: a
/// `WITH` query would hide a table of its name.
pub(crate) fn unused_prefix(kinds: &[char], texts: &[&str]) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut prefix = String::new();
    for number in 1.. {
        let is_like = |word: &str| {
            let kind = word.strip_prefix(&*prefix).and_then(|rest| rest.strip_prefix(kinds));
            kind.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let has_such = |text: &str| text.to_lowercase().split(|c| !is_word(c)).any(is_like);
        if !texts.iter().any(|text| has_such(text)) {
            break;
        }
        prefix = format!("onetrip{number}_");
    }
    prefix
}
