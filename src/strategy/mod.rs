//! `Strategy`: which way a commit takes, and what comes after a refusal.

mod attempt;
mod auto;
mod catalog;
mod dispatch;
mod memory;
mod refusal;
mod way;

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use attempt::Attempt;
pub use auto::Auto;
pub(crate) use auto::Sizes;
pub(crate) use dispatch::Dispatch;
use memory::Memory;
pub use way::{Reason, Way};

use crate::flush_plan::PlannedTable;
use crate::graph::Indexes;
use crate::insert_strategy::{Batch, Copy, InsertStrategy, RowByRow, Unnest};
use crate::model::Table;
use crate::step_by_step::Changes;

/// The way in which a unit of work writes its commits; see
/// [`with_strategy`](crate::UnitOfWork::with_strategy).
///
/// A `Strategy` is made from [`Auto`], which is the default, from [`OneTrip`], or from any
/// [`InsertStrategy`]. A strategy never decides what is written: every strategy leaves the same rows
/// and the same entities.
///
/// A strategy learns which tables the server cannot write in one statement, which foreign keys act when
/// their rows are deleted, and by which indexes the rows of graphs are found. Its clones share this
/// knowledge, so a service makes one strategy and gives a clone to each unit of work:
///
/// ```
/// use onetrip::{Auto, Strategy, UnitOfWork};
///
/// fn serve(client: &mut postgres::Client, strategy: &Strategy) {
///     let uow = UnitOfWork::new(client).with_strategy(strategy.clone());
///     # let _ = uow;
/// }
///
/// let strategy = Strategy::from(Auto::new());
/// # let _ = (serve, strategy);
/// ```
#[derive(Clone)]
pub struct Strategy {
    /// What decides between one statement and steps.
    kind: Kind,
    /// What was learned of tables. Clones share it.
    memory: Arc<Mutex<Memory>>,
}

#[derive(Clone)]
enum Kind {
    /// By the number and the size of the rows.
    Auto(Auto),
    /// One statement, wherever it will do.
    OneTrip,
    /// Step by step.
    StepByStep {
        /// Inserts the new rows.
        inserts: Arc<dyn InsertStrategy>,
        /// The way in which rows are changed and deleted.
        changes: Changes,
        /// `inserts` is a strategy of this crate.
        is_ours: bool,
        /// `inserts` looks at the size of the new rows.
        needs_bytes: bool,
    },
}

/// Writes the whole commit as one statement, in one network round trip, whatever its size. Inside the
/// statement, the server assigns keys and resolves references to new rows, and the transaction ends
/// with the statement.
///
/// PostgreSQL checks foreign keys that are not deferred when the statement ends, after all its
/// inserts have run. So rows that refer to themselves, and circles of `NOT NULL` foreign keys,
/// are written like any others.
///
/// The statement has a part for each step of the plan, and an array for each column: its text does
/// not depend on the number of rows. Two things can split the rows of a table over several inserts
/// of the same statement: rows with keys of their own among rows without, and server defaults that
/// some rows take and others do not.
///
/// In a transaction (after [`flush`](crate::UnitOfWork::flush), or inside one of the caller's) it is
/// one statement of that transaction. A commit that the server cannot write in one statement, or that
/// would have another effect as one statement, is written step by step, with the inserts of [`Unnest`].
#[derive(Debug, Clone, Copy, Default)]
pub struct OneTrip;

impl From<Auto> for Strategy {
    fn from(auto: Auto) -> Strategy {
        Strategy::new(Kind::Auto(auto))
    }
}

impl From<OneTrip> for Strategy {
    fn from(_: OneTrip) -> Strategy {
        Strategy::new(Kind::OneTrip)
    }
}

impl<S: InsertStrategy + 'static> From<S> for Strategy {
    fn from(inserts: S) -> Strategy {
        let is = |other: TypeId| TypeId::of::<S>() == other;
        let row_by_row = is(TypeId::of::<RowByRow>());
        let copy = is(TypeId::of::<Copy>());
        // The strategies of this crate write what plain inserts write, so that another way can take
        // their place. Of one from outside nothing is known.
        let is_ours = row_by_row || copy || is(TypeId::of::<Batch>()) || is(TypeId::of::<Unnest>());
        Strategy::new(Kind::StepByStep {
            inserts: Arc::new(inserts),
            changes: if row_by_row { Changes::RowByRow } else { Changes::SetWise },
            is_ours,
            needs_bytes: !row_by_row && !copy,
        })
    }
}

impl Default for Strategy {
    fn default() -> Strategy {
        Auto::new().into()
    }
}

impl Strategy {
    /// Returns a strategy that has learned nothing yet.
    fn new(kind: Kind) -> Strategy {
        Strategy { kind, memory: Arc::new(Mutex::new(Memory::default())) }
    }

    /// Returns the strategy's name, as it is in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Auto(_) => "auto",
            Kind::OneTrip => ONE_TRIP,
            Kind::StepByStep { inserts, .. } => inserts.name(),
        }
    }

    /// Returns `true` if the strategy looks at the size of so many new rows, for which every value
    /// has to be encoded twice.
    pub(crate) fn needs_bytes(&self, rows: usize) -> bool {
        match &self.kind {
            Kind::Auto(auto) => auto.needs_bytes(rows),
            Kind::OneTrip => false,
            Kind::StepByStep { needs_bytes, .. } => *needs_bytes,
        }
    }

    /// Returns the strategy for inserts where these rows are written step by step.
    fn inserts(&self, tables: &[PlannedTable]) -> &dyn InsertStrategy {
        match &self.kind {
            Kind::Auto(auto) if !auto.fits(tables) => &Copy,
            Kind::Auto(_) | Kind::OneTrip => &Unnest,
            Kind::StepByStep { inserts, .. } => &**inserts,
        }
    }

    /// Returns how rows are changed and deleted, step by step.
    fn changes(&self) -> Changes {
        match &self.kind {
            Kind::StepByStep { changes, .. } => *changes,
            _ => Changes::SetWise,
        }
    }

    /// Returns `true` if one statement may take the place of what the strategy would send.
    fn allows_one_statement(&self) -> bool {
        !matches!(self.kind, Kind::StepByStep { is_ours: false, .. })
    }

    /// Remembers that keys of these tables come from where the DEFAULTs of their columns say.
    pub(crate) fn have_default_keys(&self, tables: &[&'static Table]) {
        let mut memory = self.memory();
        tables.iter().for_each(|table| memory.keys_are_default(table));
    }

    /// Calls `with` with what was learned of indexes.
    pub(crate) fn indexes<R>(&self, with: impl FnOnce(&mut Indexes) -> R) -> R {
        with(&mut self.memory().indexes)
    }

    /// Returns what was learned of tables.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics half-way while it is held.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name by which reports say that rows were written in one statement.
const ONE_TRIP: &str = "one_trip";

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strategy").field("name", &self.name()).finish_non_exhaustive()
    }
}
