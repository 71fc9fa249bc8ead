//! `Unnest`: ids first, then one statement a table, from arrays.

use super::arrays::{ArraySource, Group};
use super::reservation::Reservation;
use super::values::{InsertColumns, MAX_BYTES, begin_insert};
use super::{Flush, InsertStrategy, PlannedStatement};
use crate::error::Error;
use crate::flush_plan::{Cycles, FlushPlan, Step};
use crate::planned_table::PlannedTable;
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

    fn gives_way(&self) -> bool {
        true
    }

    fn plan(&self, plan: &FlushPlan) -> Vec<PlannedStatement> {
        Reservation::new(plan).planned_with_inserts(plan, |step| {
            inserts(plan, &plan.tables()[step.table()], step).len()
        })
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let plan = flush.plan();
        Reservation::new(plan).reserve(flush)?;
        for step in plan.steps() {
            insert(flush, &plan.tables()[step.table()], step)?;
        }
        Ok(())
    }
}

/// Writes the rows of a step, which are of this table. Every key of theirs, and of what they refer
/// to, is known.
pub(super) fn insert(
    flush: &mut Flush<'_, '_>,
    planned: &PlannedTable,
    step: &Step,
) -> Result<(), Error> {
    for group in inserts(flush.plan(), planned, step) {
        insert_group(flush, &group)?;
    }
    Ok(())
}

/// The inserts that the rows of a step take, which are of this table.
pub(super) fn inserts(plan: &FlushPlan, planned: &PlannedTable, step: &Step) -> Vec<Group> {
    let columns = planned.table().columns();
    // Where rows refer to rows of the same step, what comes first has to be written first.
    let groups = planned.groups(step.rows(), plan.is_ordered(step), |column| {
        columns[column].assigned_by().is_none()
    });
    groups
        .into_iter()
        .flat_map(|group| {
            let parts = planned.parts(&group.rows, usize::MAX, MAX_BYTES);
            let of_part = |rows: &&[u32]| Group {
                table: step.table(),
                left: group.left.clone(),
                rows: rows.to_vec(),
            };
            parts.iter().map(of_part).collect::<Vec<_>>()
        })
        .collect()
}

/// `INSERT INTO table (…) SELECT unnest($1), unnest($2) RETURNING …`.
fn insert_group(flush: &mut Flush<'_, '_>, group: &Group) -> Result<(), Error> {
    let table = flush.plan().tables()[group.table].table();
    let columns = InsertColumns::without(table, &group.left);
    let (mut sql, mut params) = (Sql::new(), Params::new());
    let source = ArraySource { changes: flush.changes(), assigned: flush.assigned(), keys: &[] };
    let rows = source.rows(table, group, columns.written(), &mut params)?;
    begin_insert(&mut sql, table, columns.written());
    rows.render("", sql.push(" "), |sql, index| {
        sql.write_cast(table, columns.written()[index]);
    });
    sql.push(" RETURNING ").read_columns(table, columns.returned());
    let returned =
        flush.query(sql.as_str(), &params).map_err(|error| error.with_table(table.name()))?;
    flush.returned(group.table, &group.rows, columns.returned(), &returned)
}
