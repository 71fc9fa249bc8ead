//! Every strategy does the same: one suite, run against a real server for each of them.
//!
//! A case is a function that takes a [`Setup`]; the macro at the end of each file makes a test of
//! it for every strategy. A new strategy is one line in `suite!`.

#[path = "../common/mod.rs"]
mod common;

mod changes;
mod defaults;
mod deletes;
mod failures;
mod fallbacks;
mod graphs;
mod interference;
mod keys;
mod lifecycle;
mod names;
mod stale;
mod transactions;
mod unique;

use common::Schema;
use onetrip::{InsertStrategy, UnitOfWork};
use postgres::Client;

/// A strategy, and a schema of the case's own.
pub(crate) struct Setup {
    strategy: fn() -> Box<dyn InsertStrategy>,
    schema: Schema,
}

impl Setup {
    fn new(test: &str, strategy: fn() -> Box<dyn InsertStrategy>, sql: &str) -> Setup {
        let name = format!("{}_{test}", strategy().name());
        Setup { strategy, schema: Schema::new(&name, sql) }
    }

    /// A unit of work with the strategy.
    fn uow<'c>(&self, client: &'c mut Client) -> UnitOfWork<'c> {
        UnitOfWork::new(client).with_strategy((self.strategy)())
    }

    fn client(&self) -> Client {
        self.schema.client()
    }

    /// Whether a small commit is one statement, so that what it returns is read after it.
    fn commits_in_one_statement(&self) -> bool {
        ["one_trip", "auto"].contains(&&*self.name())
    }

    fn name(&self) -> String {
        (self.strategy)().name().to_owned()
    }
}

/// Makes a test of each case for each strategy. Cases are `name: "SQL of the tables"`.
macro_rules! suite {
    ($($case:ident: $sql:expr),* $(,)?) => {
        $crate::suite!(@ row_by_row, onetrip::RowByRow; $($case: $sql),*);
        $crate::suite!(@ batch, onetrip::Batch; $($case: $sql),*);
        $crate::suite!(@ unnest, onetrip::Unnest; $($case: $sql),*);
        $crate::suite!(@ copy, onetrip::Copy; $($case: $sql),*);
        $crate::suite!(@ one_trip, onetrip::OneTrip; $($case: $sql),*);
        $crate::suite!(@ auto, onetrip::Auto::new(); $($case: $sql),*);
    };
    (@ $name:ident, $strategy:expr; $($case:ident: $sql:expr),*) => {
        mod $name {
            $(
                #[test]
                fn $case() {
                    super::$case(&$crate::Setup::new(stringify!($case), || Box::new($strategy), $sql));
                }
            )*
        }
    };
}
pub(crate) use suite;
