//! The strategies: the one list that examples, suites and benchmarks share.

use onetrip::Strategy;

/// Calls a macro with what it was given, in braces, and with every strategy: its name, and an
/// expression. The slowest comes first.
macro_rules! with_strategies {
    ($($callback:ident)::+!($($given:tt)*)) => {
        $($callback)::+! {
            { $($given)* }
            row_by_row: onetrip::RowByRow,
            batch: onetrip::Batch,
            unnest: onetrip::Unnest,
            copy: onetrip::Copy,
            one_trip: onetrip::OneTrip,
            auto: onetrip::Auto::new(),
        }
    };
}
#[allow(unused_imports, reason = "some suites make a test for each strategy")]
pub(crate) use with_strategies;

macro_rules! list {
    ({} $($name:ident: $strategy:expr,)*) => {
        &[$(Named { name: stringify!($name), strategy: || $strategy.into() },)*]
    };
}

/// A strategy by the name that command lines take.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    #[allow(dead_code, reason = "some suites make a test for each strategy")]
    pub(crate) strategy: fn() -> Strategy,
}

/// All of them.
pub(crate) const STRATEGIES: &[Named] = with_strategies!(list!());

/// The library's own choice.
#[allow(dead_code, reason = "the suites have no choice to offer")]
pub(crate) const DEFAULT: &Named = &STRATEGIES[STRATEGIES.len() - 1];

/// The strategy of this name.
///
/// # Errors
///
/// A message that lists the names there are.
#[allow(dead_code, reason = "the suites take all")]
pub(crate) fn find(name: &str) -> Result<&'static Named, String> {
    let found = STRATEGIES.iter().find(|strategy| strategy.name == name);
    found.ok_or_else(|| format!("no strategy is named {name:?}: there are {}", names()))
}

/// All names, for people.
#[allow(dead_code, reason = "the suites take all")]
pub(crate) fn names() -> String {
    let names: Vec<_> = STRATEGIES.iter().map(|strategy| strategy.name).collect();
    names.join(", ")
}
