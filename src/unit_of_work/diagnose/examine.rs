//! The ways that lead to the culprits of an error, the cheapest first.

use std::collections::HashMap;

use super::coupled::Rows;
use super::examination::{Aim, Examination, Findings, MAX_CULPRITS};
use super::nulls::null_rows;
use super::party::Parties;
use super::search::{Limits, Refused, Search, Stop};
use super::signature::{NOT_NULL, Signature};
use super::ties::may_lack_parent;
use crate::change_set::EntityAt;
use crate::connection::{Connection, Trial};
use crate::error::Error;
use crate::flush_plan::{Constraints, FlushPlan};
use crate::model::Table;
use crate::strategy::{Dispatch, Sizes};

/// So many units are tried one by one, where halves say nothing.
const MAX_ONE_BY_ONE: usize = 32;

impl Examination<'_> {
    /// Looks for the culprits.
    ///
    /// # Errors
    ///
    /// When the connection is lost, and when the rows cannot be put in order.
    pub(super) fn run(&self, connection: &mut Connection<'_>) -> Result<Findings, Error> {
        let before = connection.round_trips();
        let signature = Signature::of(self.error);
        let mut dispatch = Dispatch::new(self.strategy, self.changes, Sizes::IfAsked, true)?;
        // To ask the catalog may take a transaction.
        if self.lacks(0, if connection.is_autocommit() { 1 } else { 4 }) {
            return Ok(Findings::none(Stop::Budget.text()));
        }
        let (plan, constraints) = if connection.is_autocommit() {
            dispatch.row_order(connection)?
        } else {
            let mut trial = Trial::begin(connection)?;
            dispatch.row_order(trial.connection())?
        };
        if plan.refusal().is_some() {
            return Ok(Findings::none("the rows have no order in which they can be sent alone"));
        }
        let nulls = self.nulls(&signature, &constraints);
        if let (Aim::Error, Some(rows)) = (self.aim, &nulls) {
            let culprits = rows.iter().map(|&entity| self.as_culprit(entity, &constraints));
            let culprits = culprits.flatten().collect();
            return Ok(Findings { culprits, left_out: Vec::new(), open: None });
        }
        // To begin, to send a first piece, and to end.
        if self.lacks(connection.round_trips() - before, 8) {
            return Ok(Findings::none(Stop::Budget.text()));
        }
        let at_once = self.looked_at_once(&constraints, &plan, &signature)?;
        let deferred = Deferred::of(&signature, &constraints, &at_once);
        // Guesses first, each of which is made sure of.
        let named = self.error.entity_handle().and_then(|handle| self.changes.entity_at(handle));
        let known = nulls.or(named.map(|entity| vec![entity]));
        let conflicting = self.table_of_conflict(&signature, &constraints);
        for guess in [known.map(Guess::Entities), conflicting.map(Guess::Conflicts)] {
            let Some(guess) = guess.filter(|_| deferred == Deferred::No) else { continue };
            let used = connection.round_trips() - before;
            if self.lacks(used, 8) {
                return Ok(Findings::none(Stop::Budget.text()));
            }
            let mut search = self.begin(connection, used, &plan, &constraints)?;
            search.look_at_once(&at_once)?;
            if let Some((search, stop)) = self.by_guess(search, guess, used)? {
                return self.findings(search, used, stop, &signature, &plan, &constraints);
            }
        }
        if self.lacks(connection.round_trips() - before, 8) {
            return Ok(Findings::none(Stop::Budget.text()));
        }
        if deferred != Deferred::Together {
            let used = connection.round_trips() - before;
            let mut search = self.begin(connection, used, &plan, &constraints)?;
            search.look_at_once(&at_once)?;
            let stop = search.run(true)?;
            let refused: Vec<EntityAt> =
                search.refused().iter().map(|refused| refused.entity).collect();
            let is_sure = at_once.is_empty() || !self.has_late_triggers(&constraints);
            if is_sure && (!refused.is_empty() || stop.is_some()) {
                return self.findings(search, used, stop, &signature, &plan, &constraints);
            }
            if let Some(stop) = stop {
                return Ok(Findings::none(stop.text()));
            }
            if refused.is_empty() {
                // All rows were taken: it is said in the end, if at all.
                match search.check_deferred() {
                    Err(error) if Signature::of(&error) == signature => {}
                    Err(error) if search.trial().connection().is_lost() => return Err(error),
                    _ => return Ok(Findings::none("the error does not come up again")),
                }
            } else {
                drop(search);
                let refused_at_once = (refused, before);
                let found =
                    self.in_the_end(connection, refused_at_once, &signature, &plan, &constraints)?;
                if let Some(findings) = found {
                    return Ok(findings);
                }
            }
        }
        let used = connection.round_trips() - before;
        if self.lacks(used, 8) {
            return Ok(Findings::none(Stop::Budget.text()));
        }
        let mut search = self.begin(connection, used, &plan, &constraints)?;
        self.by_removal(&mut search, &plan, &constraints)
    }

    /// Finds those of some entities that the server refuses in the end as well: a trigger may write what
    /// they lack, before the server looks at them. `before` is the number of round trips that the connection
    /// had made before the examination. Gives nothing where it is not they.
    fn in_the_end(
        &self,
        connection: &mut Connection<'_>,
        (mut guess, before): (Vec<EntityAt>, u64),
        signature: &Signature,
        plan: &FlushPlan,
        constraints: &Constraints,
    ) -> Result<Option<Findings>, Error> {
        // Those that the server takes in the end are there with the others the second time.
        for _ in 0..2 {
            let used = connection.round_trips() - before;
            if self.lacks(used, 8 + 2 * guess.len() as u64) {
                return Ok(Some(Findings::none(Stop::Budget.text())));
            }
            let mut search = self.begin(connection, used, plan, constraints)?;
            let Some(taken) = search.look_in_the_end(&guess)? else { return Ok(None) };
            if taken.is_empty() {
                return self.findings(search, used, None, signature, plan, constraints).map(Some);
            }
            guess.retain(|entity| !taken.contains(entity));
        }
        Ok(None)
    }

    /// Begins a search, after so many round trips.
    fn begin<'s, 'c>(
        &'s self,
        connection: &'s mut Connection<'c>,
        used: u64,
        plan: &'s FlushPlan,
        constraints: &'s Constraints,
    ) -> Result<Search<'s, 'c>, Error> {
        let limits = Limits {
            round_trips: self.round_trips.map(|limit| limit.saturating_sub(used)),
            refused: if self.aim == Aim::Error { MAX_CULPRITS } else { usize::MAX },
            ties: self.ties(),
        };
        let trial = Trial::begin(connection)?;
        Ok(Search::new(self.changes, plan, constraints, trial, limits))
    }

    /// Returns `true` if there is no room for so many round trips more.
    fn lacks(&self, used: u64, more: u64) -> bool {
        self.round_trips.is_some_and(|limit| used + more > limit)
    }

    /// Returns the constraints, by their quoted names, that the server would look at in the end, and can as
    /// well look at after each statement: the one of the error, or all that could refuse a row.
    fn looked_at_once<'s>(
        &self,
        constraints: &'s Constraints,
        plan: &FlushPlan,
        signature: &Signature,
    ) -> Result<Vec<&'s str>, Error> {
        let (changes, units) = (self.changes, plan.units());
        let rows = Rows { changes, plan, constraints, units: &units };
        let mut names = Vec::new();
        for (plain, quoted) in &constraints.deferred {
            let is_asked = match self.aim {
                Aim::Error => signature.constraint() == Some(plain),
                Aim::AllRefused => true,
            };
            if is_asked && !rows.are_coupled(plain)? {
                names.push(&**quoted);
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Returns `true` if triggers may run between a row and the server's look at its constraints.
    fn has_late_triggers(&self, constraints: &Constraints) -> bool {
        !constraints.late_triggers.is_empty() || !self.are_plain(constraints)
    }

    /// Returns `true` if the triggers of all tables are known.
    fn are_plain(&self, constraints: &Constraints) -> bool {
        let is_plain = |table: &'static Table| {
            constraints.relation(table).is_some_and(|oid| constraints.plain.contains(&oid))
        };
        self.changes.tables().iter().all(|rows| is_plain(rows.table()))
    }

    /// Returns the rows that have NULL where the server takes none, if it is certain that these are they.
    fn nulls(&self, signature: &Signature, constraints: &Constraints) -> Option<Vec<EntityAt>> {
        // A trigger can mend a NULL, and make one.
        let is_plain = constraints.early_triggers.is_empty() && self.are_plain(constraints);
        if signature.code() != NOT_NULL || !is_plain {
            return None;
        }
        Some(null_rows(self.changes, self.error)).filter(|rows| !rows.is_empty())
    }

    /// Finds the one row without which all others pass.
    fn by_removal(
        &self,
        search: &mut Search<'_, '_>,
        plan: &FlushPlan,
        constraints: &Constraints,
    ) -> Result<Findings, Error> {
        let mut units = 0..search.units().len();
        while units.len() > 1 {
            // Two tries, each with all steps, the end of each, and the end of all.
            let more = 3 * (plan.steps().len() as u64 + 2) + 1;
            if search.lacks(more) {
                return Ok(Findings::none(Stop::Budget.text()));
            }
            let middle = units.start + units.len() / 2;
            let (first, second) = (units.start..middle, middle..units.end);
            // What refers to a row comes later, and is left out with it: so the later half is first.
            units = if search.passes_without(second.clone())? {
                second
            } else if search.passes_without(first.clone())? {
                first
            } else {
                // Rows of both halves belong together. A single one may still be the only reason.
                match self.only_one(search, plan, units)? {
                    Some(unit) => unit..unit + 1,
                    None => {
                        return Ok(Findings::none(
                            "several rows make it together, or in several places",
                        ));
                    }
                }
            };
        }
        let entity = search.entity_of(units.start);
        let Some(entity) = entity else { return Ok(Findings::none(Stop::Circle.text())) };
        // It is the row itself, and not what refers to it.
        if search.passes_with(entity)? {
            return Ok(Findings::none("what refers to a row may be the reason, too"));
        }
        let culprits = self.as_culprit(entity, constraints).into_iter().collect();
        Ok(self.with_waiting(vec![entity], culprits, constraints))
    }

    /// Returns the one unit of a few without which all others pass.
    fn only_one(
        &self,
        search: &mut Search<'_, '_>,
        plan: &FlushPlan,
        units: std::ops::Range<usize>,
    ) -> Result<Option<usize>, Error> {
        if units.len() > MAX_ONE_BY_ONE {
            return Ok(None);
        }
        for unit in units {
            let more = 2 * (plan.steps().len() as u64 + 2) + 1;
            if search.lacks(more) {
                return Ok(None);
            }
            if search.passes_without(unit..unit + 1)? {
                return Ok(Some(unit));
            }
        }
        Ok(None)
    }

    /// Returns the table whose rows are in each other's way, if the server can be asked for them: it has
    /// new rows, and `ON CONFLICT` takes its constraints.
    fn table_of_conflict(
        &self,
        signature: &Signature,
        constraints: &Constraints,
    ) -> Option<&'static Table> {
        if !["23505", "23P01"].contains(&signature.code()) {
            return None;
        }
        let new = self.changes.tables().iter().map(|rows| rows.table());
        let is_of_error = |table: &&'static Table| {
            let name = signature.constraint().unwrap_or_default();
            // Of a partition, the error has another name.
            constraints.unique_of(table, name).is_some() || self.error.table() == Some(table.name())
        };
        let table = new.into_iter().find(is_of_error)?;
        let oid = constraints.relation(table)?;
        let is_deferrable = constraints.unique.iter().any(|u| u.table == oid && u.is_deferrable);
        (!is_deferrable).then_some(table)
    }

    /// Makes sure of a guess: without these entities the others pass, and each of them is refused then.
    /// Gives nothing where it is not so.
    fn by_guess<'s, 'c>(
        &self,
        mut search: Search<'s, 'c>,
        guess: Guess,
        used: u64,
    ) -> Result<Option<(Search<'s, 'c>, Option<Stop>)>, Error> {
        let entities = match guess {
            Guess::Entities(entities) => entities,
            Guess::Conflicts(table) => search.conflicting(table)?,
        };
        let more = 4 + 2 * entities.len() as u64;
        if entities.is_empty() || self.lacks(used + search.trial().round_trips(), more) {
            return Ok(None);
        }
        for &entity in &entities {
            search.leave_out(entity);
        }
        // Those that only wait for another one say nothing of themselves.
        let entities: Vec<EntityAt> =
            entities.into_iter().filter(|&entity| search.is_own(entity)).collect();
        let stop = search.run(false)?;
        if stop.is_some() || !search.confirm(&entities, false)?.is_empty() {
            return Ok(None);
        }
        Ok(Some((search, stop)))
    }

    /// Returns what a search has found, as far as it is certain.
    fn findings(
        &self,
        mut search: Search<'_, '_>,
        used: u64,
        stop: Option<Stop>,
        signature: &Signature,
        plan: &FlushPlan,
        constraints: &Constraints,
    ) -> Result<Findings, Error> {
        let wants_all = self.aim == Aim::AllRefused;
        if search.is_barred() {
            return Ok(Findings::none("no row of the table is taken"));
        }
        // Such an error can depend on which rows were there by then.
        let is_certain = signature.constraint().is_some() || signature.is_of_row_alone();
        let mut open = stop.map(Stop::text);
        let mut confirmed: HashMap<EntityAt, bool> = HashMap::new();
        if !wants_all && !is_certain {
            if stop.is_some() {
                return Ok(Findings::none(open.unwrap_or_default()));
            }
            let is_wanted = |refused: &&Refused| Signature::of(&refused.error) == *signature;
            let entities: Vec<EntityAt> =
                search.refused().iter().filter(is_wanted).map(|refused| refused.entity).collect();
            for entity in entities {
                let circles = plan.steps().len() as u64;
                if self.lacks(used + search.trial().round_trips(), circles + 3) {
                    open = Some(Stop::Budget.text());
                    confirmed.insert(entity, false);
                    continue;
                }
                let again = search.try_again(entity)?;
                let is_same = again.is_some_and(|error| Signature::of(&error) == *signature);
                confirmed.insert(entity, is_same);
                if !is_same {
                    open = open.or(Some("a row was refused only as long as others were missing"));
                }
            }
        }
        let kept: Vec<_> = search
            .units()
            .iter()
            .flatten()
            .filter(|row| !search.is_left_out(plan.entity(self.changes, **row).0))
            .copied()
            .collect();
        let mut parties = Parties::new(self.changes, plan, constraints, kept);
        let (mut refused, left_out) = search.into_refused();
        refused.sort_by_key(|refused| (refused.row.step, refused.row.at));
        let mut culprits = Vec::new();
        let name = signature.constraint().unwrap_or_default();
        let mut is_first = true;
        for Refused { entity, done, row, error, is_certain } in refused {
            let is_refused = confirmed.get(&entity).copied().unwrap_or(true);
            let of_row = Signature::of(&error);
            let is_wanted = wants_all || of_row == *signature && is_refused;
            // All rows before the first one are there. A later one may lack what was refused.
            let is_certain = is_certain && (is_first || of_row.needs_no_row(constraints));
            is_first &= !is_refused;
            let lacks_parent = || {
                // What is left out for its sake was there when it was refused, or comes later.
                let before = left_out.iter().filter(|(_, of)| **of != entity);
                let before = before.map(|(other, _)| *other);
                signature.code() == "23503"
                    && may_lack_parent(self.changes, constraints, name, before)
            };
            if is_wanted && !wants_all && (!is_certain || lacks_parent()) {
                open = open.or(Some(Stop::Change.text()));
            } else if is_wanted {
                let other = parties.of(&error, entity, row);
                culprits.extend(self.culprit(entity, done, error, other, constraints));
            }
        }
        if wants_all {
            culprits.extend(self.waiting(&left_out, constraints));
        }
        let mut left_out: Vec<EntityAt> = left_out.into_keys().collect();
        left_out.sort_unstable();
        if culprits.is_empty() {
            open = open.or(Some("the error does not come up again"));
        }
        Ok(Findings { culprits, left_out, open })
    }
}

/// Who the culprits may be.
enum Guess {
    Entities(Vec<EntityAt>),
    /// Those that the server says are in the way of others, in this table.
    Conflicts(&'static Table),
}

/// When the server looks at what an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deferred {
    /// With each row or statement, as far as is known.
    No,
    /// When the transaction ends; and the constraint holds for each row as it comes.
    Constraint,
    /// When the transaction ends; and before that it does not hold.
    Together,
}

impl Deferred {
    /// Returns when the server looks at the constraint of an error. `at_once` has the quoted names of the
    /// constraints that it can as well look at after each statement.
    fn of(signature: &Signature, constraints: &Constraints, at_once: &[&str]) -> Deferred {
        let mut of_error =
            constraints.deferred.iter().filter(|(plain, _)| signature.constraint() == Some(plain));
        match of_error.next() {
            None => Deferred::No,
            Some((_, quoted)) if at_once.contains(&&**quoted) => Deferred::Constraint,
            Some(_) => Deferred::Together,
        }
    }
}
