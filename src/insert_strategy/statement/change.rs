//! The updates and deletes of the one statement.

use super::AGAINST;
use crate::change_set::{ChangedRows, SetTo, UpdateGroup};
use crate::error::Error;
use crate::insert_strategy::Flush;
use crate::insert_strategy::arrays::{ArrayRows, ArraySource, Group};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// The columns of updated rows that are read back: those that the database can set.
pub(super) fn read_back(table: &Table) -> Vec<usize> {
    let columns = table.columns();
    let is_set = |column: &usize| {
        columns[*column].has_server_default() && !table.key().contains(column)
            || columns[*column].is_version()
    };
    (0..columns.len()).filter(is_set).collect()
}

/// Appends the update of a group, whose rows come from `from`.
///
/// ```text
/// UPDATE accounts AS t SET balance = r.v0, version = t.version + 1
/// FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2, unnest($4) AS v3 FROM k) AS r
/// WHERE t.id = r.v1 AND t.version = r.v2
/// RETURNING r.v3 AS n, t.version AS r0
/// ```
pub(super) fn render_update(
    flush: &Flush<'_, '_>,
    source: &ArraySource<'_>,
    (changed, group): (usize, &UpdateGroup),
    from: &str,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let rows = &flush.changes().changed()[changed];
    let table = rows.table();
    let is_value = |&(column, to): &(usize, SetTo)| (to == SetTo::Value).then_some(column);
    let written: Vec<usize> = group.columns.iter().filter_map(is_value).collect();
    let cells = Group {
        table: flush.changes().updated_table(changed),
        left: Vec::new(),
        rows: group.rows.clone(),
    };
    let mut arrays = source.rows(table, &cells, &written, params)?;

    sql.push("UPDATE ").qualified(table.qualified_name()).push(" AS t SET ");
    let mut value = 0;
    sql.list(&group.columns, |sql, &(column, to)| {
        sql.name(table.columns()[column].name());
        match to {
            SetTo::Default => sql.push(" = DEFAULT"),
            SetTo::Value => {
                value += 1;
                sql.push(" = r.v").number(value - 1).write_cast(table, column)
            }
        };
    });
    if let Some(version) = table.version() {
        let name = table.columns()[version].name();
        sql.push(", ").name(name).push(" = t.").name(name).push(" + 1");
    }
    let slots = rows.slots_of(group);
    let matched = Matched::add(flush, rows, &slots, written.len(), &mut arrays, params)?;
    render_arrays(&arrays, from, sql.push(" FROM "));
    matched.render(table, sql);
    for (at, column) in read_back(table).into_iter().enumerate() {
        sql.push(", t.").read_columns(table, &[column]).push(" AS r").number(at);
    }
    Ok(())
}

/// Appends the delete of some entities, likewise.
pub(super) fn render_delete(
    flush: &Flush<'_, '_>,
    (changed, slots): (usize, &[u32]),
    from: &str,
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let rows = &flush.changes().changed()[changed];
    let table = rows.table();
    let mut arrays = ArrayRows::default();
    let matched = Matched::add(flush, rows, slots, 0, &mut arrays, params)?;
    sql.push("DELETE FROM ").qualified(table.qualified_name()).push(" AS t USING ");
    render_arrays(&arrays, from, sql);
    matched.render(table, sql);
    Ok(())
}

/// Appends a query that locks rows of a table one after the other, and counts them.
///
/// ```text
/// SELECT count(*) FROM (SELECT unnest($1) AS v0 FROM k) AS r,
///     LATERAL (SELECT FROM accounts AS t WHERE t.id = r.v0 FOR NO KEY UPDATE) AS l
/// ```
///
/// An update of many rows locks them in whatever order the planner finds them. Two of them that
/// meet in a different order would wait for each other. A subquery that locks cannot be merged into
/// the query around it, so it runs once for each key, in their order.
pub(super) fn render_locks(
    flush: &Flush<'_, '_>,
    rows: &ChangedRows<'_>,
    slots: &[u32],
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let (table, mut arrays) = (rows.table(), ArrayRows::default());
    for &column in table.key() {
        arrays.add_array(stored_values(flush, rows, slots, column)?, params);
    }
    render_arrays(&arrays, " FROM k", sql.push("SELECT count(*) FROM "));
    sql.push(", LATERAL (SELECT FROM ").qualified(table.qualified_name()).push(" AS t");
    render_match(table, table.key(), 0, sql);
    sql.push(if rows.locks_keys() { " FOR UPDATE) AS l" } else { " FOR NO KEY UPDATE) AS l" });
    Ok(())
}

/// These columns of entities as the database has them.
fn stored_values(
    flush: &Flush<'_, '_>,
    rows: &ChangedRows<'_>,
    slots: &[u32],
    column: usize,
) -> Result<ArrayParam, Error> {
    let mut array = ArrayParam::new(rows.table().columns()[column].ty(), slots.len());
    for &slot in slots {
        array.push_encoded(|out| {
            flush.changes().stored_value(rows, slot, column, out).map(|()| (true, ()))
        })?;
    }
    Ok(array)
}

/// Appends the rows of arrays as a table `r` with the columns `v0`, `v1`, ….
fn render_arrays(arrays: &ArrayRows, from: &str, sql: &mut Sql) {
    sql.push("(");
    arrays.render(from, sql, |sql, index| {
        sql.push(" AS v").number(index);
    });
    sql.push(") AS r");
}

/// Appends the condition that these columns are those of `r`, from `v{first}` on.
fn render_match(table: &'static Table, columns: &[usize], first: usize, sql: &mut Sql) {
    for (at, &column) in columns.iter().enumerate() {
        sql.push(if at == 0 { " WHERE t." } else { " AND t." });
        sql.name(table.columns()[column].name());
        sql.push(" = r.v").number(first + at).write_cast(table, column);
    }
}

/// The columns by which rows are found: the key as the database has it, and the version. After them
/// comes the row's number, counted from 1.
struct Matched {
    columns: Vec<usize>,
    /// The position of the first of them in the arrays.
    first: usize,
}

impl Matched {
    fn add(
        flush: &Flush<'_, '_>,
        rows: &ChangedRows<'_>,
        slots: &[u32],
        first: usize,
        arrays: &mut ArrayRows,
        params: &mut Params,
    ) -> Result<Matched, Error> {
        let table = rows.table();
        let columns: Vec<usize> = table.key().iter().copied().chain(table.version()).collect();
        for &column in &columns {
            arrays.add_array(stored_values(flush, rows, slots, column)?, params);
        }
        let mut numbers = ArrayParam::new(SqlType::INT4, slots.len());
        (1..).take(slots.len()).for_each(|number| numbers.push_i32(number));
        arrays.add_array(numbers, params);
        Ok(Matched { columns, first })
    }

    fn render(&self, table: &'static Table, sql: &mut Sql) {
        render_match(table, &self.columns, self.first, sql);
        let number = self.first + self.columns.len();
        sql.push(" RETURNING r.v").number(number).push(" AS n");
    }
}

/// Appends the check that as many rows were found as were sought, with the numbers of those that were not.
pub(super) fn check(name: &str, count: usize, checks: &mut Sql) {
    checks.push(&format!(
        " WHEN (SELECT count(*) FROM {name}) <> ${count} THEN '{AGAINST} {name} ' \
         || (${count} - (SELECT count(*) FROM {name})) || ' ' \
         || array_to_string(ARRAY(SELECT s FROM generate_series(1, ${count}) AS s \
         EXCEPT SELECT n FROM {name} ORDER BY 1 LIMIT {MAX_NAMED}), ' ')"
    ));
}

/// The most entities that an error names.
const MAX_NAMED: usize = 100;
