//! Two entities, of different models, that are one row.

use std::collections::HashMap;

use crate::change_set::{ChangeSet, ChangedRows};
use crate::error::{Error, ErrorKind};

/// Returns `true` if a row is updated by entities of two models: one statement can change it once.
///
/// # Errors
///
/// [`ErrorKind::Conflict`] when one of the two deletes the row, when both set a column, and when they
/// have a version, which the first update would count up.
pub(crate) fn is_updated_twice(changes: &ChangeSet<'_>) -> Result<bool, Error> {
    let (changed, mut is_any) = (changes.changed(), false);
    for (at, rows) in changed.iter().enumerate() {
        let is_same = |other: &&ChangedRows<'_>| {
            other.model() != rows.model() && other.table().is(rows.table()) && same_key(rows, other)
        };
        for other in changed[at + 1..].iter().filter(is_same) {
            let of_other: HashMap<_, u32> =
                other.by_key().iter().map(|(key, slot)| (key, *slot)).collect();
            for (key, slot) in rows.by_key() {
                if let Some(&other_slot) = of_other.get(key).filter(|_| key.is_some()) {
                    check(changes, (rows, *slot), (other, other_slot))?;
                    is_any = true;
                }
            }
        }
    }
    Ok(is_any)
}

fn same_key(rows: &ChangedRows<'_>, other: &ChangedRows<'_>) -> bool {
    let names = |rows: &ChangedRows<'_>| -> Vec<&'static str> {
        let table = rows.table();
        table.key().iter().map(|&column| table.columns()[column].name()).collect()
    };
    names(rows) == names(other)
}

/// Finds out whether both entities of a row can be written, one after the other.
fn check(
    changes: &ChangeSet<'_>,
    (rows, slot): (&ChangedRows<'_>, u32),
    (other, other_slot): (&ChangedRows<'_>, u32),
) -> Result<(), Error> {
    let table = rows.table();
    let sets = |rows: &ChangedRows<'_>, slot: u32| -> Option<Vec<&'static str>> {
        let updated = rows.updated().iter().find(|&&updated| rows.slot_of(updated.row) == slot)?;
        let name = |&(column, _): &(usize, _)| rows.table().columns()[column].name();
        Some(rows.columns_of(*updated).iter().map(name).collect())
    };
    let refuse = |what: String| {
        let keys = changes.show_key(rows, slot).map(|key| format!(": {key}")).unwrap_or_default();
        let message = format!("two entities of different models are one row, {what}{keys}");
        Err(Error::new(ErrorKind::Conflict, message).with_table(table.name()).with_hint(
            "change the row by one of the two, or commit in between and refresh the other",
        ))
    };
    let (Some(columns), Some(others)) = (sets(rows, slot), sets(other, other_slot)) else {
        return refuse("and one of them is to be deleted".to_owned());
    };
    let is_key = |name: &&'static str| {
        table.key().iter().any(|&column| table.columns()[column].name() == *name)
    };
    if columns.iter().chain(&others).any(is_key) {
        return refuse("and one of them changes its key".to_owned());
    }
    if table.version().is_some() || other.table().version().is_some() {
        return refuse("which has a version, and both have changed".to_owned());
    }
    match columns.iter().find(|column| others.contains(column)) {
        Some(column) => refuse(format!("and both set its column {column}")),
        None => Ok(()),
    }
}
