//! `Dispatch`: which way a commit takes, and which it takes after a refusal.

mod citus;

use std::sync::Arc;

use super::attempt::Attempt;
use super::auto::Sizes;
use super::catalog::ask;
use super::refusal::Refusal;
use super::way::{Reason, Way};
use super::{Kind, Strategy};
use crate::change_set::ChangeSet;
use crate::connection::Connection;
use crate::error::{AFTER_EACH_PART, Error, ErrorKind};
use crate::flush_plan::{
    Action, Constraints, Cycles, FlushPlan, ForeignKeyConstraint, PlannedTable, is_updated_twice,
    means_the_same,
};
use crate::insert_strategy::{Copy, InsertStrategy, Unnest};
use crate::model::Table;
use crate::step_by_step::Changes;

/// The ways of one flush, tried one after the other until one has written it.
pub(crate) struct Dispatch<'a, 'c> {
    /// The strategy of the unit of work.
    strategy: &'a Strategy,
    /// What there is to write.
    changes: &'c ChangeSet<'c>,
    /// The tables of new rows.
    tables: Arc<[PlannedTable]>,
    /// All tables of the flush.
    written: Vec<&'static Table>,
    /// What the catalog says of them, if it is known.
    constraints: Option<Arc<Constraints>>,
    /// The catalog was asked for this very flush.
    has_asked: bool,
    /// One statement has failed.
    was_one: bool,
    /// The constraints that attempts have violated.
    violated: Vec<String>,
    /// Names that the driver has chosen are those of others.
    avoids_prepared: bool,
    /// What is changed or deleted goes row by row.
    is_row_by_row: bool,
    /// The transaction is open before, or stays open.
    is_in_transaction: bool,
    /// The number of attempts so far.
    attempts: usize,
}

impl<'a, 'c> Dispatch<'a, 'c> {
    /// Surveys what there is to write. Sizes are looked at where the strategy asks for them, and
    /// where `sizes` says so. `is_in_transaction` says that the transaction is open before, or stays open.
    ///
    /// # Errors
    ///
    /// A reference to an entity that is not there; a value that cannot be encoded.
    pub(crate) fn new(
        strategy: &'a Strategy,
        changes: &'c ChangeSet<'c>,
        sizes: Sizes,
        is_in_transaction: bool,
    ) -> Result<Dispatch<'a, 'c>, Error> {
        let rows = changes.tables().iter().map(|rows| rows.len()).sum();
        let needs_bytes = sizes == Sizes::Needed || strategy.needs_bytes(rows);
        let tables = (0..changes.tables().len())
            .map(|table| PlannedTable::survey(changes, table, needs_bytes))
            .collect::<Result<Arc<[_]>, Error>>()?;
        let mut written: Vec<&'static Table> = Vec::new();
        let new = changes.tables().iter().map(|rows| rows.table());
        for table in new.chain(changes.changed().iter().map(|rows| rows.table())) {
            if !written.iter().any(|other| other.is(table)) {
                written.push(table);
            }
        }
        let constraints = strategy.memory().constraints(&written).cloned();
        Ok(Dispatch {
            strategy,
            changes,
            tables,
            written,
            constraints,
            has_asked: false,
            was_one: false,
            violated: Vec::new(),
            avoids_prepared: false,
            is_row_by_row: false,
            is_in_transaction,
            attempts: 0,
        })
    }

    /// Returns the first attempt, as far as it is known before anything is sent.
    ///
    /// # Errors
    ///
    /// A circle of new rows that the strategy cannot write.
    pub(crate) fn foresee(&self) -> Result<Attempt<'a>, Error> {
        let wants_one = match &self.strategy.kind {
            Kind::Auto(auto) => auto.fits(&self.tables),
            Kind::OneTrip => true,
            // Strategies differ in how they insert. Changes alone are one statement, but for the one
            // that does all row by row.
            Kind::StepByStep { changes, .. } => {
                *changes == Changes::SetWise && self.tables.is_empty()
            }
        };
        let is_twice = is_updated_twice(self.changes)? || self.is_found_twice();
        let refusal = self.strategy.memory().refusal(&self.written).map(str::to_owned);
        if !wants_one {
            let is_auto = matches!(self.strategy.kind, Kind::Auto(_));
            let reason = if is_auto { Reason::Size } else { Reason::Strategy };
            return self.step_by_step(reason);
        }
        if let Some(code) = refusal {
            return self.step_by_step(Reason::Refused(code));
        }
        if is_twice {
            return self.step_by_step(Reason::SameRow);
        }
        let plan = self.plan_for_one_statement()?;
        if plan.needs_constraints() {
            return self.step_by_step(Reason::PassedOn);
        }
        if !self.is_harmless(&plan)? {
            return self.step_by_step(Reason::Action);
        }
        // Citus runs the parts one after the other, and each would look for the old keys.
        if self.is_distributed() && plan.moves_rows() {
            return self.step_by_step(Reason::Action);
        }
        if self.knows_of_passes(&plan)? {
            return self.step_by_step(Reason::PassedOn);
        }
        Ok(self.one_statement(plan, Reason::Strategy))
    }

    /// Returns the first attempt, after asking the catalog, if that has to be.
    ///
    /// # Errors
    ///
    /// Those of [`foresee`](Dispatch::foresee), and of the server, if it is asked.
    pub(crate) fn first(
        &mut self,
        foreseen: Attempt<'a>,
        connection: &mut Connection<'_>,
    ) -> Result<Attempt<'a>, Error> {
        self.attempts = 1;
        if !foreseen.asks {
            return Ok(foreseen);
        }
        self.ask(connection)?;
        self.step_by_step(foreseen.reason)
    }

    /// Returns the steps one after the other, in an order that is right for each row by all
    /// constraints that the database has now, and these. Nothing is written.
    ///
    /// # Errors
    ///
    /// Those of the server, which is asked; a value that cannot be encoded.
    pub(crate) fn row_order(
        &mut self,
        connection: &mut Connection<'_>,
    ) -> Result<(FlushPlan, Arc<Constraints>), Error> {
        // What is remembered may not hold any more.
        self.ask(connection)?;
        let plan = self.plan_for_steps(Cycles::Any)?;
        let mut constraints = self.constraints.clone().unwrap_or_default();
        if self.is_distributed() {
            Arc::make_mut(&mut constraints).is_distributed = true;
        }
        Ok((plan, constraints))
    }

    /// Returns `true` if rows of a table are found or added by one model and written by another: a statement
    /// does not see what it writes.
    fn is_found_twice(&self) -> bool {
        let (new, changed) = (self.changes.tables(), self.changes.changed());
        new.iter().filter(|rows| rows.resolution().is_some()).any(|found| {
            let is_others =
                |model: usize, table: &Table| model != found.model() && table.is(found.table());
            new.iter().any(|rows| is_others(rows.model(), rows.table()))
                || changed.iter().any(|rows| {
                    let is_any = !rows.updated().is_empty() || !rows.deleted().is_empty();
                    is_any && is_others(rows.model(), rows.table())
                })
        })
    }

    /// Returns `true` if there are tables of which it is not known where their keys come from.
    fn checks_defaults(&self) -> bool {
        let memory = self.strategy.memory();
        let is_open = |planned: &PlannedTable| {
            planned.resolution().is_none()
                && planned.assigned_columns().next().is_some()
                && !memory.has_default_keys(planned.table())
        };
        self.tables.iter().any(is_open)
    }

    /// Returns what comes after one statement that has found a reason not to write anything.
    ///
    /// # Errors
    ///
    /// Those of the server, if it is asked.
    pub(crate) fn after_guard(
        &mut self,
        attempt: &Attempt<'a>,
        connection: &mut Connection<'_>,
    ) -> Result<Attempt<'a>, Error> {
        self.attempts += 1;
        if attempt.needs_transaction || self.attempts > MAX_ATTEMPTS {
            // Nothing is left that could have kept it.
            let message = "the statement has written nothing, and the server has not said why";
            return Err(Error::new(ErrorKind::RowMismatch, message));
        }
        if attempt.harmless.is_some() && attempt.plan.suspects().is_some() && !self.has_asked {
            self.ask(connection)?;
            let plan = self.plan_for_one_statement()?;
            if !self.is_harmless(&plan)? {
                return self.step_by_step(Reason::Action);
            }
            return Ok(self.one_statement(plan, attempt.reason.clone()));
        }
        // It looks as if the transaction were somebody else's. To begin one tells for certain.
        let plan = self.plan_for_one_statement()?;
        let again = self.one_statement(plan, attempt.reason.clone());
        Ok(Attempt { needs_transaction: true, harmless: None, ..again })
    }

    /// Returns what may succeed where this attempt has failed, of which nothing was written.
    pub(crate) fn after_error(
        &mut self,
        attempt: &Attempt<'a>,
        error: &Error,
        connection: &mut Connection<'_>,
    ) -> Result<Option<Attempt<'a>>, Error> {
        self.attempts += 1;
        if self.attempts > MAX_ATTEMPTS {
            return Ok(None);
        }
        let code = error.sqlstate().map_or("", |code| code.code()).to_owned();
        let reason = || match &*code {
            "" => Reason::Value,
            code => Reason::Refused(code.to_owned()),
        };
        for refusal in Refusal::all_of(error) {
            let next = match (refusal, attempt.way) {
                (Refusal::Distributed, _) if !self.is_distributed() => {
                    self.strategy.memory().distributed(&self.written);
                    Some(self.again(attempt, attempt.reason.clone())?)
                }
                (Refusal::Parallel, _) if !self.is_sequential() => {
                    self.strategy.memory().sequential(&self.written);
                    Some(self.again(attempt, attempt.reason.clone())?)
                }
                (Refusal::OneStatement, Way::OneStatement) => {
                    if !code.is_empty() {
                        self.strategy.memory().refused(&self.written, code.clone());
                    }
                    Some(self.step_by_step(reason())?)
                }
                (Refusal::Trigger, Way::OneStatement) => Some(self.step_by_step(reason())?),
                (Refusal::Locks, way) if attempt.locks && self.has_locks(&attempt.plan) => {
                    self.strategy.memory().cannot_lock(&self.written);
                    let reason = match way {
                        Way::OneStatement => reason(),
                        Way::StepByStep => attempt.reason.clone(),
                    };
                    Some(self.again(attempt, reason)?)
                }
                (Refusal::Order, way) => self.after_violation(attempt, error, way, connection)?,
                (Refusal::Returning, Way::StepByStep) => self.without_returning(attempt, error)?,
                // What the catalog said for an earlier commit may not hold any more.
                (Refusal::Constraints, Way::StepByStep)
                    if self.constraints.is_some() && !self.has_asked =>
                {
                    if self.ask(connection).is_err() {
                        return Ok(None);
                    }
                    let next = self.step_by_step(attempt.reason.clone())?;
                    // Rows that are not there are not there in the same order either.
                    let is_same =
                        error.kind() == ErrorKind::Stale && next.plan.has_steps_of(&attempt.plan);
                    (!is_same).then_some(next)
                }
                (Refusal::Constraints, Way::OneStatement)
                    if error.kind() == ErrorKind::Stale && self.changes_depend() =>
                {
                    self.after_stale(attempt, connection)?
                }
                (Refusal::Together, Way::StepByStep) if !self.is_row_by_row => {
                    self.is_row_by_row = true;
                    Some(self.step_by_step(Reason::Refused(code.clone()))?)
                }
                (Refusal::Prepared, Way::StepByStep)
                    if !self.avoids_prepared && matches!(self.strategy.kind, Kind::Auto(_)) =>
                {
                    self.avoids_prepared = true;
                    Some(self.step_by_step(attempt.reason.clone())?)
                }
                _ => None,
            };
            if next.is_some() {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Returns the same way once more, after something was learned of the tables.
    fn again(&self, attempt: &Attempt<'a>, reason: Reason) -> Result<Attempt<'a>, Error> {
        match attempt.way {
            Way::OneStatement => {
                let again = self.one_statement(self.plan_for_one_statement()?, reason);
                let needs_transaction = attempt.needs_transaction;
                Ok(Attempt { needs_transaction, harmless: attempt.harmless.clone(), ..again })
            }
            Way::StepByStep => self.step_by_step(reason),
        }
    }

    /// Returns what comes after the violation of a constraint, for which the order of the
    /// statements may be the reason.
    fn after_violation(
        &mut self,
        attempt: &Attempt<'a>,
        error: &Error,
        way: Way,
        connection: &mut Connection<'_>,
    ) -> Result<Option<Attempt<'a>>, Error> {
        let is_unique =
            error.sqlstate().is_some_and(|code| ["23505", "23P01"].contains(&code.code()));
        // New rows alone are in each other's way in any order.
        if is_unique && !attempt.plan.has_changes() {
            return Ok(None);
        }
        self.was_one |= way == Way::OneStatement;
        let violated = error.constraint().unwrap_or_default().to_owned();
        if !self.violated.contains(&violated) {
            self.violated.push(violated);
            if !self.has_asked && self.ask(connection).is_err() {
                return Ok(None);
            }
            if self.is_citus() {
                // The shard can lie on the very server that was asked.
                self.violated.extend(error.whole_constraint().map(str::to_owned));
            }
            if let Some(constraints) = &mut self.constraints {
                Arc::make_mut(constraints).violated.clone_from(&self.violated);
            }
            if !is_unique && self.is_citus() {
                // No order is right for a circle of new rows, and one statement is not checked as a whole.
                let hinting = |error: Error| error.hinting(AFTER_EACH_PART);
                self.plan_for_steps(Cycles::OneRow).map_err(hinting)?;
            }
            let reason = if is_unique { Reason::PassedOn } else { Reason::Order };
            let next = self.step_by_step(reason)?;
            let has_other_order = match way {
                Way::OneStatement if is_unique => {
                    next.plan.passes_on() || self.takes_along(attempt)
                }
                // Citus checks foreign keys after each part of a statement that inserts rows, as it does
                // after each step.
                Way::OneStatement => self.looks_early() || self.is_citus(),
                Way::StepByStep => !next.plan.has_steps_of(&attempt.plan),
            };
            if has_other_order {
                return Ok(Some(next));
            }
        }
        let can_be_one = way == Way::StepByStep
            && !self.was_one
            && self.strategy.allows_one_statement()
            && attempt.reason != Reason::Action
            && attempt.plan.refusal().is_none()
            && self.is_harmless(&attempt.plan)?;
        if !can_be_one {
            return Ok(None);
        }
        let plan = self.plan_for_one_statement()?;
        Ok(Some(self.one_statement(plan, Reason::Order)))
    }

    /// Returns the same steps with a query after them, where a statement that changes rows may not
    /// say what it has done.
    fn without_returning(
        &self,
        attempt: &Attempt<'a>,
        error: &Error,
    ) -> Result<Option<Attempt<'a>>, Error> {
        let changed = self.changes.changed().iter().map(|rows| rows.table().name());
        let table = changed.into_iter().find(|name| error.table() == Some(name));
        let Some(table) = table.filter(|name| !attempt.without_returning.contains(name)) else {
            return Ok(None);
        };
        self.strategy.memory().returns_nothing(table);
        self.step_by_step(attempt.reason.clone()).map(Some)
    }

    /// Returns the plan of one statement, by the models alone. Citus runs the parts of a statement as steps,
    /// and so it takes the plan of these.
    fn plan_for_one_statement(&self) -> Result<FlushPlan, Error> {
        if self.is_distributed() {
            return self.plan_for_steps(Cycles::Any);
        }
        FlushPlan::new(self.changes, Arc::clone(&self.tables), Cycles::Any, None)
    }

    /// Returns the plan of steps that are sent one after the other, by what is known of constraints.
    fn plan_for_steps(&self, cycles: Cycles) -> Result<FlushPlan, Error> {
        let constraints = self.constraints.as_deref();
        FlushPlan::new(self.changes, Arc::clone(&self.tables), cycles, constraints)
    }

    /// Asks the catalog, and remembers the answer.
    fn ask(&mut self, connection: &mut Connection<'_>) -> Result<(), Error> {
        self.has_asked = true;
        let constraints = Arc::new(ask(connection, &self.written)?);
        self.strategy.memory().learned(&self.written, Arc::clone(&constraints));
        self.constraints = Some(constraints);
        Ok(())
    }

    /// Returns `true` if one statement means what its steps mean, as far as is known by now.
    fn is_harmless(&self, plan: &FlushPlan) -> Result<bool, Error> {
        match (plan.suspects(), &self.constraints) {
            (Some(suspects), Some(known)) => {
                let is_in_order = suspects.merged.is_empty() || known.early_triggers.is_empty();
                Ok(is_in_order && means_the_same(self.changes, None, suspects, known)?)
            }
            _ => Ok(true),
        }
    }

    /// Returns `true` if it is known from an earlier commit that updated rows pass unique values
    /// on, so that one statement would be left to chance. A constraint that is checked when the
    /// transaction ends does not count.
    fn knows_of_passes(&self, plan: &FlushPlan) -> Result<bool, Error> {
        if self.constraints.is_none() || plan.updated_rows() == 0 {
            return Ok(false);
        }
        Ok(self.plan_for_steps(Cycles::Any)?.needs_order())
    }

    /// Returns `true` if foreign keys or triggers may delete rows along with those that are
    /// deleted. In one statement, these are still there when others take their values.
    fn takes_along(&self, attempt: &Attempt<'_>) -> bool {
        let cascades = |known: &Arc<Constraints>| {
            !known.late_triggers.is_empty()
                || known
                    .foreign_keys
                    .iter()
                    .any(|foreign_key| foreign_key.on_delete == Action::Cascade)
        };
        attempt.plan.deleted_rows() > 0 && self.constraints.as_ref().is_some_and(cascades)
    }

    /// Returns `true` if one statement may have violated a foreign key that its steps would not.
    /// Foreign keys are checked when a statement is done, whatever its order. But RESTRICT then
    /// forbids that a value was given up which is referred to, be it that another row has it by
    /// then; and what a trigger does to a row of the statement is checked when the trigger is done.
    fn looks_early(&self) -> bool {
        let restricts = |foreign_key: &ForeignKeyConstraint| {
            [foreign_key.on_delete, foreign_key.on_update].contains(&Action::Restrict)
        };
        self.constraints.iter().any(|known| {
            known.violated_foreign_keys().any(restricts) || !known.early_triggers.is_empty()
        })
    }

    /// Returns `true` if there are rows that are locked ahead.
    fn has_locks(&self, plan: &FlushPlan) -> bool {
        plan.updated_rows() + plan.deleted_rows() > 1
    }

    /// Returns all steps as one statement.
    fn one_statement(&self, plan: FlushPlan, reason: Reason) -> Attempt<'a> {
        let harmless = self.constraints.as_ref().map(|known| known.harmless());
        let harmless = harmless.unwrap_or_default();
        let checks_defaults = self.checks_defaults();
        let is_distributed = self.is_distributed();
        let is_sequential = self.is_sequential();
        Attempt {
            checks_defaults,
            plan,
            way: Way::OneStatement,
            reason,
            inserts: &Unnest,
            harmless: Some(harmless),
            locks: self.strategy.memory().can_lock(&self.written),
            is_distributed,
            is_sequential,
            changes: self.strategy.changes(),
            without_returning: Vec::new(),
            constraints: None,
            needs_transaction: false,
            asks: false,
        }
    }

    /// Returns one statement for everything, where new rows are in a circle, if it will do.
    fn one_statement_for_circle(&self, needs_steps: bool) -> Result<Option<Attempt<'a>>, Error> {
        if needs_steps {
            return Ok(None);
        }
        let plan = self.plan_for_one_statement()?;
        let will_do = self.is_harmless(&plan)?;
        Ok(will_do.then(|| self.one_statement(plan, Reason::Circle)))
    }

    /// Returns the steps one after the other, or one statement where they go round in a circle that
    /// no order can write.
    fn step_by_step(&self, reason: Reason) -> Result<Attempt<'a>, Error> {
        let inserts: &dyn InsertStrategy = match self.strategy.inserts(&self.tables) {
            _ if self.avoids_prepared => &Unnest,
            inserts => inserts,
        };
        // For these reasons, one statement for everything will not do.
        let needs_steps = matches!(
            reason,
            Reason::Action
                | Reason::PassedOn
                | Reason::Order
                | Reason::SameRow
                | Reason::Refused(_)
        );
        let plan = match self.plan_for_steps(inserts.cycles()) {
            Err(error) if error.kind() == ErrorKind::Cycle => {
                if matches!(self.strategy.kind, Kind::StepByStep { .. }) {
                    return Err(error);
                }
                let needs_steps = needs_steps && self.constraints.is_some();
                match self.one_statement_for_circle(needs_steps)? {
                    Some(attempt) => return Ok(attempt),
                    // Each circle is one statement.
                    None => self.plan_for_steps(Cycles::Any)?,
                }
            }
            plan => plan?,
        };
        if plan.has_new_in_circle() && self.strategy.allows_one_statement() {
            if let Some(attempt) = self.one_statement_for_circle(needs_steps)? {
                return Ok(attempt);
            }
        }
        // What foreign keys that no model declares do to one changed row, another may have to find
        // done, or not done yet.
        let is_open = plan.suspects().is_some()
            || plan.needs_constraints()
            || plan.updated_rows() + plan.deleted_rows() > 1;
        let checks_defaults = self.checks_defaults();
        // The session would end with a `COPY` that Citus refuses, and nothing could be tried after it.
        let may_end = inserts.name() == Copy.name() && self.written.len() > 1;
        let is_sequential = self.is_sequential() || (may_end && self.is_citus());
        let memory = self.strategy.memory();
        Ok(Attempt {
            checks_defaults,
            asks: is_open && self.constraints.is_none(),
            plan,
            way: Way::StepByStep,
            reason,
            inserts,
            harmless: None,
            locks: memory.can_lock(&self.written),
            is_distributed: memory.are_distributed(&self.written),
            is_sequential,
            changes: match self.is_row_by_row {
                true => Changes::RowByRow,
                false => self.strategy.changes(),
            },
            without_returning: memory.without_returning().to_vec(),
            constraints: self.constraints.clone(),
            needs_transaction: false,
        })
    }
}

/// Each further attempt has learned something from the one before. There is no more than this to
/// learn.
const MAX_ATTEMPTS: usize = 8;
