//! The text by which a statement names the rows that it has not inserted, and fails.

use super::group_insert::GroupInsert;
use crate::flush::arrays::ArrayRows;
use crate::sql::Sql;

/// What the text of the error begins with. The groups follow, each with the numbers of its rows.
pub(super) const BLAME: &str = "onetrip blame";

/// The most rows of a group that are named.
const MAX_NAMED: usize = 100;

/// Appends an argument of the text that names the rows of a group that are missing.
///
/// ```text
/// , ' i0', (SELECT string_agg(' ' || n, '') FROM (
///      SELECT n FROM (SELECT unnest(k0) AS v, generate_subscripts(k0, 1) AS n) AS s
///      WHERE v NOT IN (SELECT r0 FROM i0) ORDER BY n LIMIT 100) AS m)
/// ```
pub(super) fn render_missing(
    at: usize,
    name: &str,
    insert: GroupInsert<'_>,
    rows: &ArrayRows,
    sql: &mut Sql,
) {
    let key = insert.named().iter().position(|column| Some(column) == insert.table.key().first());
    let Some(key) = key else { return };
    let mut array = Sql::new();
    if !rows.render_array(key, &mut array) {
        return;
    }
    let array = array.as_str();
    sql.push(&format!(
        ", ' i{at}', (SELECT string_agg(' ' || n, '') FROM (\
         SELECT n FROM (SELECT unnest({array}) AS v, generate_subscripts({array}, 1) AS n) AS s \
         WHERE v NOT IN (SELECT r0 FROM {name}) ORDER BY n LIMIT {MAX_NAMED}) AS m)"
    ));
}

/// Appends the expression that always fails, with these arguments.
pub(super) fn render_failure(missing: &Sql, sql: &mut Sql) {
    sql.push("concat('").push(BLAME).push("'").push(missing.as_str()).push(")::int4");
}
