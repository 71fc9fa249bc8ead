//! `Dispatch`: which way a commit takes, and which it takes after a refusal.

use std::sync::Arc;

use super::catalog::ask;
use super::refusal::Refusal;
use super::way::{Reason, Way};
use super::{Kind, ONE_TRIP, Strategy};
use crate::change_set::ChangeSet;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush_plan::{
    Action, Constraints, Cycles, FlushPlan, ForeignKeyConstraint, PlannedStatement, PlannedTable,
    is_updated_twice, means_the_same,
};
use crate::insert_strategy::{InsertStrategy, Unnest};
use crate::model::Table;
use crate::one_statement::{self, Guarded, Locking, Outcome};
use crate::step_by_step::{Changes, StepByStep};

/// A way to write a flush, and its plan.
pub(crate) struct Attempt<'a> {
    pub(crate) plan: FlushPlan,
    pub(crate) way: Way,
    pub(crate) reason: Reason,
    inserts: &'a dyn InsertStrategy,
    /// One statement asks the database whether it means what its steps mean. These triggers are
    /// known to do no harm.
    harmless: Option<Vec<u32>>,
    locks: bool,
    /// How rows are changed and deleted, step by step.
    changes: Changes,
    without_returning: Vec<&'static str>,
    /// What the catalog says of the tables, if it was asked.
    constraints: Option<Arc<Constraints>>,
    /// It is not to be a transaction of its own.
    needs_transaction: bool,
    /// The catalog has to be asked beforehand.
    asks: bool,
    /// Statements that take keys look at the DEFAULTs of the columns.
    pub(crate) checks_defaults: bool,
}

impl Attempt<'_> {
    /// The name of what writes the rows.
    pub(crate) fn written_by(&self) -> &str {
        match self.way {
            Way::OneStatement => ONE_TRIP,
            Way::StepByStep => self.inserts.name(),
        }
    }

    /// Whether it is one statement that can be a transaction of its own.
    pub(crate) fn is_alone(&self) -> bool {
        self.way == Way::OneStatement && !self.needs_transaction
    }

    /// The statements that it would send.
    pub(crate) fn statements(&self) -> Vec<PlannedStatement> {
        match self.way {
            Way::OneStatement => {
                vec![one_statement::plan(&self.plan, 0..self.plan.steps().len())]
            }
            Way::StepByStep => self.step_by_step().plan(&self.plan),
        }
    }

    /// What is asked beforehand, if anything is.
    pub(crate) fn question(&self) -> Option<PlannedStatement> {
        self.asks.then(|| PlannedStatement::new("look at the tables' constraints"))
    }

    fn step_by_step(&self) -> StepByStep<'_> {
        StepByStep {
            inserts: self.inserts,
            changes: self.changes,
            locks: self.locks,
            constraints: self.constraints.as_deref(),
            without_returning: &self.without_returning,
        }
    }

    /// Sends the steps.
    ///
    /// # Errors
    ///
    /// Those of the server, and of values that cannot be sent.
    pub(crate) fn write(&self, flush: &mut Flush<'_, '_>) -> Result<Outcome, Error> {
        match self.way {
            Way::OneStatement => {
                let suspects = self.plan.suspects().filter(|_| self.harmless.is_some());
                let harmless = self.harmless.as_deref().unwrap_or_default();
                let all = 0..self.plan.steps().len();
                one_statement::write(
                    flush,
                    all,
                    Guarded { suspects, harmless },
                    Locking::ahead_if(self.locks),
                )
            }
            Way::StepByStep => {
                self.step_by_step().write(flush)?;
                Ok(Outcome::Written)
            }
        }
    }
}

/// The ways of one flush, tried one after the other until one has written it.
pub(crate) struct Dispatch<'a, 'c> {
    strategy: &'a Strategy,
    changes: &'c ChangeSet<'c>,
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
    attempts: usize,
}

/// Each further attempt has learned something from the one before. There is no more than this to
/// learn.
const MAX_ATTEMPTS: usize = 8;

impl<'a, 'c> Dispatch<'a, 'c> {
    /// Surveys what there is to write. Sizes are looked at where the strategy asks for them, and
    /// where they are `needed`.
    ///
    /// # Errors
    ///
    /// A reference to an entity that is not there; a value that cannot be encoded.
    pub(crate) fn new(
        strategy: &'a Strategy,
        changes: &'c ChangeSet<'c>,
        needed: bool,
    ) -> Result<Dispatch<'a, 'c>, Error> {
        let rows = changes.tables().iter().map(|rows| rows.len()).sum();
        let needs_bytes = needed || strategy.needs_bytes(rows);
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
        let plan = self.plan(Cycles::Any, false)?;
        if plan.needs_constraints() {
            return self.step_by_step(Reason::PassedOn);
        }
        if !self.is_harmless(&plan)? {
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

    /// Whether rows of a table are found or added by one model and written by another: a statement
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

    /// Whether there are tables of which it is not known where their keys come from.
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
            let plan = self.plan(Cycles::Any, false)?;
            if !self.is_harmless(&plan)? {
                return self.step_by_step(Reason::Action);
            }
            return Ok(self.one_statement(plan, attempt.reason.clone()));
        }
        // It looks as if the transaction were somebody else's. To begin one tells for certain.
        let plan = self.plan(Cycles::Any, false)?;
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
                (Refusal::OneStatement, Way::OneStatement) => {
                    if !code.is_empty() {
                        self.strategy.memory().refused(&self.written, code.clone());
                    }
                    Some(self.step_by_step(reason())?)
                }
                (Refusal::Trigger, Way::OneStatement) => Some(self.step_by_step(reason())?),
                (Refusal::Locks, way) if attempt.locks && self.has_locks(&attempt.plan) => {
                    self.strategy.memory().cannot_lock(&self.written);
                    Some(match way {
                        Way::OneStatement => {
                            let plan = self.plan(Cycles::Any, false)?;
                            let again = self.one_statement(plan, reason());
                            let needs_transaction = attempt.needs_transaction;
                            Attempt {
                                needs_transaction,
                                harmless: attempt.harmless.clone(),
                                ..again
                            }
                        }
                        Way::StepByStep => self.step_by_step(attempt.reason.clone())?,
                    })
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

    /// A constraint was violated, and the order of the statements may be why.
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
            if let Some(constraints) = &mut self.constraints {
                Arc::make_mut(constraints).violated.clone_from(&self.violated);
            }
            let reason = if is_unique { Reason::PassedOn } else { Reason::Order };
            let next = self.step_by_step(reason)?;
            let has_other_order = match way {
                Way::OneStatement if is_unique => {
                    next.plan.passes_on() || self.takes_along(attempt)
                }
                Way::OneStatement => self.looks_early(),
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
        let plan = self.plan(Cycles::Any, false)?;
        Ok(Some(self.one_statement(plan, Reason::Order)))
    }

    /// A statement that changes rows may not say what it has done.
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

    fn plan(&self, cycles: Cycles, with_constraints: bool) -> Result<FlushPlan, Error> {
        let constraints = self.constraints.as_deref().filter(|_| with_constraints);
        FlushPlan::new(self.changes, Arc::clone(&self.tables), cycles, constraints)
    }

    fn ask(&mut self, connection: &mut Connection<'_>) -> Result<(), Error> {
        self.has_asked = true;
        let constraints = Arc::new(ask(connection, &self.written)?);
        self.strategy.memory().learned(&self.written, Arc::clone(&constraints));
        self.constraints = Some(constraints);
        Ok(())
    }

    /// Whether one statement means what its steps mean, as far as is known by now.
    fn is_harmless(&self, plan: &FlushPlan) -> Result<bool, Error> {
        match (plan.suspects(), &self.constraints) {
            (Some(suspects), Some(known)) => {
                let is_in_order = suspects.merged.is_empty() || known.early_triggers.is_empty();
                Ok(is_in_order && means_the_same(self.changes, None, suspects, known)?)
            }
            _ => Ok(true),
        }
    }

    /// Whether it is known from an earlier commit that updated rows pass unique values on, so that one
    /// statement would be left to chance. What is looked at in the end is no matter.
    fn knows_of_passes(&self, plan: &FlushPlan) -> Result<bool, Error> {
        if self.constraints.is_none() || plan.updated_rows() == 0 {
            return Ok(false);
        }
        Ok(self.plan(Cycles::Any, true)?.needs_order())
    }

    /// Whether foreign keys or triggers may delete rows along with those that are deleted. In one
    /// statement, these are still there when others take their values.
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

    /// Whether one statement may have violated a foreign key that its steps would not. Foreign keys are
    /// checked when a statement is done, whatever its order. But RESTRICT then forbids that a value
    /// was given up which is referred to, be it that another row has it by then; and what a trigger
    /// does to a row of the statement is checked when the trigger is done.
    fn looks_early(&self) -> bool {
        let restricts = |foreign_key: &ForeignKeyConstraint| {
            [foreign_key.on_delete, foreign_key.on_update].contains(&Action::Restrict)
        };
        self.constraints.iter().any(|known| {
            known.violated_foreign_keys().any(restricts) || !known.early_triggers.is_empty()
        })
    }

    fn has_locks(&self, plan: &FlushPlan) -> bool {
        plan.updated_rows() + plan.deleted_rows() > 1
    }

    fn one_statement(&self, plan: FlushPlan, reason: Reason) -> Attempt<'a> {
        let harmless = self.constraints.as_ref().map(|known| known.harmless());
        let harmless = harmless.unwrap_or_default();
        let checks_defaults = self.checks_defaults();
        Attempt {
            checks_defaults,
            plan,
            way: Way::OneStatement,
            reason,
            inserts: &Unnest,
            harmless: Some(harmless),
            locks: self.strategy.memory().can_lock(&self.written),
            changes: self.strategy.changes(),
            without_returning: Vec::new(),
            constraints: None,
            needs_transaction: false,
            asks: false,
        }
    }

    /// One statement for everything, where new rows are in a circle, if it will do.
    fn one_statement_for_circle(&self, needs_steps: bool) -> Result<Option<Attempt<'a>>, Error> {
        if needs_steps {
            return Ok(None);
        }
        let plan = self.plan(Cycles::Any, false)?;
        let will_do = self.is_harmless(&plan)?;
        Ok(will_do.then(|| self.one_statement(plan, Reason::Circle)))
    }

    /// The steps one after the other, or one statement where they go round in a circle that no
    /// order can write.
    fn step_by_step(&self, reason: Reason) -> Result<Attempt<'a>, Error> {
        let inserts = match self.strategy.inserts(&self.tables) {
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
        let plan = match self.plan(inserts.cycles(), true) {
            Err(error) if error.kind() == ErrorKind::Cycle => {
                if matches!(self.strategy.kind, Kind::StepByStep { .. }) {
                    return Err(error);
                }
                let needs_steps = needs_steps && self.constraints.is_some();
                match self.one_statement_for_circle(needs_steps)? {
                    Some(attempt) => return Ok(attempt),
                    // Each circle is one statement.
                    None => self.plan(Cycles::Any, true)?,
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
