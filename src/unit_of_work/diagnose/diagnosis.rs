//! `Diagnosis`: which entities a commit was refused for.

use std::fmt;

use super::culprit::Culprit;

/// The entities for which a commit was refused, as [`diagnose`](crate::UnitOfWork::diagnose) returns
/// them.
///
/// It prints itself with a line for each culprit, and a last line with its round trips:
///
/// ```text
/// addresses: row 17 of 200 (new): addresses_email_key, the same as row 3
/// complete, after 12 round trips
/// ```
#[derive(Debug)]
pub struct Diagnosis {
    pub(super) culprits: Vec<Culprit>,
    /// Why the culprits may not be all, where they may not.
    pub(super) open: Option<&'static str>,
    pub(super) round_trips: u64,
}

impl Diagnosis {
    /// Returns the culprits, in the order in which their rows are written.
    #[must_use]
    pub fn culprits(&self) -> &[Culprit] {
        &self.culprits
    }

    /// Returns `true` if there are no other culprits: the error does not come up for any other row.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open.is_none()
    }

    /// Returns the number of round trips that the diagnosis took.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }
}

impl IntoIterator for Diagnosis {
    type Item = Culprit;
    type IntoIter = std::vec::IntoIter<Culprit>;

    fn into_iter(self) -> Self::IntoIter {
        self.culprits.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnosis {
    type Item = &'a Culprit;
    type IntoIter = std::slice::Iter<'a, Culprit>;

    fn into_iter(self) -> Self::IntoIter {
        self.culprits.iter()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for culprit in &self.culprits {
            writeln!(f, "{culprit}")?;
        }
        let after = match self.round_trips {
            1 => "after 1 round trip".to_owned(),
            count => format!("after {count} round trips"),
        };
        match self.open {
            None => write!(f, "complete, {after}"),
            Some(why) if self.culprits.is_empty() => write!(f, "no row was named, {after}: {why}"),
            Some(why) => write!(f, "there may be others, {after}: {why}"),
        }
    }
}
