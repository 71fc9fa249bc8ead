//! `Savepoints`: which savepoints of a transaction the server has been told of.

/// The levels at which work within a transaction can be undone alone.
///
/// A level costs nothing until something is sent in it. The savepoint that is set then stands for
/// all levels that have begun since the last thing was sent, since their beginnings are the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Savepoints {
    /// The number of levels that are open.
    level: u32,
    /// The savepoints that are set, from the outermost on.
    set: Vec<Savepoint>,
    /// A savepoint was set when the transaction began, and nothing was sent since that a return to it
    /// would undo.
    is_ahead: bool,
}

/// A savepoint that is set, and the levels whose beginning it is.
#[derive(Debug, PartialEq, Eq)]
struct Savepoint {
    /// The outermost of the levels.
    lowest: u32,
    /// The innermost of the levels.
    highest: u32,
}

impl Savepoints {
    /// Returns the number of levels that are open.
    pub(super) fn level(&self) -> u32 {
        self.level
    }

    /// Returns the levels of a transaction that has begun with a savepoint.
    pub(super) fn ahead() -> Savepoints {
        Savepoints { is_ahead: true, ..Savepoints::default() }
    }

    /// Returns the name of the savepoint that is set ahead.
    pub(super) fn name_ahead() -> String {
        name(1)
    }

    /// Returns `true` if the savepoint that was set ahead can be that of the next level.
    pub(super) fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    /// Notes whether the savepoint that was set ahead can still be that of the next level.
    pub(super) fn keep_ahead(&mut self, is_ahead: bool) {
        self.is_ahead = is_ahead;
    }

    /// Begins a level.
    pub(super) fn begin(&mut self) {
        self.level += 1;
    }

    /// Begins a level by the savepoint that was set ahead.
    pub(super) fn begin_ahead(&mut self) {
        self.begin();
        if std::mem::take(&mut self.is_ahead) {
            self.set();
        }
    }

    /// Returns the savepoint that has to be set before anything else is sent.
    pub(super) fn to_set(&self) -> Option<String> {
        (self.covered() < self.level).then(|| name(self.covered() + 1))
    }

    /// Returns the name of the innermost savepoint that is set.
    pub(super) fn innermost(&self) -> Option<String> {
        self.set.last().map(|last| name(last.lowest))
    }

    /// Notes that the savepoint has been set.
    pub(super) fn set(&mut self) {
        self.set.push(Savepoint { lowest: self.covered() + 1, highest: self.level });
    }

    /// Returns the savepoint to release before the innermost level ends: none where the savepoint stands
    /// for levels outside as well, and where nothing was sent.
    pub(super) fn to_release(&self) -> Option<String> {
        let last = self.set.last()?;
        let is_of_one = last.lowest == self.level && last.highest == self.level;
        is_of_one.then(|| name(last.lowest))
    }

    /// Ends a level, whose savepoint is released if it had one of its own.
    pub(super) fn release(&mut self) {
        let is_released = self.to_release().is_some();
        let Some(level) = self.end() else { return };
        if is_released {
            self.set.pop();
        } else if let Some(last) = self.set.last_mut().filter(|last| last.highest == level) {
            last.highest -= 1;
        }
    }

    /// Ends a level, and returns the savepoint to go back to and release, unless nothing was sent.
    /// Levels outside that began with the same savepoint have nothing in them then.
    pub(super) fn undo(&mut self) -> Option<String> {
        let level = self.end()?;
        let is_set = self.covered() == level;
        let undone = if is_set { self.set.pop() } else { None };
        undone.map(|last| name(last.lowest))
    }

    /// Returns `true` if another level would need a savepoint of its own.
    pub(super) fn is_settled(&self) -> bool {
        self.covered() == self.level
    }

    /// Returns the highest level for which a savepoint is set.
    fn covered(&self) -> u32 {
        self.set.last().map_or(0, |last| last.highest)
    }

    /// Ends the innermost level, and returns its number.
    fn end(&mut self) -> Option<u32> {
        let level = self.level;
        self.level = level.checked_sub(1)?;
        Some(level)
    }
}

/// Returns the name of the savepoint of a level.
fn name(level: u32) -> String {
    format!("{}_{level}", super::OUTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets the savepoint that is to be set, as before a statement, and returns its name.
    fn send(savepoints: &mut Savepoints) -> Option<String> {
        let name = savepoints.to_set();
        name.iter().for_each(|_| savepoints.set());
        name
    }

    /// Releases the savepoint that is to be released, and returns its name.
    fn release(savepoints: &mut Savepoints) -> Option<String> {
        let name = savepoints.to_release();
        savepoints.release();
        name
    }

    #[test]
    fn levels_in_which_nothing_is_sent_cost_nothing() {
        let mut savepoints = Savepoints::default();
        assert_eq!(send(&mut savepoints), None);
        savepoints.begin();
        savepoints.begin();
        assert_eq!(savepoints.level(), 2);
        assert_eq!(savepoints.undo(), None);
        assert_eq!(release(&mut savepoints), None);
        assert_eq!(savepoints, Savepoints::default());
        assert_eq!((release(&mut savepoints), savepoints.undo()), (None, None));
    }

    #[test]
    fn a_savepoint_that_was_set_ahead_is_used_once() {
        let mut savepoints = Savepoints::ahead();
        assert!(savepoints.is_ahead());
        savepoints.begin_ahead();
        assert_eq!(send(&mut savepoints), None, "it is set");
        assert_eq!(savepoints.undo(), Some(Savepoints::name_ahead()));
        savepoints.begin_ahead();
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_1"));

        let mut savepoints = Savepoints::ahead();
        savepoints.keep_ahead(false);
        savepoints.begin_ahead();
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_1"));
    }

    #[test]
    fn levels_that_begin_together_share_a_savepoint() {
        let mut savepoints = Savepoints::default();
        savepoints.begin();
        savepoints.begin();
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_1"));
        assert_eq!(send(&mut savepoints), None);
        assert_eq!(release(&mut savepoints), None, "the outer one is still open");
        // What comes now is inside of the outer one alone, which has something in it.
        savepoints.begin();
        assert!(!savepoints.is_settled());
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_2"));
        assert!(savepoints.is_settled());
        assert_eq!(savepoints.undo().as_deref(), Some("onetrip_2"));
        assert_eq!(release(&mut savepoints).as_deref(), Some("onetrip_1"));
        assert_eq!(savepoints, Savepoints::default());
    }

    #[test]
    fn what_is_undone_with_a_shared_savepoint_leaves_the_outer_levels_empty() {
        let mut savepoints = Savepoints::default();
        savepoints.begin();
        send(&mut savepoints);
        savepoints.begin();
        savepoints.begin();
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_2"));
        assert_eq!(savepoints.undo().as_deref(), Some("onetrip_2"));
        assert_eq!(savepoints.level(), 2);
        assert_eq!(send(&mut savepoints).as_deref(), Some("onetrip_2"), "it is set again");
        assert_eq!(savepoints.undo().as_deref(), Some("onetrip_2"));
        assert_eq!(savepoints.undo().as_deref(), Some("onetrip_1"));
        assert_eq!(savepoints, Savepoints::default());
    }
}
