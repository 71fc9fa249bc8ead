//! `InsertStrategy`: how the new rows of a flush are written.

mod arrays;
mod auto;
mod batch;
mod copy;
mod flush;
mod keys;
mod one_trip;
mod reservation;
mod returned;
mod row_by_row;
mod statement;
mod unnest;
mod values;

use std::borrow::Cow;

pub use auto::Auto;
pub use batch::Batch;
pub use copy::Copy;
pub(crate) use flush::OnProgress;
pub use flush::{Bound, Flush, Progress};
pub use one_trip::OneTrip;
pub use row_by_row::RowByRow;
pub(crate) use statement::{Part, plan as plan_changes, write as write_changes};
pub use unnest::Unnest;

use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};
use crate::model::Table;
use crate::planned_table::PlannedTable;

/// Writes the new rows of a flush.
///
/// The unit of work has ordered the rows and opened the transaction; afterwards it commits and
/// writes back what was assigned. A strategy sends statements through the [`Flush`] and hands over
/// what they returned. It never sees an entity, so it cannot leave one half changed.
///
/// A strategy of one's own takes no more than this; it writes rows one at a time:
///
/// ```
/// use onetrip::{Bound, Cycles, Error, Flush, FlushPlan, InsertStrategy, Params, PlannedStatement};
///
/// struct OneAtATime;
///
/// impl InsertStrategy for OneAtATime {
///     fn name(&self) -> &str {
///         "one_at_a_time"
///     }
///
///     fn cycles(&self) -> Cycles {
///         Cycles::None
///     }
///
///     fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
///         vec![PlannedStatement::new("insert a row").times(plan.rows())]
///     }
///
///     fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
///         let plan = flush.plan();
///         for step in plan.steps() {
///             let table = plan.tables()[step.table()].table();
///             for &row in step.rows() {
///                 let mut params = Params::new();
///                 let mut values = Vec::new();
///                 for column in 0..table.columns().len() {
///                     values.push(match flush.bind(step.table(), row, column, &mut params)? {
///                         Bound::Default => "DEFAULT".to_owned(),
///                         Bound::Param(number) => format!("${number}"),
///                     });
///                 }
///                 // Real code quotes the names; a strategy for known tables can do without.
///                 let sql = format!(
///                     "INSERT INTO {} VALUES ({}) RETURNING *",
///                     table.name(),
///                     values.join(", "),
///                 );
///                 let columns: Vec<usize> = (0..table.columns().len()).collect();
///                 let rows = flush.query(&sql, &params)?;
///                 flush.returned(step.table(), &[row], &columns, &rows)?;
///             }
///         }
///         Ok(())
///     }
/// }
/// # assert_eq!(OneAtATime.name(), "one_at_a_time");
/// ```
pub trait InsertStrategy: Send + Sync {
    /// A short name for reports, such as `batch`.
    fn name(&self) -> &str;

    /// Which circles of new rows the strategy can write. The plan is made accordingly.
    fn cycles(&self) -> Cycles;

    /// Whether [`insert`](InsertStrategy::insert) sends exactly one statement for this plan, which
    /// then needs no transaction around it: a commit is that one round trip.
    fn is_one_statement(&self, plan: &FlushPlan) -> bool {
        let _ = plan;
        false
    }

    /// Whether [`insert`](InsertStrategy::insert) also updates and deletes what the plan says, as
    /// [`OneTrip`] does in its statement. Otherwise the unit of work does so before the new rows are
    /// inserted, and afterwards what refers to them.
    fn writes_changes(&self) -> bool {
        false
    }

    /// Whether [`OneTrip`] may write a flush in this strategy's place where no order of statements is
    /// sure to do, as where a new row takes the key of a deleted one to which others refer. Large
    /// flushes try the usual order first, and one statement if it violates a constraint.
    ///
    /// The strategies of this crate allow it, since all of them leave the same rows. One whose rows
    /// are not those of plain inserts must not; such a flush then takes the usual order.
    fn gives_way(&self) -> bool {
        false
    }

    /// Whether the strategy asks for the size of so many new rows; see [`PlannedTable::bytes`].
    ///
    /// To know it, a commit has to encode every value twice. A strategy that picks among
    /// [others](InsertStrategy::alternatives) answers for them.
    fn needs_bytes(&self, rows: usize) -> bool {
        let _ = rows;
        true
    }

    /// The statements that [`insert`](InsertStrategy::insert) would send for this plan.
    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement>;

    /// Strategies to write these rows with in this one's place, the best first. None means that
    /// this one writes them itself.
    ///
    /// The next is taken where rows refer to each other in a circle that the one before cannot
    /// write, and where [`tries_next`](InsertStrategy::tries_next) says so. One that
    /// [gives way](InsertStrategy::gives_way) has [`OneTrip`] among them where that is of use.
    fn alternatives(&self, tables: &[PlannedTable]) -> Vec<&dyn InsertStrategy> {
        let _ = tables;
        Vec::new()
    }

    /// Whether the next of the [`alternatives`](InsertStrategy::alternatives) may succeed where
    /// one has failed with this error. Whatever the failed one wrote is undone first.
    fn tries_next(&self, plan: &FlushPlan, error: &Error) -> bool {
        let _ = (plan, error);
        false
    }

    /// Writes the rows.
    ///
    /// # Errors
    ///
    /// Those of the [`Flush`]'s methods. After an error the unit of work undoes everything.
    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error>;
}

impl<S: InsertStrategy + ?Sized> InsertStrategy for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn cycles(&self) -> Cycles {
        (**self).cycles()
    }

    fn is_one_statement(&self, plan: &FlushPlan) -> bool {
        (**self).is_one_statement(plan)
    }

    fn writes_changes(&self) -> bool {
        (**self).writes_changes()
    }

    fn gives_way(&self) -> bool {
        (**self).gives_way()
    }

    fn needs_bytes(&self, rows: usize) -> bool {
        (**self).needs_bytes(rows)
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        (**self).plan(plan)
    }

    fn alternatives(&self, tables: &[PlannedTable]) -> Vec<&dyn InsertStrategy> {
        (**self).alternatives(tables)
    }

    fn tries_next(&self, plan: &FlushPlan, error: &Error) -> bool {
        (**self).tries_next(plan, error)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        (**self).insert(flush)
    }
}

/// Whether a strategy's one statement is all that there is to send for this plan.
pub(crate) fn is_everything(strategy: &dyn InsertStrategy, plan: &FlushPlan) -> bool {
    let has_changes = !plan.updates().is_empty() || !plan.deletes().is_empty();
    strategy.is_one_statement(plan) && (strategy.writes_changes() || !has_changes)
}

/// A statement, or several alike, that a strategy would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    description: Cow<'static, str>,
    times: usize,
    round_trips: usize,
}

impl PlannedStatement {
    /// One statement, described for people, that takes one round trip.
    #[must_use]
    pub fn new(description: impl Into<Cow<'static, str>>) -> PlannedStatement {
        PlannedStatement { description: description.into(), times: 1, round_trips: 1 }
    }

    /// The inserts of so many rows of a table.
    pub(crate) fn insert(table: &Table, rows: usize, times: usize) -> PlannedStatement {
        let (plural, table) = (if rows == 1 { "" } else { "s" }, table.name());
        let text = match times {
            1 => format!("insert {rows} row{plural} into {table}"),
            _ => format!("insert into {table}, {rows} rows in all"),
        };
        PlannedStatement::new(text).times(times)
    }

    /// So many statements alike.
    #[must_use]
    pub fn times(mut self, times: usize) -> PlannedStatement {
        self.times = times;
        self
    }

    /// Each of them takes so many round trips.
    #[must_use]
    pub fn round_trips_each(mut self, round_trips: usize) -> PlannedStatement {
        self.round_trips = round_trips;
        self
    }

    /// What the statement does.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The number of statements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times
    }

    /// The number of round trips that they take together.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.times * self.round_trips
    }
}
