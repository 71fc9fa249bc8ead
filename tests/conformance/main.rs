//! Every strategy does the same: one suite, run against a real server for each of them.
//!
//! A case is a function that takes a [`Setup`]; the macro at the end of each file makes a test of
//! it for every strategy.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../examples/support/strategies.rs"]
mod strategies;

mod changes;
mod defaults;
mod deletes;
mod disguises;
mod failures;
mod fallbacks;
mod graphs;
mod interference;
mod keys;
mod lifecycle;
mod marks;
mod names;
mod natural;
mod stale;
mod steps;
mod transactions;
mod unique;

use common::Schema;
use onetrip::{Strategy, UnitOfWork};
use postgres::Client;

/// A strategy, and a schema of the case's own.
pub(crate) struct Setup {
    /// That of the strategy in the suite.
    name: &'static str,
    strategy: fn() -> Strategy,
    schema: Schema,
}

impl Setup {
    fn new(name: &'static str, test: &str, strategy: fn() -> Strategy, sql: &str) -> Setup {
        Setup { name, strategy, schema: Schema::new(&format!("{name}_{test}"), sql) }
    }

    /// A unit of work with the strategy.
    fn uow<'c>(&self, client: &'c mut Client) -> UnitOfWork<'c> {
        UnitOfWork::new(client).with_strategy((self.strategy)())
    }

    fn client(&self) -> Client {
        self.schema.client()
    }

    /// For what belongs to a session, such as its role.
    fn session(&self) -> Client {
        self.schema.session()
    }

    /// Whether a commit with so many new rows is one statement, so that what it returns is read after
    /// it.
    fn commits_in_one_statement(&self, rows: usize) -> bool {
        ["one_trip", "auto"].contains(&self.name) || (self.name == "auto_up_to_1" && rows <= 1)
    }

    /// The round trips of a commit that only changes rows, of which there are so many.
    fn round_trips_of_changes(&self, rows: usize) -> u64 {
        // One row at a time, between BEGIN and COMMIT, once the catalog was asked for an order.
        if self.name == "row_by_row" { rows as u64 + 3 } else { 1 }
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }
}

/// Makes a test of each case for each strategy, and for `Auto` where nothing, and next to nothing,
/// fits one statement. Cases are `name: "SQL of the tables"`.
macro_rules! suite {
    ($($cases:tt)*) => {
        crate::strategies::with_strategies!(crate::suite_of!($($cases)*));
        crate::suite_of! {
            { $($cases)* }
            auto_up_to_0: onetrip::Auto::new().max_rows(0),
            auto_up_to_1: onetrip::Auto::new().max_rows(1),
        }
    };
}
pub(crate) use suite;

macro_rules! suite_of {
    ($cases:tt $($name:ident: $strategy:expr,)*) => {
        $(mod $name { $crate::tests_of! { $name: $strategy; $cases } })*
    };
}
pub(crate) use suite_of;

macro_rules! tests_of {
    ($name:ident: $strategy:expr; { $($case:ident: $sql:expr),* $(,)? }) => {
        $(
            #[test]
            fn $case() {
                let name = stringify!($name);
                let setup = $crate::Setup::new(name, stringify!($case), || $strategy.into(), $sql);
                super::$case(&setup);
            }
        )*
    };
}
pub(crate) use tests_of;
