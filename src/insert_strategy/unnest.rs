//! `Unnest`: ids first, then one statement a table, from arrays.

use super::InsertStrategy;
use super::reservation::Reservation;
use crate::assignments::RowsOf;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::array_source::Group;
use crate::flush::arrays::ArrayRows;
use crate::flush::statement_text::StatementText;
use crate::flush::values::{self, InsertColumns, MAX_BYTES, begin_insert};
use crate::flush_plan::{Cycles, InsertStep, Inserts, PlannedStatement, PlannedTable};

/// Reserves all keys in one query, then writes each table by one insert whose parameters are arrays,
/// one for each column: at most T + 3 round trips for T tables and any number of rows. The text of an
/// insert does not depend on the number of rows.
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

/// Writes the rows of a step, which are of this table. Their keys, and those of what they refer to,
/// are known.
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
        match insert_group(flush, &group) {
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

/// Returns how many inserts the rows of a step take, which are of this table.
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

/// Returns the rows of each insert of a step, which are of this table.
fn groups(inserts: &Inserts<'_>, planned: &PlannedTable, step: &InsertStep) -> Vec<Group> {
    let columns = planned.table().columns();
    // Where rows refer to rows of the same step, what comes first has to be written first.
    let groups = planned.groups(step.rows(), inserts.group_order(step), |column| {
        columns[column].assigned_by().is_none()
    });
    groups
        .into_iter()
        .flat_map(|group| {
            let parts = planned.parts(&group.rows, usize::MAX, MAX_BYTES);
            let of_part = |rows: &&[u32]| Group {
                of: RowsOf::New(step.table()),
                left_columns: group.left.clone(),
                rows: rows.to_vec(),
            };
            parts.iter().map(of_part).collect::<Vec<_>>()
        })
        .collect()
}

/// Inserts the rows of a group by one statement.
///
/// ```text
/// INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
/// SELECT unnest($1), unnest($2)
/// RETURNING COALESCE(NULL::int4, id) AS id
/// ```
///
/// `tests/book.rs` compares the text with `docs/src/strategies.md`.
fn insert_group(flush: &mut Flush<'_, '_>, group: &Group) -> Result<(), Error> {
    let table = flush.inserts().tables()[group.table()].table();
    let columns = InsertColumns::without(table, &group.left_columns);
    let mut text = StatementText::new(flush);
    let cells = text.source().of(table, group);
    let rows = ArrayRows::new(&cells, columns.named(), &mut text.params)?;
    begin_insert(&mut text.sql, table, columns.named());
    rows.render("", text.sql.push(" "), |sql, index| {
        sql.write_cast(table, columns.named()[index]);
    });
    text.sql.returning(table, columns.returned(), flush.is_distributed());
    let (sql, params) = text.finish();
    let returned =
        flush.query(sql.as_str(), &params).map_err(|error| error.with_table(table.name()))?;
    flush.returned(group.table(), &group.rows, columns.returned(), &returned)
}
