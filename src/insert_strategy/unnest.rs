//! `Unnest`: ids first, then one statement a table, from arrays.

use super::InsertStrategy;
use super::reservation::Reservation;
use crate::assignments::RowsOf;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::arrays::{ArraySource, Group};
use crate::flush::values::{self, InsertColumns, MAX_BYTES, begin_insert};
use crate::flush_plan::{Cycles, InsertStep, Inserts, PlannedStatement, PlannedTable};
use crate::sql::{Params, Sql};

/// Reserves all keys in one query, then writes each table by one insert whose parameters are
/// arrays, one for each column: at most T + 3 round trips for T tables, any number of rows, and a
/// text that does not depend on it.
///
/// Rows of one table that leave different columns to their defaults take an insert for each such
/// set of columns. A table larger than 256 MiB is split, and tables that refer to each other take
/// one insert for each turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unnest;

impl InsertStrategy for Unnest {
    fn name(&self) -> &str {
        "unnest"
    }

    fn cycles(&self) -> Cycles {
        Cycles::OneRow
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        Reservation::new(inserts).planned_with_inserts(inserts, |step| {
            statements(inserts, &inserts.tables()[step.table()], step)
        })
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let inserts = flush.inserts();
        Reservation::new(&inserts).reserve(flush)?;
        for step in inserts.steps() {
            insert(flush, &inserts.tables()[step.table()], step)?;
        }
        Ok(())
    }
}

/// Writes the rows of a step, which are of this table. Every key of theirs, and of what they refer
/// to, is known.
pub(super) fn insert(
    flush: &mut Flush<'_, '_>,
    planned: &PlannedTable,
    step: &InsertStep,
) -> Result<(), Error> {
    let groups = groups(&flush.inserts(), planned, step);
    if groups.len() > MAX_GROUPS {
        let columns = values::insert_columns(planned);
        return values::insert(flush, step.table(), step.rows(), &columns);
    }
    for group in groups {
        match insert_group(flush, step.table(), &group) {
            // Values that cannot be sent along with those of other rows go as parameters of their own.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let columns = values::insert_columns(planned);
                values::insert(flush, step.table(), &group.rows, &columns)?;
            }
            result => result?,
        }
    }
    Ok(())
}

/// Where rows leave more sets of columns to their defaults, each row says itself which: the time of
/// an insert is much the same for one row and for hundreds.
const MAX_GROUPS: usize = 16;

/// How many inserts the rows of a step take, which are of this table.
pub(super) fn statements(
    inserts: &Inserts<'_>,
    planned: &PlannedTable,
    step: &InsertStep,
) -> usize {
    match groups(inserts, planned, step).len() {
        groups if groups > MAX_GROUPS => {
            values::parts(planned, step.rows(), &values::insert_columns(planned)).len()
        }
        groups => groups,
    }
}

/// The inserts that the rows of a step take, which are of this table.
fn groups(inserts: &Inserts<'_>, planned: &PlannedTable, step: &InsertStep) -> Vec<Group> {
    let columns = planned.table().columns();
    // Where rows refer to rows of the same step, what comes first has to be written first.
    let groups = planned.groups(step.rows(), inserts.is_ordered(step), |column| {
        columns[column].assigned_by().is_none()
    });
    groups
        .into_iter()
        .flat_map(|group| {
            let parts = planned.parts(&group.rows, usize::MAX, MAX_BYTES);
            let of_part = |rows: &&[u32]| Group {
                of: RowsOf::New(step.table()),
                left: group.left.clone(),
                rows: rows.to_vec(),
            };
            parts.iter().map(of_part).collect::<Vec<_>>()
        })
        .collect()
}

/// `INSERT INTO table (…) SELECT unnest($1), unnest($2) RETURNING …`.
fn insert_group(flush: &mut Flush<'_, '_>, table_index: usize, group: &Group) -> Result<(), Error> {
    let table = flush.inserts().tables()[table_index].table();
    let columns = InsertColumns::without(table, &group.left);
    let (mut sql, mut params) = (Sql::new(), Params::new());
    let source = ArraySource { changes: flush.changes(), assigned: flush.assigned(), keys: &[] };
    let rows = source.rows(table, group, columns.written(), &mut params)?;
    begin_insert(&mut sql, table, columns.written());
    rows.render("", sql.push(" "), |sql, index| {
        sql.write_cast(table, columns.written()[index]);
    });
    sql.push(" RETURNING ").returned_columns(table, columns.returned());
    let returned =
        flush.query(sql.as_str(), &params).map_err(|error| error.with_table(table.name()))?;
    flush.returned(table_index, &group.rows, columns.returned(), &returned)
}
