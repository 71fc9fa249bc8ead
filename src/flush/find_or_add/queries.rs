//! The queries of a step that finds or adds rows.

use super::{FindOrAdd, StatementText};
use crate::assignments::RowsOf;
use crate::error::Error;
use crate::flush::array_source::{Group, KeyName};
use crate::flush::arrays::ArrayRows;
use crate::flush_plan::Assignment;
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Sql};

impl FindOrAdd<'_> {
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
    /// `a_row_is_found_or_added` and `a_row_is_updated_or_added` pin the text.
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
        let named = self.named();
        let sent = self.sent_rows(&named, text)?;
        let is_distributed = text.flush.is_distributed();
        let assignments = self.step.assignments();
        let queries = Queries { step: *self, named, assignments, is_distributed };
        let (from, sql) = (text.from.clone(), &mut text.sql);
        let find = if is_distributed { Queries::render_find_apart } else { Queries::render_find };
        find(&queries, &sent, &from, sql.push(&self.name("f")).push(" AS MATERIALIZED ("));
        queries.render_add(sql.push("), ").push(&self.name("a")).push(" AS ("));
        if queries.is_update() {
            queries.render_update(sql.push("), ").push(&self.name("w")).push(" AS ("));
        }
        queries.render_merge(sql.push("), ").push(&self.name("x")).push(" AS MATERIALIZED ("));
        queries.render_arrays(sql.push("), ").push(&self.merged()).push(" AS MATERIALIZED ("));
        sql.push(&from).push(")");
        Ok(())
    }

    /// Returns the rows of the step in the order of their natural keys, with the columns that it gives
    /// values to, and their numbers, counted from 1, as one column more.
    fn sent_rows(
        &self,
        named: &[usize],
        text: &mut StatementText<'_, '_>,
    ) -> Result<ArrayRows, Error> {
        let (rows, by_key) = (&self.step.insert.rows, &self.step.by_key);
        let group = Group {
            of: RowsOf::New(self.step.table()),
            left_columns: self.step.left.clone(),
            rows: by_key.iter().map(|&at| rows[at as usize]).collect(),
        };
        let source = text.source();
        let mut sent = ArrayRows::new(&source.of(self.table(), &group), named, &mut text.params)?;
        let mut numbers = ArrayParam::new(SqlType::INT4, by_key.len());
        for &at in by_key {
            numbers.push_i32(at as i32 + 1);
        }
        sent.add_array(numbers, &mut text.params);
        if text.flush.is_distributed() {
            for (position, &column) in named.iter().enumerate() {
                sent.cast_at(position, self.table(), column);
            }
        }
        Ok(sent)
    }

    /// Returns `true` if a part of the natural key is a key that may not be known yet, so that only the
    /// database can tell the order of the rows, which has to be everybody's.
    fn refers_by_natural_key(&self) -> bool {
        let natural = self.step.resolution.natural_key.columns();
        let mut foreign_keys = self.table().foreign_keys();
        foreign_keys.any(|key| key.columns.iter().any(|column| natural.contains(column)))
    }
}

/// The queries of a step. Each has what it takes from the others by these names: `v{position}` is a value
/// that was sent, by its position among the columns that the step gives values to, with the number of the
/// row after the last; `r{column}` is what the row of the table has.
struct Queries<'a> {
    step: FindOrAdd<'a>,
    /// The columns that the step gives values to.
    named: Vec<usize>,
    /// What is set in the rows that are there.
    assignments: Vec<(usize, Assignment)>,
    /// Values are cast where they are sent, and what an update returns is cast where it is read: Citus takes
    /// few casts elsewhere.
    is_distributed: bool,
}

impl Queries<'_> {
    fn table(&self) -> &'static Table {
        self.step.table()
    }

    fn natural_key(&self) -> &'static [usize] {
        self.step.step.resolution.natural_key.columns()
    }

    /// Returns `true` if the rows that are there are written.
    fn is_update(&self) -> bool {
        !self.assignments.is_empty()
    }

    /// Returns the column of the primary key by which a row is known to be there: it is never NULL.
    fn any_key(&self) -> usize {
        self.table().key()[0]
    }

    /// Appends the value that was sent for a column, as what the column holds.
    fn value(&self, column: usize, of: &str, sql: &mut Sql) {
        let position = self.named.iter().position(|&other| other == column).unwrap_or(0);
        sql.push(of).push("v").number(position);
        if !self.is_distributed {
            sql.write_cast(self.table(), column);
        }
    }

    /// Appends the number of the row.
    fn number<'s>(&self, of: &str, sql: &'s mut Sql) -> &'s mut Sql {
        sql.push(of).push("v").number(self.named.len())
    }

    /// Appends the columns of `t` as they are read: `t.id AS r0, t.name AS r1`, by their positions.
    fn table_columns(&self, sql: &mut Sql) {
        sql.list(0..self.table().columns().len(), |sql, column| {
            sql.read_column(self.table(), column, "t.").push(" AS r").number(column);
        });
    }

    /// Looks for the rows, and locks them.
    fn render_find(&self, sent: &ArrayRows, from: &str, sql: &mut Sql) {
        let (table, natural) = (self.table(), self.natural_key());
        sql.push("SELECT * FROM ");
        if self.step.refers_by_natural_key() {
            sent.render_table(from, sql.push("(SELECT * FROM "));
            sql.push(" ORDER BY ").list(natural, |sql, &column| {
                self.value(column, "r.", sql);
                if table.columns()[column].ty() == SqlType::TEXT && table.cast(column).is_none() {
                    sql.push(" COLLATE \"C\"");
                }
            });
            sql.push(") AS r");
        } else {
            sent.render_table(from, sql);
        }
        self.table_columns(sql.push(" LEFT JOIN LATERAL (SELECT "));
        sql.push(" FROM ").qualified(table.qualified_name()).push(" AS t WHERE ");
        self.render_natural_match("r.", sql);
        let lock = if self.is_update() { " FOR NO KEY UPDATE" } else { " FOR KEY SHARE" };
        sql.push(lock).push(") AS t ON true");
    }

    /// Looks for rows that may lie on several servers, for which there is neither `LATERAL` nor a lock. The
    /// inner join is what the servers do, each for its rows.
    ///
    /// ```text
    /// SELECT * FROM (SELECT unnest($1) AS v0, unnest($2) AS v1, …) AS r
    /// LEFT JOIN (SELECT s.v2 AS g, t.id AS r0, t.name AS r1 FROM (SELECT unnest($1) AS v0, …) AS s
    ///            JOIN tags AS t ON t.name = s.v0) AS t ON t.g = r.v2
    /// ```
    fn render_find_apart(&self, sent: &ArrayRows, from: &str, sql: &mut Sql) {
        let table = self.table();
        sent.render_table(from, sql.push("SELECT * FROM "));
        self.number("s.", sql.push(" LEFT JOIN (SELECT ")).push(" AS g, ");
        self.table_columns(sql);
        sent.render_table(from, sql.push(" FROM (SELECT * FROM "));
        sql.push(") AS s JOIN ").qualified(table.qualified_name()).push(" AS t ON ");
        self.render_natural_match("s.", sql);
        self.number("r.", sql.push(") AS t ON t.g = "));
    }

    /// Appends the condition that `t` has the natural key that was sent.
    fn render_natural_match(&self, of: &str, sql: &mut Sql) {
        sql.conditions(self.natural_key(), |sql, &column| {
            sql.push("t.").name(self.table().columns()[column].name()).push(" = ");
            self.value(column, of, sql);
        });
    }

    /// Adds the rows that are not there.
    fn render_add(&self, sql: &mut Sql) {
        let (table, natural) = (self.table(), self.natural_key());
        sql.push("INSERT INTO ").qualified(table.qualified_name()).push(" AS t (");
        sql.columns(table, &self.named).push(") OVERRIDING SYSTEM VALUE SELECT ");
        sql.list(&self.named, |sql, &column| self.value(column, "", sql));
        sql.push(" FROM ").push(&self.step.name("f"));
        sql.push(" WHERE r").number(self.any_key()).push(" IS NULL");
        sql.push(" ON CONFLICT (").columns(table, natural).push(") DO UPDATE SET ");
        self.render_conflict(sql);
        self.table_columns(sql.push(" RETURNING "));
        for (at, &column) in natural.iter().enumerate() {
            sql.push(", t.").name(table.columns()[column].name()).push(" AS q").number(at);
        }
    }

    /// Appends what is set in a row that somebody else adds at this moment: what an upsert sets, or a
    /// column to what it is. A column of an index would take a lock that stops those who refer to the
    /// row.
    fn render_conflict(&self, sql: &mut Sql) {
        let table = self.table();
        let name = |column: usize| table.columns()[column].name();
        if self.is_update() {
            return self.render_assignments(sql, |sql, column| {
                sql.push("EXCLUDED.").name(name(column));
            });
        }
        let is_indexed = |column: usize| {
            table.key().contains(&column)
                || table.all_natural_keys().iter().any(|key| key.columns().contains(&column))
        };
        let free = (0..table.columns().len())
            .find(|&column| !is_indexed(column) && !table.columns()[column].is_generated());
        let column = free.unwrap_or(self.natural_key()[0]);
        sql.name(name(column)).push(" = t.").name(name(column));
    }

    /// Writes the rows that are there.
    fn render_update(&self, sql: &mut Sql) {
        let table = self.table();
        sql.push("UPDATE ").qualified(table.qualified_name()).push(" AS t SET ");
        self.render_assignments(sql, |sql, column| self.value(column, "r.", sql));
        sql.push(" FROM ").push(&self.step.name("f")).push(" AS r WHERE ");
        sql.conditions(table.key(), |sql, &column| {
            sql.push("t.").name(table.columns()[column].name()).push(" = r.r").number(column);
        });
        self.number("r.", sql.push(" RETURNING ")).push(" AS n, ");
        if !self.is_distributed {
            return self.table_columns(sql);
        }
        sql.list(table.columns().iter().enumerate(), |sql, (at, column)| {
            sql.push("t.").name(column.name()).push(" AS r").number(at);
        });
    }

    /// Appends what columns of `t` are set to; `value` appends the entity's value.
    ///
    /// ```text
    /// note = r.v2, uses = t.uses + r.v1, version = t.version + 1
    /// ```
    fn render_assignments(&self, sql: &mut Sql, value: impl Fn(&mut Sql, usize)) {
        sql.list(&self.assignments, |sql, &(column, to)| {
            let name = self.table().columns()[column].name();
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

    /// Puts each row together with its number, as it was found, written or added.
    fn render_merge(&self, sql: &mut Sql) {
        let key = self.any_key();
        self.number("f.", sql.push("SELECT "));
        sql.push(" AS n, f.r").number(key).push(" IS NULL AS is_new");
        let kept = if self.is_update() { "w" } else { "f" };
        for column in 0..self.table().columns().len() {
            sql.push(", CASE WHEN f.r").number(key).push(" IS NULL THEN a.r").number(column);
            sql.push(" ELSE ");
            match self.is_distributed && self.is_update() {
                true => sql.read_value(self.table(), column, &format!("w.r{column}")),
                false => sql.push(kept).push(".r").number(column),
            };
            sql.push(" END AS r").number(column);
        }
        sql.push(" FROM ").push(&self.step.name("f")).push(" AS f LEFT JOIN ");
        sql.push(&self.step.name("a")).push(" AS a ON f.r").number(key).push(" IS NULL");
        for (at, &column) in self.natural_key().iter().enumerate() {
            sql.push(" AND a.q").number(at).push(" = ");
            self.value(column, "f.", sql);
        }
        if self.is_update() {
            sql.push(" LEFT JOIN ").push(&self.step.name("w")).push(" AS w ON w.n = ");
            self.number("f.", sql);
        }
    }

    /// Puts the columns into one row of arrays, up to its `FROM`.
    fn render_arrays(&self, sql: &mut Sql) {
        let (table, at, merge) = (self.table(), self.step.at, self.step.name("x"));
        sql.push("SELECT ");
        for (column, description) in table.columns().iter().enumerate() {
            sql.push("ARRAY(SELECT ").element(description.ty(), 'r', column);
            sql.push(" FROM ").push(&merge).push(" ORDER BY n) AS ");
            KeyName::Found { step: at, column }.render(sql).push(", ");
        }
        sql.push("ARRAY(SELECT is_new FROM ").push(&merge).push(" ORDER BY n) AS m");
        sql.number(at).push("new, (SELECT count(DISTINCT (");
        sql.list(table.key(), |sql, &column| {
            sql.push("r").number(column);
        });
        sql.push(")) FROM ").push(&merge).push(" WHERE r").number(self.any_key());
        sql.push(" IS NOT NULL) AS m").number(at).push("rows");
    }
}
