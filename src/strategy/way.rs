//! `Way` and `Reason`: how a commit was written, and why so.

use std::fmt;

/// The way in which the steps of a plan are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// All steps as one statement.
    OneStatement,
    /// The steps one after the other, each as plain statements of one transaction.
    StepByStep,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::OneStatement => "one statement",
            Way::StepByStep => "step by step",
        })
    }
}

/// The reason why a commit takes its [way](Way).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The strategy writes such commits that way.
    Strategy,
    /// The commit is larger than the limits of [`Auto`](crate::Auto).
    Size,
    /// Rows wait for each other in a circle, so that no order of statements can write them.
    Circle,
    /// One statement would not mean what its steps mean. A foreign key acts on rows that are deleted
    /// or get another key, and others take their place; or a trigger looks for rows of the commit.
    Action,
    /// The order of the other way's statements may have violated a constraint.
    Order,
    /// Changed rows pass unique values on to each other.
    PassedOn,
    /// Entities of two models are one row, which one statement can change only once.
    SameRow,
    /// A value cannot be sent along with those of other rows, such as an array of several dimensions.
    Value,
    /// The server has refused the other way, now or for an earlier commit: the SQLSTATE.
    Refused(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Strategy => f.write_str("the strategy writes it that way"),
            Reason::Size => f.write_str("it is too large for one statement"),
            Reason::Circle => f.write_str("rows wait for each other in a circle"),
            Reason::Action => {
                f.write_str("a foreign key or a trigger would act otherwise on one statement")
            }
            Reason::Order => f.write_str("another order would violate a constraint"),
            Reason::PassedOn => f.write_str("rows pass unique values on to each other"),
            Reason::SameRow => f.write_str("entities of two models are one row"),
            Reason::Value => f.write_str("a value cannot be sent along with those of other rows"),
            Reason::Refused(code) => {
                write!(f, "the server refused the other way (SQLSTATE {code})")
            }
        }
    }
}
