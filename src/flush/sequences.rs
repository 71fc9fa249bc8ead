//! Sequences that are behind the keys that their columns hold.

use super::keys::render_sequence;
use crate::model::Table;
use crate::sql::Sql;

/// Returns the statement that moves the sequences of these columns of a key past all keys that the table
/// has. `keys_that_were_given_are_caught_up_with` in `src/unit_of_work/tests/` pins the text.
///
/// ```text
/// SELECT (WITH n AS MATERIALIZED (
///             SELECT …sequence, step, greatest key…, nextval(…sequence…) AS next …)
///         SELECT CASE WHEN behind > 1000000 THEN setval(sequence, key)
///                     WHEN behind > 0 THEN
///                         (SELECT max(next) FROM (SELECT nextval(sequence) AS next
///                                                 FROM generate_series(1, behind)) AS t) END
///         FROM (SELECT *, ceil((key - next) / step) AS behind FROM n) AS b)
/// ```
///
/// Nothing can lock a sequence but its owner. So keys are taken from it, as many as it is behind: whatever
/// others take at the same time, it only goes forward. Where it is far behind, that would take long, and
/// it is set: it was asked in the same statement, so it would go back only if others took a million keys
/// in between.
pub(crate) fn render_catch_up(table: &'static Table, columns: &[usize]) -> Sql {
    let mut sql = Sql::new();
    for (index, &column) in columns.iter().enumerate() {
        let name = table.columns()[column].name();
        let end = |sql: &mut Sql, function: &str| {
            sql.push("(SELECT ").push(function).push("(").name(name).push(") FROM ");
            sql.qualified(table.qualified_name()).push(")");
        };
        sql.push(if index == 0 { "SELECT " } else { ", " });
        sql.push("(WITH s AS MATERIALIZED (SELECT ");
        render_sequence(&mut sql, table, column);
        sql.push(" AS sequence), k AS MATERIALIZED (SELECT s.sequence, p.seqincrement AS step, ");
        sql.push("CASE WHEN p.seqincrement > 0 THEN ");
        end(&mut sql, "max");
        sql.push(" ELSE ");
        end(&mut sql, "min");
        sql.push(" END::numeric AS key FROM s JOIN pg_catalog.pg_sequence AS p ");
        sql.push("ON p.seqrelid = s.sequence), n AS MATERIALIZED (SELECT k.*, ");
        sql.push("nextval(k.sequence) AS next FROM k WHERE k.key IS NOT NULL) ");
        sql.push("SELECT CASE WHEN b.behind > 1000000 THEN setval(b.sequence, b.key::int8) ");
        sql.push(
            "WHEN b.behind > 0 THEN (SELECT max(t.next) FROM (SELECT nextval(b.sequence) AS next ",
        );
        sql.push("FROM generate_series(1, b.behind::int8)) AS t) END ");
        sql.push("FROM (SELECT n.*, ceil((n.key - n.next) / n.step) AS behind FROM n) AS b)");
    }
    sql
}
