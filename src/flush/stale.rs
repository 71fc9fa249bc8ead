//! The error for rows that were to be changed and are not there.

use super::Flush;
use super::change::Change;
use crate::change_set::ChangedRows;
use crate::error::{Error, ErrorKind};

/// Rows of a step that were to be changed, of which some were not found.
pub(crate) struct Stale<'a> {
    /// The entities of the model.
    rows: &'a ChangedRows<'a>,
    /// The entities of the step, all of them.
    slots: Vec<u32>,
    /// How many were not found. Below 0, more were found than sought.
    missing: i64,
    /// The positions, among all, of those that were not found, as far as they are known.
    positions: Vec<usize>,
    /// What was to be done: `update` or `delete`.
    verb: &'static str,
}

impl<'a> Stale<'a> {
    /// Returns the rows of a change, of which `missing` were not found.
    pub(crate) fn new(
        flush: &Flush<'a, '_>,
        change: &Change<'_>,
        missing: i64,
        positions: Vec<usize>,
    ) -> Stale<'a> {
        let rows = &flush.changes().changed()[change.changed()];
        Stale { rows, slots: change.slots(rows), missing, positions, verb: change.verb() }
    }

    /// Returns the error, which names the entities.
    pub(crate) fn error(&self, flush: &Flush<'_, '_>) -> Error {
        let Stale { rows, slots, missing, positions, verb } = self;
        let table = rows.table();
        if *missing < 0 {
            let message = "several rows have the key of one entity, which the model says is unique";
            return Error::new(ErrorKind::Model, message).with_table(table.name());
        }
        let stale: Vec<u32> = positions.iter().filter_map(|&at| slots.get(at)).copied().collect();
        let what = match table.version() {
            Some(_) => "not in the database any more, or were changed by somebody else since",
            None => "not in the database any more",
        };
        let mut message = match (slots.len(), missing) {
            (1, _) => format!("the row to {verb} is {}", what.replace("were", "was")),
            (all, 1) => {
                format!("of {all} rows to {verb}, 1 is {}", what.replace("were", "was"))
            }
            (all, missing) => format!("of {all} rows to {verb}, {missing} are {what}"),
        };
        let keys: Option<Vec<String>> =
            stale.iter().take(SHOWN).map(|&slot| flush.changes().show_key(rows, slot)).collect();
        if let Some(keys) = keys {
            let more = if *missing as usize > keys.len() { ", …" } else { "" };
            message = format!("{message}: {}{more}", keys.join(", "));
        }
        let stale = stale.into_iter().map(|slot| flush.changes().name(rows, slot)).collect();
        Error::new(ErrorKind::Stale, message).with_table(table.name()).with_stale(stale).with_hint(
            "load what is there and decide again; a foreign key of the same commit that says ON \
             DELETE CASCADE, a trigger or a policy looks the same",
        )
    }
}

/// The most keys that a message spells out.
const SHOWN: usize = 8;
