//! The steps of a plan one after the other, each as plain statements of one transaction.

mod find_or_add;
mod row_by_row;
mod set_wise;

use std::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::change::Change;
use crate::flush::locks::Locks;
use crate::flush::set_aside;
use crate::flush::statement_text::StatementText;
use crate::flush_plan::{
    Constraints, FlushPlan, PlannedStatement, Step, Suspects, counted, means_the_same,
};
use crate::insert_strategy::InsertStrategy;
use crate::one_statement::{self, Guarded, Locking, Outcome};
use crate::sql::{Params, Sql};

/// How steps are sent one after the other.
#[derive(Clone, Copy)]
pub(crate) struct StepByStep<'a> {
    /// How rows are inserted.
    pub(crate) inserts: &'a dyn InsertStrategy,
    /// How rows are updated and deleted.
    pub(crate) changes: Changes,
    /// Rows are locked before any of them is changed.
    pub(crate) locks: bool,
    /// Citus is to write over one connection to each server.
    pub(crate) is_sequential: bool,
    /// What the catalog says of the tables, if it was asked.
    pub(crate) constraints: Option<&'a Constraints>,
    /// The tables of which changes return nothing, as the server has said.
    pub(crate) without_returning: &'a [&'static str],
}

/// Has Citus write over one connection to each server, until the transaction ends. Otherwise Citus writes to
/// several shards at once, and refuses rows of reference tables after that.
const SEQUENTIAL: &str = "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'";

/// How steps that update and delete are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    /// One statement for each step.
    SetWise,
    /// One statement for each row, and no locks ahead.
    RowByRow,
}

impl StepByStep<'_> {
    /// Writes the steps.
    ///
    /// # Errors
    ///
    /// Those of the server, of the strategy, and of values that cannot be sent.
    pub(crate) fn write(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let plan = flush.plan();
        if let Some(refusal) = plan.refusal() {
            return Err(refusal.without_source());
        }
        if self.is_sequential {
            flush.query(SEQUENTIAL, &Params::new())?;
        }
        if self.has_locks(plan) {
            lock(flush)?;
        }
        if !plan.deferred().is_empty() {
            set_constraints(flush, ConstraintMode::Deferred)?;
        }
        let mut at = 0;
        while let Some(step) = plan.steps().get(at) {
            if let Some(circle) = plan.circle(at) {
                self.check_circle(flush, circle.clone())?;
                for step in plan.steps()[circle.clone()].iter() {
                    note_followed_keys(flush, step)?;
                }
                self.write_circle(flush, circle.clone())?;
                at = circle.end;
                continue;
            }
            match step {
                Step::Insert(_) => {
                    let inserts = plan.inserts_from(at);
                    flush.set_inserts(inserts);
                    self.inserts.insert(flush)?;
                    at += inserts.steps().count();
                }
                Step::FindOrAdd(step) => {
                    match self.changes {
                        Changes::SetWise => find_or_add::write(flush, step)?,
                        Changes::RowByRow => find_or_add::write_row_by_row(flush, step)?,
                    }
                    at += 1;
                }
                Step::Update(step) => {
                    note_followed_keys(flush, &plan.steps()[at])?;
                    let result = self.change(flush, Change::Update(step));
                    match step.is_detour() {
                        true => result.map_err(|error| set_aside::explain(error, step))?,
                        false => result?,
                    }
                    at += 1;
                }
                Step::Delete(step) => {
                    self.change(flush, Change::Delete(step))?;
                    at += 1;
                }
            }
        }
        if !plan.deferred().is_empty() {
            set_constraints(flush, ConstraintMode::Immediate)?;
        }
        Ok(())
    }

    /// Writes rows that wait for each other in a circle. What was known of the constraints when they
    /// were judged has to hold still.
    fn write_circle(&self, flush: &mut Flush<'_, '_>, circle: Range<usize>) -> Result<(), Error> {
        let plan = flush.plan();
        let harmless = self.constraints.map(Constraints::harmless).unwrap_or_default();
        let suspects = plan.suspects().filter(|_| self.constraints.is_some());
        let suspects = suspects.map(Suspects::of_foreign_keys);
        let guarded = Guarded { suspects: suspects.as_ref(), harmless: &harmless };
        match one_statement::write(flush, circle.clone(), guarded, Locking::AsChanged)? {
            Outcome::Written => Ok(()),
            Outcome::Refused => Err(acts_within_circle(plan.steps()[circle.start].table().name())),
        }
    }

    /// Makes sure that rows that wait for each other in a circle can be written at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when a foreign key acts on what they give up.
    fn check_circle(&self, flush: &Flush<'_, '_>, circle: Range<usize>) -> Result<(), Error> {
        let (plan, changes) = (flush.plan(), flush.changes());
        let (Some(suspects), Some(constraints)) = (plan.suspects(), self.constraints) else {
            return Ok(());
        };
        // More is known of where rows go if all of them are looked at.
        let rows = plan.rows_of(changes, circle.clone());
        if means_the_same(changes, None, suspects, constraints)?
            || means_the_same(changes, Some(&rows), suspects, constraints)?
        {
            return Ok(());
        }
        Err(acts_within_circle(plan.steps()[circle.start].table().name()))
    }

    /// Sends a step that updates or deletes rows.
    fn change(&self, flush: &mut Flush<'_, '_>, change: Change<'_>) -> Result<(), Error> {
        match self.changes {
            Changes::SetWise => set_wise::write(self, flush, change),
            Changes::RowByRow => row_by_row::write(flush, change),
        }
    }

    /// Returns what [`write`](StepByStep::write) would send.
    pub(crate) fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        let mut statements = Vec::new();
        if self.is_sequential {
            statements.push(PlannedStatement::new(SEQUENTIAL));
        }
        if self.has_locks(plan) {
            let rows = plan.updated_rows() + plan.deleted_rows();
            statements.push(PlannedStatement::new(format!("lock {}", counted(rows))));
        }
        if !plan.deferred().is_empty() {
            statements.push(PlannedStatement::new("SET CONSTRAINTS DEFERRED"));
        }
        let mut at = 0;
        while let Some(step) = plan.steps().get(at) {
            if let Some(circle) = plan.circle(at) {
                statements.push(one_statement::plan(plan, circle.clone()));
                at = circle.end;
                continue;
            }
            if step.as_insert().is_some() {
                let inserts = plan.inserts_from(at);
                statements.extend(self.inserts.plan(&inserts));
                at += inserts.steps().count();
                continue;
            }
            let statement = one_statement::plan(plan, at..at + 1);
            statements.push(match self.changes {
                Changes::SetWise => statement,
                Changes::RowByRow => row_by_row::planned(step),
            });
            at += 1;
        }
        if !plan.deferred().is_empty() {
            statements.push(PlannedStatement::new("SET CONSTRAINTS IMMEDIATE"));
        }
        statements
    }

    /// Returns `true` if rows are locked ahead. A single row needs no order.
    fn has_locks(&self, plan: &FlushPlan) -> bool {
        let rows = plan.updated_rows() + plan.deleted_rows();
        self.locks && self.changes == Changes::SetWise && rows > 1
    }
}

/// Notes which keys the database has given to the rows of a step by now.
fn note_followed_keys(flush: &mut Flush<'_, '_>, step: &Step) -> Result<(), Error> {
    match step {
        Step::Update(step) if step.moved != 0 => flush.note_followed_keys(step),
        _ => Ok(()),
    }
}

/// Locks the rows that are changed, in the order that all commits keep to.
///
/// ```text
/// SELECT (SELECT count(*)
///         FROM (SELECT unnest($1) AS v0) AS r,
///              LATERAL (SELECT FROM accounts AS t WHERE t.id = r.v0 FOR NO KEY UPDATE) AS l) + (…)
/// ```
fn lock(flush: &mut Flush<'_, '_>) -> Result<(), Error> {
    let mut text = StatementText::new(flush);
    text.sql.push("SELECT ");
    Locks::new(flush).render(&mut text)?;
    let (sql, params) = text.finish();
    flush.query(sql.as_str(), &params).map(drop)
}

/// When the server looks at unique constraints.
#[derive(Debug, Clone, Copy)]
enum ConstraintMode {
    /// When the transaction ends.
    Deferred,
    /// Now, and after each statement.
    Immediate,
}

/// Has the server look at the unique constraints of the plan later, or now.
///
/// ```text
/// SET CONSTRAINTS songs_place_key, songs_title_key DEFERRED
/// ```
fn set_constraints(flush: &mut Flush<'_, '_>, mode: ConstraintMode) -> Result<(), Error> {
    let mut sql = Sql::new();
    // The names come quoted from the catalog.
    sql.push("SET CONSTRAINTS ").push(&flush.plan().deferred().join(", "));
    sql.push(match mode {
        ConstraintMode::Deferred => " DEFERRED",
        ConstraintMode::Immediate => " IMMEDIATE",
    });
    flush.query(sql.as_str(), &Params::new()).map(drop)
}

/// Returns the error for rows that can only be written at once, and cannot be for what a foreign key does.
fn acts_within_circle(table: &'static str) -> Error {
    let message = "rows wait for each other in a circle, so that they can only be written at once, \
                   and a foreign key acts on what some of them give up and others take";
    Error::new(ErrorKind::Unsupported, message).with_table(table).with_hint(
        "change the old row instead of replacing it; or lead the rows that have to stay to another \
         one, call `flush`, and lead them to the new one then",
    )
}
