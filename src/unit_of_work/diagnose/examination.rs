//! `Examination`: an error that is looked into, and how what is found is told.

use super::culprit::{Culprit, Operation, OtherEntity, OtherParty};
use super::search::Stop;
use super::ties::{LeftOut, children, leave_out_children};
use crate::change_set::{ChangeSet, EntityAt, Ties};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::{Constraints, Done, done_to, positions};
use crate::strategy::Strategy;

/// What an error is looked into with.
pub(super) struct Examination<'a> {
    pub(super) changes: &'a ChangeSet<'a>,
    pub(super) strategy: &'a Strategy,
    pub(super) error: &'a Error,
    /// The most round trips that it may take.
    pub(super) round_trips: Option<u64>,
    pub(super) aim: Aim,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The entities that this error is for.
    Error,
    /// All entities that would be refused, for whatever error.
    AllRefused,
}

/// What was found.
pub(super) struct Findings {
    pub(super) culprits: Vec<Culprit>,
    /// The entities that are refused, or wait for one that is.
    pub(super) left_out: Vec<EntityAt>,
    /// Why these may not be all.
    pub(super) open: Option<&'static str>,
}

/// The most culprits of an error that are looked for.
pub(super) const MAX_CULPRITS: usize = 100;

impl Findings {
    /// Returns that nothing was found, and why.
    pub(super) fn none(why: &'static str) -> Findings {
        Findings { culprits: Vec::new(), left_out: Vec::new(), open: Some(why) }
    }
}

impl Examination<'_> {
    /// Returns a culprit that the error itself is for.
    pub(super) fn as_culprit(
        &self,
        entity: EntityAt,
        constraints: &Constraints,
    ) -> Option<Culprit> {
        let done = done_to(self.changes, entity);
        self.culprit(entity, done, self.error.without_source(), None, constraints)
    }

    pub(super) fn culprit(
        &self,
        entity: EntityAt,
        done: Done,
        error: Error,
        other: Option<OtherParty>,
        constraints: &Constraints,
    ) -> Option<Culprit> {
        let table = self.changes.table_of(entity.model);
        let is_column = |name: &&str| table.columns().iter().any(|column| column.name() == *name);
        let of_error = error.column().filter(is_column).map(str::to_owned);
        let column = of_error.or_else(|| {
            let columns = constraints.columns_of(table, error.constraint()?)?;
            let [column] = &positions(table, columns)?[..] else { return None };
            Some(table.columns()[*column].name().to_owned())
        });
        Some(Culprit {
            entity: self.changes.handle(entity)?,
            table: table.name(),
            column,
            operation: match done {
                Done::Inserted => Operation::Insert,
                Done::Updated => Operation::Update,
                Done::Deleted => Operation::Delete,
            },
            number: self.changes.number(entity),
            other,
            error,
        })
    }

    /// Returns what is left out along with a row that is refused. Where all is to be committed that can be, a
    /// value that is refused may be there already, or come with another row.
    pub(super) fn ties(&self) -> Ties {
        if self.aim == Aim::Error { Ties::HandlesAndValues } else { Ties::Handles }
    }

    /// Returns the culprits, and what refers to them.
    pub(super) fn with_waiting(
        &self,
        refused: Vec<EntityAt>,
        mut culprits: Vec<Culprit>,
        constraints: &Constraints,
    ) -> Findings {
        let children = children(self.changes, constraints, self.ties());
        let mut left_out: LeftOut = refused.iter().map(|&entity| (entity, entity)).collect();
        for entity in refused {
            leave_out_children(&mut left_out, &children, entity);
        }
        if self.aim == Aim::AllRefused {
            culprits.extend(self.waiting(&left_out, constraints));
        }
        let mut left_out: Vec<EntityAt> = left_out.into_keys().collect();
        left_out.sort_unstable();
        Findings { culprits, left_out, open: None }
    }

    /// Returns the entities that are left out for the sake of others.
    pub(super) fn waiting(&self, left_out: &LeftOut, constraints: &Constraints) -> Vec<Culprit> {
        let mut waiting: Vec<(EntityAt, EntityAt)> =
            left_out.iter().filter(|(entity, of)| entity != of).map(|(&e, &of)| (e, of)).collect();
        waiting.sort_unstable();
        let culprit = |(entity, of): (EntityAt, EntityAt)| {
            let handle = self.changes.handle(of)?;
            let table = self.changes.table_of(of.model).name();
            let row = self.changes.number(of).0;
            let other = OtherParty::Refused(OtherEntity { entity: handle, table, row });
            let message = format!("it refers to row {row} of {table}, which is refused");
            let error = Error::new(ErrorKind::Handle, message)
                .with_table(self.changes.table_of(entity.model).name());
            let done = done_to(self.changes, entity);
            self.culprit(entity, done, error, Some(other), constraints)
        };
        waiting.into_iter().filter_map(culprit).collect()
    }

    /// Returns the entities that have a value that cannot be sent.
    pub(super) fn unsendable(&self) -> Findings {
        let found = self.changes.unsendable();
        let none = Constraints::default();
        let left_out: Vec<EntityAt> = found.iter().map(|&(entity, _)| entity).collect();
        let culprits = found
            .into_iter()
            .filter_map(|(entity, error)| self.culprit(entity, Done::Inserted, error, None, &none))
            .collect::<Vec<_>>();
        if culprits.is_empty() {
            return Findings::none("no new row has a value that cannot be sent");
        }
        self.with_waiting(left_out, culprits, &none)
    }

    /// Returns the entities that the error says are stale.
    pub(super) fn stale(&self) -> Findings {
        let none = Constraints::default();
        let stale = self.error.stale_handles().iter();
        let left_out: Vec<EntityAt> =
            stale.filter_map(|&handle| self.changes.entity_at(handle)).collect();
        let culprits = left_out.iter().filter_map(|&entity| self.as_culprit(entity, &none));
        let open = (left_out.len() >= MAX_CULPRITS).then_some(Stop::Many.text());
        let culprits = culprits.collect();
        Findings { open, ..self.with_waiting(left_out, culprits, &none) }
    }
}
