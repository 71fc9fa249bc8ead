//! `OwnTexts`: what the caller's texts in a statement that reads mean for how it is sent.

/// What the caller has written into a statement that reads, such as its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnTexts {
    /// They may call functions, which can write, or take a lock.
    pub(super) call_functions: bool,
    /// They have literals. The server fixes what these mean when it prepares the statement: `'now'`, or a date
    /// by the session's settings.
    pub(super) have_literals: bool,
}

impl OwnTexts {
    /// The statement has no text of the caller's.
    pub(crate) const NONE: OwnTexts = OwnTexts { call_functions: false, have_literals: false };

    /// The statement calls functions that write, and has literals of the library's own.
    pub(crate) const FUNCTIONS: OwnTexts = OwnTexts { call_functions: true, have_literals: true };

    /// Returns what these texts of the caller's mean.
    pub(crate) fn of<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> OwnTexts {
        // A dollar begins a literal, too, if no number follows.
        let is_literal = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
        let mut own = OwnTexts::NONE;
        for text in texts {
            let text = text.as_ref();
            own.call_functions |= text.contains('(');
            own.have_literals |= text.contains('\'') || text.split('$').skip(1).any(is_literal);
        }
        own
    }
}
