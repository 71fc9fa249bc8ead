//! The checks of the steps that find or add rows, and the errors of those that fail.

use super::{FindOrAdd, StatementText};
use crate::error::{Error, ErrorKind};
use crate::flush_plan::FindOrAddStep;
use crate::sql::{ArrayParam, Sql};

/// What the text of the error of a failed check begins with; the position of the step follows.
const AGAINST: &str = "onetrip find ";

impl FindOrAdd<'_> {
    /// Appends the checks of the step: that every row was found or added, and each is another; and that no
    /// row is one that the unit of work has loaded already, whose keys are these parameters.
    ///
    /// ```text
    ///  WHEN m0rows <> $7 THEN 'onetrip find 0'
    ///  WHEN EXISTS (SELECT FROM x0 AS x JOIN (SELECT unnest($6) AS l0) AS l ON x.r0 = l.l0)
    ///  THEN 'onetrip find 0 loaded'
    /// ```
    ///
    /// `rows_are_found_in_two_ways` pins the text.
    pub(crate) fn render_checks(
        &self,
        loaded: &[usize],
        text: &mut StatementText<'_, '_>,
        sql: &mut Sql,
    ) {
        // A parameter: the text does not depend on the number of rows.
        let count = text.params.push_count(self.step.insert.rows.len() as u64);
        sql.push(" WHEN m").number(self.at).push("rows <> ").param(count);
        sql.push(" THEN '").push(AGAINST).number(self.at).push("'");
        if loaded.is_empty() {
            return;
        }
        sql.push(" WHEN EXISTS (SELECT FROM ").push(&self.name("x")).push(" AS x JOIN (SELECT ");
        sql.list(loaded.iter().enumerate(), |sql, (at, &number)| {
            sql.push("unnest(").param(number).push(") AS l").number(at);
        });
        sql.push(") AS l ON ");
        sql.conditions(self.table().key().iter().enumerate(), |sql, (at, &column)| {
            sql.push("x.r").number(column).push(" = l.l").number(at);
        });
        sql.push(") THEN '").push(AGAINST).number(self.at).push(" loaded'");
    }

    /// Returns the parameters that hold the keys of the entities of the step's model that the unit of work
    /// has loaded: one for each column of the key, or none where nothing is loaded.
    ///
    /// # Errors
    ///
    /// A key that cannot be encoded.
    pub(crate) fn push_loaded_keys(
        &self,
        text: &mut StatementText<'_, '_>,
    ) -> Result<Vec<usize>, Error> {
        let table = self.table();
        let loaded = text.flush.changes().stored_key_values(self.step.table())?;
        if loaded.is_empty() {
            return Ok(Vec::new());
        }
        let mut numbers = Vec::new();
        for (part, &column) in table.key().iter().enumerate() {
            let mut values = ArrayParam::new(table.columns()[column].ty(), loaded.len());
            for key in &loaded {
                match &key[part] {
                    Some(raw) => values.push_raw(raw)?,
                    None => values.push_null(),
                }
            }
            numbers.push(text.params.push_array(values));
        }
        Ok(numbers)
    }
}

/// Appends the check that no row is that of two of these steps, all of one model, nor one that an insert of
/// the model has stored. It counts as the check of the last step. `inserts` are the names and the numbers of
/// rows of parts that insert.
///
/// ```text
///  WHEN (SELECT count(DISTINCT (r0))
///        FROM (SELECT r0 FROM x0 UNION ALL SELECT r0 FROM x1 UNION ALL SELECT r0 FROM i0) AS x) <> $9
///  THEN 'onetrip find 1'
/// ```
///
/// PostgreSQL finds no row that the same statement inserts, but Citus runs the parts one after the other.
///
/// `rows_are_found_in_two_ways` pins the text.
pub(crate) fn render_one_row_check(
    steps: &[FindOrAdd<'_>],
    inserts: &[(String, usize)],
    text: &mut StatementText<'_, '_>,
    sql: &mut Sql,
) {
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
    for (name, _) in inserts {
        // An insert returns the parts of the key first.
        sql.push(" UNION ALL SELECT ")
            .list(0..key.len(), |sql, part| _ = sql.push("r").number(part));
        sql.push(" FROM ").push(name);
    }
    let found: usize = steps.iter().map(|step| step.step.insert.rows.len()).sum();
    let rows = found + inserts.iter().map(|(_, rows)| rows).sum::<usize>();
    sql.push(") AS x) <> ").param(text.params.push_count(rows as u64));
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
