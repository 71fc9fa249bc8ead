//! `Search`: sends the rows in halves, and keeps what passes, until each row that is refused stands alone.

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::signature::{Blame, Signature};
use super::ties::{Children, LeftOut, children, leave_out_children};
use crate::change_set::{ChangeSet, EntityAt, Ties};
use crate::connection::Trial;
use crate::error::Error;
use crate::flush::{Before, Flush};
use crate::flush_plan::{Constraints, Done, FlushPlan, RowAt, Step, Suspects, done_to};
use crate::model::Table;
use crate::one_statement::{self, Guarded, Locking, Outcome};

/// A row that was refused.
pub(super) struct Refused {
    pub(super) entity: EntityAt,
    pub(super) done: Done,
    /// Where its values are.
    pub(super) row: RowAt,
    pub(super) error: Error,
    /// No change that was refused before can be the reason.
    pub(super) is_certain: bool,
}

/// Why a search has ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Budget,
    Many,
    /// The server, or the crate, cannot send the rows in this way.
    Way,
    /// An error that is about no row.
    NoRow,
    /// Rows that can only be written at once were refused.
    Circle,
    /// What comes later may have needed a change that was refused.
    Change,
}

impl Stop {
    /// Says so, for people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Stop::Budget => "the budget of round trips is used up",
            Stop::Many => "there are too many to look for all of them",
            Stop::Way => "the server cannot write a part of the rows alone",
            Stop::NoRow => "an error came up that is about no row",
            Stop::Circle => "rows that can only be written at once were refused together",
            Stop::Change => "later rows may need what was refused",
        }
    }
}

/// How steps are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// Inserts that come one after the other are one statement.
    Together,
    /// Each step is a statement.
    Alone,
}

/// How far a search goes.
pub(super) struct Limits {
    pub(super) round_trips: Option<u64>,
    /// The most rows that are refused.
    pub(super) refused: usize,
    /// What else is left out along with a row that is refused.
    pub(super) ties: Ties,
}

/// A search for the rows that are refused.
pub(super) struct Search<'a, 'c> {
    changes: &'a ChangeSet<'a>,
    plan: &'a FlushPlan,
    constraints: &'a Constraints,
    units: Vec<Vec<RowAt>>,
    trial: Trial<'a, 'c>,
    before: Before,
    sent: Sent,
    /// Rows are only taken if the server takes them in the end, too.
    looks_in_the_end: bool,
    limits: Limits,
    /// What refers to which new row.
    children: Option<Children>,
    /// The entities that are not sent any more.
    left_out: LeftOut,
    refused: Vec<Refused>,
    /// What comes later may need a change that was refused.
    lacks_change: bool,
    /// The models of which rows have passed, and what was done to these.
    passed: HashSet<(usize, Done)>,
}

/// So many rows are tried where none is taken for lack of a privilege.
const MAX_BARRED: usize = 8;

/// Some units that are looked at.
struct Task {
    units: Range<usize>,
    /// They are known to be refused, unless more was refused since than so much.
    fails_at: Option<usize>,
}

impl<'a, 'c> Search<'a, 'c> {
    /// Returns a search among the rows of a plan.
    pub(super) fn new(
        changes: &'a ChangeSet<'a>,
        plan: &'a FlushPlan,
        constraints: &'a Constraints,
        trial: Trial<'a, 'c>,
        limits: Limits,
    ) -> Search<'a, 'c> {
        // A trigger that runs before a row may look for rows of the same statement.
        let is_plain = constraints.early_triggers.is_empty() && plan.suspects().is_none();
        Search {
            changes,
            plan,
            constraints,
            units: plan.units(),
            trial,
            before: Before::default(),
            sent: if is_plain { Sent::Together } else { Sent::Alone },
            looks_in_the_end: false,
            limits,
            children: None,
            left_out: LeftOut::new(),
            refused: Vec::new(),
            lacks_change: false,
            passed: HashSet::new(),
        }
    }

    /// Returns what is tried.
    pub(super) fn trial(&mut self) -> &mut Trial<'a, 'c> {
        &mut self.trial
    }

    /// Has the server look at some constraints, by their quoted names, after each statement.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub(super) fn look_at_once(&mut self, constraints: &[&str]) -> Result<(), Error> {
        if constraints.is_empty() {
            return Ok(());
        }
        self.trial.send(&format!("SET CONSTRAINTS {} IMMEDIATE", constraints.join(", ")))?;
        self.trial.keep()
    }

    /// Leaves entities out, and notes those of them that the server refuses in the end. Returns those that
    /// it takes; nothing if it refuses others.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn look_in_the_end(
        &mut self,
        entities: &[EntityAt],
    ) -> Result<Option<Vec<EntityAt>>, Error> {
        self.looks_in_the_end = true;
        for &entity in entities {
            self.leave_out(entity);
        }
        let own: Vec<EntityAt> =
            entities.iter().copied().filter(|&entity| self.is_own(entity)).collect();
        if self.run(false)?.is_some() || !self.refused.is_empty() || !self.passes_the_end()? {
            return Ok(None);
        }
        self.confirm(&own, true).map(Some)
    }

    /// Returns the rows that were refused so far.
    pub(super) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Returns the rows that were refused, and the entities that wait for them.
    pub(super) fn into_refused(self) -> (Vec<Refused>, LeftOut) {
        (self.refused, self.left_out)
    }

    /// Returns the units.
    pub(super) fn units(&self) -> &[Vec<RowAt>] {
        &self.units
    }

    /// Returns `true` if an entity is not sent any more.
    pub(super) fn is_left_out(&self, entity: EntityAt) -> bool {
        self.left_out.contains_key(&entity)
    }

    /// Returns `true` if an entity is left out for its own sake.
    pub(super) fn is_own(&self, entity: EntityAt) -> bool {
        self.left_out.get(&entity) == Some(&entity)
    }

    /// Returns `true` if rows were refused for a privilege or a policy, and no other of their kind has
    /// passed: then it may be for none of them.
    pub(super) fn is_barred(&self) -> bool {
        self.refused.iter().any(|refused| {
            let code = refused.error.sqlstate().map(|code| code.code());
            code == Some("42501") && !self.passed.contains(&(refused.entity.model, refused.done))
        })
    }

    /// Returns the one entity of a unit.
    pub(super) fn entity_of(&self, unit: usize) -> Option<EntityAt> {
        let mut rows = self.units[unit].iter().map(|&row| self.plan.entity(self.changes, row).0);
        let first = rows.next()?;
        rows.all(|other| other == first).then_some(first)
    }

    /// Leaves an entity out that is known to be refused, and all that refers to it.
    pub(super) fn leave_out(&mut self, entity: EntityAt) {
        let (changes, constraints, ties) = (self.changes, self.constraints, self.limits.ties);
        let children = self.children.get_or_insert_with(|| children(changes, constraints, ties));
        if let Entry::Vacant(new) = self.left_out.entry(entity) {
            new.insert(entity);
            leave_out_children(&mut self.left_out, children, entity);
        }
    }

    /// Looks at all rows. `fails` says that they are known to be refused together.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn run(&mut self, fails: bool) -> Result<Option<Stop>, Error> {
        let mut tasks = vec![Task { units: 0..self.units.len(), fails_at: fails.then_some(0) }];
        while let Some(Task { units, fails_at }) = tasks.pop() {
            if units.is_empty() {
                continue;
            }
            let is_known = units.len() > 1 && fails_at == Some(self.refused.len());
            if !is_known {
                if let Some(stop) = self.check_limits(units.clone()) {
                    return Ok(Some(stop));
                }
                let Err(error) = self.send(units.clone())? else { continue };
                match Blame::of(&error) {
                    Blame::Rows => {}
                    Blame::Way if self.sent == Sent::Together => {
                        self.sent = Sent::Alone;
                        tasks.push(Task { units, fails_at: None });
                        continue;
                    }
                    Blame::Way => return Ok(Some(Stop::Way)),
                    Blame::NoRow => return Ok(Some(Stop::NoRow)),
                }
                if units.len() == 1 {
                    if let Some(stop) = self.refuse(units.start, error) {
                        return Ok(Some(stop));
                    }
                    if self.refused.len() > MAX_BARRED && self.is_barred() {
                        return Ok(Some(Stop::NoRow));
                    }
                    // Mostly there is one, and what is left passes as a whole.
                    if let (1, Some(last)) = (self.refused.len(), tasks.first()) {
                        let rest = units.end..last.units.end;
                        tasks = vec![Task { units: rest, fails_at: None }];
                    }
                    continue;
                }
            }
            let middle = units.start + units.len() / 2;
            let first = Task { units: units.start..middle, fails_at: None };
            let fails_at = Some(self.refused.len());
            tasks.push(Task { units: middle..units.end, fails_at });
            tasks.push(first);
        }
        Ok(None)
    }

    /// Returns `true` if there is no room for so many round trips more.
    pub(super) fn lacks(&self, more: u64) -> bool {
        self.limits.round_trips.is_some_and(|limit| self.trial.round_trips() + more > limit)
    }

    fn check_limits(&self, units: Range<usize>) -> Option<Stop> {
        // The statements, what keeps or undoes them, a look at what is deferred, and the end.
        let mut steps: Vec<usize> =
            self.units[units].iter().flatten().map(|row| row.step).collect();
        steps.dedup();
        let more = steps.len() as u64 + 3;
        if self.lacks(more) {
            return Some(Stop::Budget);
        }
        (self.refused.len() >= self.limits.refused).then_some(Stop::Many)
    }

    /// Notes that a unit was refused.
    fn refuse(&mut self, unit: usize, error: Error) -> Option<Stop> {
        let rows = &self.units[unit];
        let entities: Vec<_> =
            rows.iter().map(|&row| (row, self.plan.entity(self.changes, row))).collect();
        let (row, (entity, done)) = entities[0];
        if entities.iter().any(|&(_, (other, _))| other != entity) {
            return Some(Stop::Circle);
        }
        let is_certain = !self.lacks_change || Signature::of(&error).is_of_row_alone();
        self.refused.push(Refused { entity, done, row, error, is_certain });
        self.leave_out(entity);
        // What is not changed or deleted may be in the way of what comes later.
        let is_changed = |entity: &EntityAt| done_to(self.changes, *entity) != Done::Inserted;
        self.lacks_change |= self.left_out.iter().any(|(of, why)| *why == entity && is_changed(of));
        None
    }

    /// Sends some units, and keeps or undoes them.
    ///
    /// # Errors
    ///
    /// When the connection is lost. The inner error is that of the rows.
    fn send(&mut self, units: Range<usize>) -> Result<Result<(), Error>, Error> {
        let rows: Vec<RowAt> = self.units[units].iter().flatten().copied().collect();
        let result = self.try_rows(&rows, self.sent)?;
        match result {
            Ok(before) => {
                self.trial.keep()?;
                self.before = before;
                for row in rows {
                    let (entity, done) = self.plan.entity(self.changes, row);
                    if !self.left_out.contains_key(&entity) {
                        self.passed.insert((entity.model, done));
                    }
                }
                Ok(Ok(()))
            }
            Err(error) => {
                self.trial.undo()?;
                Ok(Err(error))
            }
        }
    }

    /// Sends those of some rows that are not left out.
    fn try_rows(&mut self, rows: &[RowAt], sent: Sent) -> Result<Result<Before, Error>, Error> {
        let is_in = |row: &RowAt| {
            let (entity, _) = self.plan.entity(self.changes, *row);
            !self.left_out.contains_key(&entity)
        };
        let rows: Vec<RowAt> = rows.iter().copied().filter(is_in).collect();
        let part = self.plan.part(&rows);
        let (before, connection) = (self.before.clone(), self.trial.connection());
        let mut flush = Flush::resume(&part, self.changes, connection, before)
            .with_rows_distributed(self.constraints.is_distributed)
            .with_one_connection(self.constraints.is_distributed);
        let result = write(&mut flush, &part, self.constraints, sent);
        let before = flush.into_before();
        match result {
            Err(error) if self.trial.connection().is_lost() => Err(error),
            result => Ok(result.map(|()| before)),
        }
    }

    /// Returns new entities of a table that the server says are in the way of others, where it can be asked.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn conflicting(&mut self, table: &'static Table) -> Result<Vec<EntityAt>, Error> {
        let (before, connection) = (self.before.clone(), self.trial.connection());
        let mut flush = Flush::resume(self.plan, self.changes, connection, before);
        let result = one_statement::conflicting(&mut flush, table);
        if self.trial.connection().is_lost() {
            return result.map(|_| Vec::new());
        }
        self.trial.undo()?;
        let rows = result.unwrap_or_default();
        let entity = |(table, row): (usize, u32)| {
            let rows = &self.changes.tables()[table];
            EntityAt { model: rows.model(), slot: rows.slots()[row as usize] }
        };
        Ok(rows.into_iter().map(entity).collect())
    }

    /// Finds out which of these entities are refused alone, when all others are there, and notes them.
    /// Returns those that are not, of which one is enough unless `wants_all`.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn confirm(
        &mut self,
        entities: &[EntityAt],
        wants_all: bool,
    ) -> Result<Vec<EntityAt>, Error> {
        let (mut confirmed, mut others) = (Vec::new(), Vec::new());
        for &entity in entities {
            match self.refused_alone(entity)? {
                Some(refused) => confirmed.push(refused),
                None => others.push(entity),
            }
            if !others.is_empty() && !wants_all {
                return Ok(others);
            }
        }
        self.refused.extend(confirmed);
        Ok(others)
    }

    /// Returns an entity that is left out as one that is refused, if it is.
    fn refused_alone(&mut self, entity: EntityAt) -> Result<Option<Refused>, Error> {
        let is_of = |rows: &Vec<RowAt>| {
            rows.iter().all(|&row| self.plan.entity(self.changes, row).0 == entity)
        };
        let Some(unit) = self.units.iter().position(is_of) else { return Ok(None) };
        let rows = self.units[unit].clone();
        let others = std::mem::take(&mut self.left_out);
        let result = self.try_rows(&rows, self.sent);
        self.left_out = others;
        let result = match result? {
            Ok(_) if self.looks_in_the_end => self.check_deferred(),
            result => result.map(drop),
        };
        self.trial.undo()?;
        let Err(error) = result else { return Ok(None) };
        if Blame::of(&error) != Blame::Rows {
            return Ok(None);
        }
        let row = rows[0];
        let (_, done) = self.plan.entity(self.changes, row);
        Ok(Some(Refused { entity, done, row, error, is_certain: true }))
    }

    /// Sends a refused row once more, when all others have passed, together with what refers to it.
    /// Returns the error, if there still is one.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn try_again(&mut self, entity: EntityAt) -> Result<Option<Error>, Error> {
        let is_of = |other: &EntityAt| self.left_out.get(other) == Some(&entity);
        let entities: HashSet<EntityAt> = self.left_out.keys().copied().filter(is_of).collect();
        let is_among = |row: &RowAt| {
            let (entity, _) = self.plan.entity(self.changes, *row);
            entities.contains(&entity)
        };
        let rows: Vec<RowAt> = self.units.iter().flatten().copied().filter(is_among).collect();
        let others = std::mem::take(&mut self.left_out);
        let result = self.try_rows(&rows, Sent::Together);
        self.left_out = others;
        let result = result?;
        self.trial.undo()?;
        Ok(result.err())
    }

    /// Tries all rows but those of some units and what refers to them, and has the server look at all
    /// constraints. Nothing of it is kept.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn passes_without(&mut self, units: Range<usize>) -> Result<bool, Error> {
        let rows: Vec<RowAt> = self.units[units].iter().flatten().copied().collect();
        for row in rows {
            let (entity, _) = self.plan.entity(self.changes, row);
            self.leave_out(entity);
        }
        self.passes()
    }

    /// Tries all rows but those that refer to an entity, with which nobody else has anything to do.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn passes_with(&mut self, entity: EntityAt) -> Result<bool, Error> {
        self.leave_out(entity);
        self.left_out.remove(&entity);
        if self.left_out.is_empty() {
            // These are all rows.
            return Ok(false);
        }
        self.passes()
    }

    /// Tries all rows that are not left out, and leaves none out afterwards.
    fn passes(&mut self) -> Result<bool, Error> {
        let all: Vec<RowAt> = self.units.iter().flatten().copied().collect();
        let result = self.try_rows(&all, self.sent)?;
        let mut passes = result.is_ok();
        if passes {
            passes = self.check_deferred().is_ok();
        }
        self.trial.undo()?;
        self.left_out.clear();
        Ok(passes)
    }

    /// Returns `true` if what was kept is taken in the end.
    fn passes_the_end(&mut self) -> Result<bool, Error> {
        let passes = self.check_deferred().is_ok();
        self.trial.undo()?;
        Ok(passes)
    }

    /// Has the server look at all constraints now.
    ///
    /// # Errors
    ///
    /// That of a constraint.
    pub(super) fn check_deferred(&mut self) -> Result<(), Error> {
        self.trial
            .connection()
            .execute("SET CONSTRAINTS ALL IMMEDIATE", &crate::sql::Params::new())
            .map(drop)
    }
}

/// Writes the rows of a part.
fn write(
    flush: &mut Flush<'_, '_>,
    part: &FlushPlan,
    constraints: &Constraints,
    sent: Sent,
) -> Result<(), Error> {
    let steps = part.steps();
    let mut next = 0;
    while next < steps.len() {
        let circle = part.circle(next);
        let range = match &circle {
            Some(circle) => circle.clone(),
            None => {
                let is_more = |at: &usize| {
                    sent == Sent::Together
                        && matches!(steps[*at], Step::Insert(_))
                        && part.circle(*at).is_none()
                };
                let more = match is_more(&next) {
                    true => (next + 1..steps.len()).take_while(is_more).count(),
                    false => 0,
                };
                next..next + 1 + more
            }
        };
        for step in &steps[range.clone()] {
            if let Step::Update(step) = step {
                if step.moved != 0 {
                    flush.note_followed_keys(step)?;
                }
            }
        }
        let harmless = constraints.harmless();
        let suspects = part.suspects().filter(|_| circle.is_some());
        let suspects = suspects.map(Suspects::of_foreign_keys);
        let guarded = Guarded { suspects: suspects.as_ref(), harmless: &harmless };
        next = range.end;
        if one_statement::write(flush, range, guarded, Locking::AsChanged)? == Outcome::Refused {
            let message = "a foreign key acts on rows that can only be written at once";
            return Err(Error::new(crate::error::ErrorKind::Unsupported, message));
        }
    }
    Ok(())
}
