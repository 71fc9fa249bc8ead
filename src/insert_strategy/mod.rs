//! `InsertStrategy`: how the rows of insert steps are sent.

mod batch;
mod copy;
mod reservation;
mod row_by_row;
mod unnest;

pub use batch::Batch;
pub use copy::Copy;
pub use row_by_row::RowByRow;
pub use unnest::Unnest;

use crate::error::Error;
use crate::flush::Flush;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};

/// A way to send the rows of insert steps, for a flush that is written step by step.
///
/// The unit of work has ordered the rows and opened the transaction. Afterwards it commits and gives
/// the assigned values to the entities. A strategy sends statements through the [`Flush`] and hands
/// over what they returned. It never sees an entity, so it cannot leave an entity half changed. The
/// unit of work itself updates and deletes rows.
///
/// A strategy of your own needs no more than this. This strategy writes rows one at a time:
///
/// ```
/// use onetrip::{Bound, Cycles, Error, Flush, Inserts, InsertStrategy, Params, PlannedStatement};
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
///     fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
///         vec![PlannedStatement::new("insert a row").times(inserts.rows())]
///     }
///
///     fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
///         let inserts = flush.inserts();
///         for step in inserts.steps() {
///             let table = inserts.tables()[step.table()].table();
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
    /// Returns a short name for reports, such as `batch`.
    fn name(&self) -> &str;

    /// Returns the circles of new rows that the strategy can write. The plan depends on them.
    fn cycles(&self) -> Cycles;

    /// Returns the statements that [`insert`](InsertStrategy::insert) would send for these steps.
    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement>;

    /// Writes the rows of [`Flush::inserts`].
    ///
    /// It is called once for each run of insert steps with no other steps between: mostly once.
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

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        (**self).plan(inserts)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        (**self).insert(flush)
    }
}
