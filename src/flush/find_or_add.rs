//! `FindOrAdd`: a step that finds or adds rows as SQL, as it is sent both as a statement of its own and
//! as a part of one; and what it returns.

use super::Flush;
use super::answer::Answer;
use super::array_source::{Group, KeyArray, KeyName};
use super::arrays::ArrayRows;
use super::statement_text::StatementText;
use crate::assignments::RowsOf;
use crate::error::{Error, ErrorKind};
use crate::flush_plan::{Assignment, FindOrAddStep};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Rows, Sql};

/// What the text of the error of a failed check begins with; the position of the step follows.
const AGAINST: &str = "onetrip find ";

/// A step that finds or adds rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FindOrAdd<'a> {
    pub(crate) step: &'a FindOrAddStep,
    /// The position of the step among those of its kind in the statement, by which its queries have
    /// their names.
    pub(crate) at: usize,
    /// What the names of queries begin with.
    pub(crate) prefix: &'a str,
}

impl<'a> FindOrAdd<'a> {
    /// Returns the table.
    pub(crate) fn table(&self) -> &'static Table {
        self.step.insert.description
    }

    /// Returns the columns that the step gives values to, by their position in the table.
    pub(crate) fn named(&self) -> Vec<usize> {
        let all = 0..self.table().columns().len();
        all.filter(|column| !self.step.left.contains(column)).collect()
    }

    /// Returns the keys that others refer to by the names of this step's arrays.
    pub(crate) fn key_arrays(&self) -> Vec<KeyArray> {
        let array = |&column: &usize| KeyArray {
            name: KeyName::Found { step: self.at, column },
            table: self.step.table(),
            column,
            rows: self.step.insert.rows.clone(),
        };
        self.table().key().iter().map(array).collect()
    }

    /// Returns the name of one of its queries.
    fn name(&self, letter: &str) -> String {
        format!("{}{letter}{}", self.prefix, self.at)
    }

    /// Returns the name of the query of one row that holds what the step returns.
    pub(crate) fn merged(&self) -> String {
        self.name("m")
    }

    /// Returns `true` if a part of the natural key is a key that may not be known yet, so that only the database
    /// can tell the order of the rows, which has to be everybody's.
    fn refers_by_natural_key(&self) -> bool {
        let natural = self.step.resolution.natural_key.columns();
        let mut foreign_keys = self.table().foreign_keys();
        foreign_keys.any(|key| key.columns.iter().any(|column| natural.contains(column)))
    }

    /// Appends the queries of the step, with `, ` between them.
    ///
    /// ```text
    /// f0 AS MATERIALIZED (
    ///     SELECT * FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, unnest($3) AS v2 FROM k) AS r
    ///     LEFT JOIN LATERAL (SELECT t.id AS r0, t.name AS r1, t.uses AS r2 FROM tags AS t
    ///                        WHERE t.name = r.v0::citext FOR KEY SHARE) AS t ON true),
    /// a0 AS (INSERT INTO tags AS t (name, uses) SELECT v0::citext, v1 FROM f0 WHERE r0 IS NULL
    ///     ON CONFLICT (name) DO UPDATE SET uses = t.uses
    ///     RETURNING t.id AS r0, t.name AS r1, t.uses AS r2, t.name AS q0),
    /// x0 AS MATERIALIZED (
    ///     SELECT f.v2 AS n, f.r0 IS NULL AS is_new,
    ///            CASE WHEN f.r0 IS NULL THEN a.r0 ELSE f.r0 END AS r0, …
    ///     FROM f0 AS f LEFT JOIN a0 AS a ON f.r0 IS NULL AND a.q0 = f.v0::citext),
    /// m0 AS MATERIALIZED (
    ///     SELECT ARRAY(SELECT r0 FROM x0 ORDER BY n) AS m0r0, …,
    ///            ARRAY(SELECT is_new FROM x0 ORDER BY n) AS m0new,
    ///            (SELECT count(DISTINCT r0) FROM x0 WHERE r0 IS NOT NULL) AS m0rows
    ///     FROM k)
    /// ```
    ///
    /// An upsert locks what it finds `FOR NO KEY UPDATE`, and has a query more:
    ///
    /// ```text
    /// w0 AS (UPDATE tags AS t SET uses = r.v1, … FROM f0 AS r WHERE t.id = r.r0
    ///     RETURNING r.v2 AS n, t.id AS r0, …)
    /// ```
    ///
    /// Rows are looked for first: what is there is not rewritten, and takes no number from a sequence.
    /// `ON CONFLICT` is for those who add the same at this moment. A join would read the whole table;
    /// `LATERAL` uses the index, and locks the rows in the order in which they come: by their natural
    /// keys, so that everybody locks them in one order.
    ///
    /// # Errors
    ///
    /// A value that cannot be sent along with those of other rows.
    pub(crate) fn render(&self, text: &mut StatementText<'_, '_>) -> Result<(), Error> {
        let (table, named) = (self.table(), self.named());
        let rows: Vec<u32> = {
            let all = &self.step.insert.rows;
            self.step.by_key.iter().map(|&at| all[at as usize]).collect()
        };
        let group = Group {
            of: RowsOf::New(self.step.table()),
            left_columns: self.step.left.clone(),
            rows,
        };
        let source = text.source();
        let cells = source.of(table, &group);
        let mut arrays = ArrayRows::new(&cells, &named, &mut text.params)?;
        let mut numbers = ArrayParam::new(SqlType::INT4, self.step.by_key.len());
        for &at in &self.step.by_key {
            numbers.push_i32(at as i32 + 1);
        }
        arrays.add_array(numbers, &mut text.params);
        let value = |column: usize| named.iter().position(|&other| other == column).unwrap_or(0);
        let number = named.len();
        let natural = self.step.resolution.natural_key.columns();
        let key = table.key();
        let assignments = self.step.assignments();
        let is_updated = !assignments.is_empty();
        let all: Vec<usize> = (0..table.columns().len()).collect();
        let (find, add, write, merge) =
            (self.name("f"), self.name("a"), self.name("w"), self.name("x"));
        let from = text.from.clone();
        let sql = &mut text.sql;

        sql.push(&find).push(" AS MATERIALIZED (SELECT * FROM ");
        if self.refers_by_natural_key() {
            sql.push("(SELECT * FROM ");
            arrays.render_table(&from, sql);
            sql.push(" ORDER BY ").list(natural, |sql, &column| {
                sql.push("r.v").number(value(column)).write_cast(table, column);
                if table.columns()[column].ty() == SqlType::TEXT && table.cast(column).is_none() {
                    sql.push(" COLLATE \"C\"");
                }
            });
            sql.push(") AS r");
        } else {
            arrays.render_table(&from, sql);
        }
        sql.push(" LEFT JOIN LATERAL (SELECT ");
        render_columns(table, &all, sql);
        sql.push(" FROM ").qualified(table.qualified_name()).push(" AS t WHERE ");
        for (at, &column) in natural.iter().enumerate() {
            sql.push(if at == 0 { "t." } else { " AND t." });
            sql.name(table.columns()[column].name()).push(" = r.v").number(value(column));
            sql.write_cast(table, column);
        }
        let lock = if is_updated { " FOR NO KEY UPDATE" } else { " FOR KEY SHARE" };
        sql.push(lock).push(") AS t ON true), ");

        sql.push(&add).push(" AS (INSERT INTO ").qualified(table.qualified_name());
        sql.push(" AS t (").columns(table, &named).push(") OVERRIDING SYSTEM VALUE SELECT ");
        sql.list(&named, |sql, &column| {
            sql.push("v").number(value(column)).write_cast(table, column);
        });
        sql.push(" FROM ").push(&find).push(" WHERE r").number(key[0]).push(" IS NULL");
        sql.push(" ON CONFLICT (").columns(table, natural).push(") DO UPDATE SET ");
        self.render_conflict(&assignments, sql);
        sql.push(" RETURNING ");
        render_columns(table, &all, sql);
        for (at, &column) in natural.iter().enumerate() {
            sql.push(", t.").name(table.columns()[column].name()).push(" AS q").number(at);
        }
        sql.push("), ");

        if is_updated {
            sql.push(&write).push(" AS (UPDATE ").qualified(table.qualified_name());
            sql.push(" AS t SET ");
            render_assignments(table, &assignments, sql, |sql, column| {
                sql.push("r.v").number(value(column)).write_cast(table, column);
            });
            sql.push(" FROM ").push(&find).push(" AS r WHERE ");
            for (at, &column) in key.iter().enumerate() {
                sql.push(if at == 0 { "t." } else { " AND t." });
                sql.name(table.columns()[column].name()).push(" = r.r").number(column);
            }
            sql.push(" RETURNING r.v").number(number).push(" AS n, ");
            render_columns(table, &all, sql);
            sql.push("), ");
        }

        sql.push(&merge).push(" AS MATERIALIZED (SELECT f.v").number(number).push(" AS n, f.r");
        sql.number(key[0]).push(" IS NULL AS is_new");
        let kept = if is_updated { "w" } else { "f" };
        for &column in &all {
            sql.push(", CASE WHEN f.r").number(key[0]).push(" IS NULL THEN a.r").number(column);
            sql.push(" ELSE ").push(kept).push(".r").number(column).push(" END AS r");
            sql.number(column);
        }
        sql.push(" FROM ").push(&find).push(" AS f LEFT JOIN ").push(&add);
        sql.push(" AS a ON f.r").number(key[0]).push(" IS NULL");
        for (at, &column) in natural.iter().enumerate() {
            sql.push(" AND a.q").number(at).push(" = f.v").number(value(column));
            sql.write_cast(table, column);
        }
        if is_updated {
            sql.push(" LEFT JOIN ").push(&write).push(" AS w ON w.n = f.v").number(number);
        }
        sql.push("), ");

        sql.push(&self.merged()).push(" AS MATERIALIZED (SELECT ");
        for &column in &all {
            let is_array = table.columns()[column].ty().is_array();
            let (before, after) = if is_array { ("array_send(", ")") } else { ("", "") };
            sql.push("ARRAY(SELECT ").push(before).push("r").number(column).push(after);
            sql.push(" FROM ").push(&merge).push(" ORDER BY n) AS ");
            KeyName::Found { step: self.at, column }.render(sql).push(", ");
        }
        sql.push("ARRAY(SELECT is_new FROM ").push(&merge).push(" ORDER BY n) AS m");
        sql.number(self.at).push("new, (SELECT count(DISTINCT (");
        sql.list(key, |sql, &column| {
            sql.push("r").number(column);
        });
        sql.push(")) FROM ").push(&merge).push(" WHERE r").number(key[0]);
        sql.push(" IS NOT NULL) AS m").number(self.at).push("rows").push(&from).push(")");
        Ok(())
    }

    /// Appends what is set in a row that somebody else adds at this moment: what an upsert sets, or a
    /// column to what it is. A column of an index would take a lock that stops those who refer to the row.
    fn render_conflict(&self, assignments: &[(usize, Assignment)], sql: &mut Sql) {
        let table = self.table();
        let name = |column: usize| table.columns()[column].name();
        if !assignments.is_empty() {
            return render_assignments(table, assignments, sql, |sql, column| {
                sql.push("EXCLUDED.").name(name(column));
            });
        }
        let is_indexed = |column: usize| {
            table.key().contains(&column)
                || table.all_natural_keys().iter().any(|key| key.columns().contains(&column))
        };
        let free = (0..table.columns().len())
            .find(|&column| !is_indexed(column) && !table.columns()[column].is_generated());
        let column = free.unwrap_or(self.step.resolution.natural_key.columns()[0]);
        sql.name(name(column)).push(" = t.").name(name(column));
    }

    /// Appends the check that every row was found or added, and each is another.
    ///
    /// ```text
    ///  WHEN m0rows <> $7 THEN 'onetrip find 0'
    /// ```
    pub(crate) fn render_check(&self, text: &mut StatementText<'_, '_>, sql: &mut Sql) {
        // A parameter: the text does not depend on the number of rows.
        let count = text.params.push_count(self.step.insert.rows.len() as u64);
        sql.push(" WHEN m").number(self.at).push("rows <> ").param(count);
        sql.push(" THEN '").push(AGAINST).number(self.at).push("'");
    }

    /// Appends the check that no row is one that the unit of work has loaded already.
    ///
    /// # Errors
    ///
    /// A key that cannot be encoded.
    pub(crate) fn render_loaded_check(
        &self,
        text: &mut StatementText<'_, '_>,
        checks: &mut Sql,
    ) -> Result<(), Error> {
        let (table, flush) = (self.table(), text.flush);
        let loaded = flush.changes().stored_key_values(self.step.table())?;
        if loaded.is_empty() {
            return Ok(());
        }
        let mut arrays = Vec::new();
        for (part, &column) in table.key().iter().enumerate() {
            let mut values = ArrayParam::new(table.columns()[column].ty(), loaded.len());
            for key in &loaded {
                match &key[part] {
                    Some(raw) => values.push_raw(raw)?,
                    None => values.push_null(),
                }
            }
            arrays.push(values);
        }
        checks.push(" WHEN EXISTS (SELECT FROM ").push(&self.name("x")).push(" AS x JOIN (SELECT ");
        let numbers: Vec<usize> =
            arrays.into_iter().map(|keys| text.params.push_array(keys)).collect();
        checks.list(numbers.iter().enumerate(), |sql, (at, &number)| {
            sql.push("unnest(").param(number).push(") AS l").number(at);
        });
        checks.push(") AS l ON ");
        for (at, &column) in table.key().iter().enumerate() {
            checks.push(if at == 0 { "x.r" } else { " AND x.r" }).number(column);
            checks.push(" = l.l").number(at);
        }
        checks.push(") THEN '").push(AGAINST).number(self.at).push(" loaded'");
        Ok(())
    }

    /// Appends the columns of the result: those of the table as arrays, and which rows are new.
    pub(crate) fn render_result(&self, sql: &mut Sql) {
        for column in 0..self.table().columns().len() {
            KeyName::Found { step: self.at, column }.render(sql.push(", "));
        }
        sql.push(", m").number(self.at).push("new");
    }

    /// Returns the number of columns of the result.
    pub(crate) fn result_columns(&self) -> usize {
        self.table().columns().len() + 1
    }

    /// Takes what the step has returned, from this column of the one row on.
    ///
    /// # Errors
    ///
    /// A column of another type than the model says.
    pub(crate) fn take(
        &self,
        flush: &mut Flush<'_, '_>,
        rows: &Rows,
        first: usize,
    ) -> Result<(), Error> {
        let (table, of, sent) = (self.table(), self.step.table(), &self.step.insert.rows);
        let answer = Answer::Arrays(rows, first);
        for (column, description) in table.columns().iter().enumerate() {
            let values = answer
                .column(column, description.ty())
                .map_err(|error| error.with_table(table.name()).with_column(description.name()))?;
            if values.len() != sent.len() {
                let message = "the rows that were found or added are not those that were sent";
                let error = Error::new(ErrorKind::RowMismatch, message);
                return Err(error.with_table(table.name()));
            }
            for (&row, value) in sent.iter().zip(values) {
                flush.assign(of, row, column, value);
            }
        }
        let new = answer.column(table.columns().len(), SqlType::BOOL)?;
        for (&row, is_new) in sent.iter().zip(new) {
            if is_new == Some(&[0][..]) {
                flush.note_found(of, row);
            }
        }
        flush.note_stored(of, sent);
        Ok(())
    }
}

/// Appends what columns of `t` are set to; `value` appends the entity's value.
///
/// ```text
/// note = r.v2, uses = t.uses + r.v1, version = t.version + 1
/// ```
fn render_assignments(
    table: &Table,
    assignments: &[(usize, Assignment)],
    sql: &mut Sql,
    value: impl Fn(&mut Sql, usize),
) {
    sql.list(assignments, |sql, &(column, to)| {
        let name = table.columns()[column].name();
        sql.name(name).push(" = ");
        if to != Assignment::Value {
            sql.push("t.").name(name).push(" + ");
        }
        match to {
            Assignment::Next => drop(sql.push("1")),
            Assignment::Value | Assignment::Sum => value(sql, column),
        }
    });
}

/// Appends columns of `t` as they are read: `t.id AS r0, t.name AS r1`, by their positions.
fn render_columns(table: &Table, columns: &[usize], sql: &mut Sql) {
    sql.list(columns, |sql, &column| {
        sql.read_column(table, column, "t.").push(" AS r").number(column);
    });
}

/// Appends the check that no row is that of two of these steps, all of one model.
pub(crate) fn render_one_row_check(steps: &[FindOrAdd<'_>], sql: &mut Sql) {
    let Some(last) = steps.last() else { return };
    let key = last.table().key();
    let columns = |sql: &mut Sql| {
        sql.list(key, |sql, &column| {
            sql.push("r").number(column);
        });
    };
    columns(sql.push(" WHEN (SELECT count(DISTINCT ("));
    sql.push(")) FROM (");
    for (at, step) in steps.iter().enumerate() {
        columns(sql.push(if at == 0 { "SELECT " } else { " UNION ALL SELECT " }));
        sql.push(" FROM ").push(&step.name("x"));
    }
    let rows = steps.iter().map(|step| step.step.insert.rows.len()).sum();
    sql.push(") AS x) <> ").number(rows);
    sql.push(" THEN '").push(AGAINST).number(last.at).push("'");
}

/// Returns the position of the step whose check has failed, and whether a row was loaded already.
pub(crate) fn failed(error: &Error) -> Option<(usize, bool)> {
    let text = error.to_string();
    let (_, rest) = text.split_once(AGAINST)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, rest[digits.len()..].starts_with(" loaded")))
}

/// Returns the error of a step whose check has failed.
pub(crate) fn explain(step: &FindOrAddStep, is_loaded: bool) -> Error {
    let table = step.insert.description;
    let names: Vec<_> = step
        .resolution
        .natural_key
        .columns()
        .iter()
        .map(|&column| table.columns()[column].name())
        .collect();
    let names = names.join(", ");
    if is_loaded {
        let message = format!(
            "an entity of the unit of work is the row that was found by ({names}), which the database \
             takes for equal, and the two are not equal here"
        );
        return Error::new(ErrorKind::Conflict, message)
            .with_table(table.name())
            .with_hint("use the entity that was loaded, or give both the same spelling");
    }
    let message = format!(
        "of the rows that were found or added by ({names}), two are one, or one was not stored as it was \
         sent: the database takes two spellings for equal, or a trigger, a rule or a policy has changed \
         the natural key"
    );
    Error::new(ErrorKind::Conflict, message)
        .with_table(table.name())
        .with_hint("give entities of one row the same spelling, as the database has it")
}
