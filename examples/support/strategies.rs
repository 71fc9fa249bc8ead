//! The strategies, by the names that the command lines take.

use onetrip::{Auto, Batch, Copy, OneTrip, RowByRow, UnitOfWork, Unnest};

/// A strategy that an example can be asked for.
#[derive(Debug)]
pub(crate) struct Strategy {
    pub(crate) name: &'static str,
    /// Sets it on a unit of work.
    pub(crate) apply: for<'c> fn(UnitOfWork<'c>) -> UnitOfWork<'c>,
}

/// In the order in which the demonstration shows them: the slowest first.
pub(crate) const STRATEGIES: &[Strategy] = &[
    Strategy { name: "row_by_row", apply: |uow| uow.with_strategy(RowByRow) },
    Strategy { name: "batch", apply: |uow| uow.with_strategy(Batch) },
    Strategy { name: "unnest", apply: |uow| uow.with_strategy(Unnest) },
    Strategy { name: "copy", apply: |uow| uow.with_strategy(Copy) },
    Strategy { name: "one_trip", apply: |uow| uow.with_strategy(OneTrip) },
    Strategy { name: "auto", apply: |uow| uow.with_strategy(Auto::new()) },
];

/// The library's own choice.
pub(crate) const DEFAULT: &Strategy = &STRATEGIES[STRATEGIES.len() - 1];

/// The strategy of this name.
///
/// # Errors
///
/// A message that lists the names there are.
pub(crate) fn find(name: &str) -> Result<&'static Strategy, String> {
    let found = STRATEGIES.iter().find(|strategy| strategy.name == name);
    found.ok_or_else(|| format!("no strategy is named {name:?}: there are {}", names()))
}

/// All names, for people.
pub(crate) fn names() -> String {
    let names: Vec<_> = STRATEGIES.iter().map(|strategy| strategy.name).collect();
    names.join(", ")
}
