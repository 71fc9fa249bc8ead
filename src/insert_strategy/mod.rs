//! `InsertStrategy`: how the new rows of a flush are written.

mod batch;
mod flush;
mod keys;
mod one_trip;
mod returned;
mod row_by_row;
mod values;

use std::borrow::Cow;

pub use batch::Batch;
pub use flush::{Bound, Flush};
pub use one_trip::OneTrip;
pub use row_by_row::RowByRow;

use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan};

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

    /// The statements that [`insert`](InsertStrategy::insert) would send for this plan.
    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement>;

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

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        (**self).plan(plan)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        (**self).insert(flush)
    }
}

/// A statement, or several alike, that a strategy would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    description: Cow<'static, str>,
    times: usize,
}

impl PlannedStatement {
    /// One statement, described for people.
    #[must_use]
    pub fn new(description: impl Into<Cow<'static, str>>) -> PlannedStatement {
        PlannedStatement { description: description.into(), times: 1 }
    }

    /// So many statements alike.
    #[must_use]
    pub fn times(mut self, times: usize) -> PlannedStatement {
        self.times = times;
        self
    }

    /// What the statement does.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The number of statements, each of which is one round trip.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times
    }
}
