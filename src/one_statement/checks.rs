//! The checks by which one statement fails where it has not done what it was to do, and what they
//! say.

use super::group_insert::GroupInsert;
use super::{Part, Statement};
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush::arrays::{ArrayRows, SortedColumn};
use crate::flush::change::Change;
use crate::flush::find_or_add::{self, FindOrAdd};
use crate::flush::keys::{explain_keys, other_default};
use crate::flush::stale::Stale;
use crate::flush::statement_text::StatementText;
use crate::sql::{Params, Sql};

/// The checks of a statement: branches of a `CASE`, the first of which is the one that counts.
///
/// Each begins with ` WHEN `, and says what it has found after [`AGAINST`].
#[derive(Debug, Default)]
pub(super) struct Checks(Sql);

impl Checks {
    /// Returns the branches so far.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Appends the check that a delete or an update has found as many rows as the parameter `count`
    /// says. It names the numbers of rows that were not found.
    ///
    /// ```text
    ///  WHEN (SELECT count(*) FROM u0) <> $6
    ///  THEN 'onetrip check u0 ' || ($6 - (SELECT count(*) FROM u0)) || ' '
    ///       || array_to_string(ARRAY(SELECT s FROM generate_series(1, $6) AS s
    ///                                EXCEPT SELECT n FROM u0 ORDER BY 1 LIMIT 100), ' ')
    /// ```
    ///
    /// `an_update_of_one_column` and `a_delete` pin the text.
    pub(super) fn render_row_count_check(&mut self, name: &str, part: Part, count: usize) {
        let label = label(part);
        self.0.push(&format!(
            " WHEN (SELECT count(*) FROM {name}) <> ${count} THEN '{AGAINST} {label} ' \
             || (${count} - (SELECT count(*) FROM {name})) || ' ' \
             || array_to_string(ARRAY(SELECT s FROM generate_series(1, ${count}) AS s \
             EXCEPT SELECT n FROM {name} ORDER BY 1 LIMIT {MAX_NAMED}), ' ')"
        ));
    }

    /// Appends the checks of a step that finds or adds rows, where these parameters hold the keys that are
    /// loaded.
    pub(super) fn render_found_checks(
        &mut self,
        step: FindOrAdd<'_>,
        loaded: &[usize],
        text: &mut StatementText<'_, '_>,
    ) {
        step.render_checks(loaded, text, &mut self.0);
    }

    /// Appends the check that no row is that of two parts of one model, which find or add rows, or insert them.
    pub(super) fn render_one_row_check(
        &mut self,
        steps: &[FindOrAdd<'_>],
        inserts: &[(String, usize)],
        text: &mut StatementText<'_, '_>,
    ) {
        find_or_add::render_one_row_check(steps, inserts, text, &mut self.0);
    }

    /// Appends the check that an expression has given a key for each row.
    ///
    /// ```text
    ///  WHEN array_position(k0, NULL) IS NOT NULL THEN 'onetrip check n0'
    /// ```
    pub(super) fn render_keys_given_check(&mut self, index: usize) {
        self.0.push(" WHEN array_position(k").number(index).push(", NULL) IS NOT NULL");
        self.0.push(" THEN '").push(AGAINST).push(" n").number(index).push("'");
    }

    /// Appends the check that no key that was taken is one of the parameter `given_up`, the keys that
    /// rows give up.
    ///
    /// ```text
    ///  WHEN k0 && $19 THEN 'onetrip check k0'
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    pub(super) fn render_fresh_keys_check(&mut self, index: usize, given_up: usize) {
        self.0.push(" WHEN k").number(index).push(" && ").param(given_up);
        self.0.push(" THEN '").push(AGAINST).push(" k").number(index).push("'");
    }

    /// Appends the check that the keys that an insert has stored are those that were sent, in whatever
    /// order they came back.
    ///
    /// ```text
    ///  WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0) <> k0 THEN 'onetrip check i0'
    /// ```
    ///
    /// A key of several columns, or of texts, is put in order first:
    ///
    /// ```text
    ///  WHEN ARRAY(SELECT r0 FROM i0 ORDER BY r0, r1) <> ARRAY(SELECT c0 FROM (…) AS r ORDER BY c0, c1)
    ///    OR ARRAY(SELECT r1 FROM i0 ORDER BY r0, r1) <> ARRAY(SELECT c1 FROM (…) AS r ORDER BY c0, c1)
    ///  THEN 'onetrip check i0'
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the first.
    ///
    /// Where what an insert returns has no order, `unordered` is the parameter with the number of rows, and
    /// where they come from:
    ///
    /// ```text
    ///  WHEN (SELECT count(*) FROM i0) <> $7
    ///    OR EXISTS (SELECT r0, r1 FROM i0 EXCEPT SELECT c0, k0[c1] FROM (…) AS r)
    ///  THEN 'onetrip check i0'
    /// ```
    pub(super) fn render_stored_keys_check(
        &mut self,
        name: &str,
        insert: GroupInsert<'_>,
        rows: &ArrayRows,
        unordered: Option<(usize, &str)>,
    ) {
        let (table, named, sql) = (insert.table, insert.named(), &mut self.0);
        let sent = |&column: &usize| {
            let at = named.iter().position(|&other| other == column).unwrap_or(0);
            SortedColumn::of(table, column, at)
        };
        let sent: Vec<SortedColumn> = table.key().iter().map(sent).collect();
        if let Some((count, from)) = unordered {
            sql.push(&format!(
                " WHEN (SELECT count(*) FROM {name}) <> ${count} OR EXISTS (SELECT "
            ));
            SortedColumn::render_returned_key(table, sql);
            rows.render_columns(&sent, from, sql.push(" FROM ").push(name).push(" EXCEPT "));
            sql.push(") THEN '").push(AGAINST).push(" i").number(insert.group.table()).push("'");
            return;
        }
        for (part, of_part) in sent.iter().enumerate() {
            sql.push(if part == 0 { " WHEN " } else { " OR " });
            sql.push("ARRAY(SELECT r").number(part).push(" FROM ").push(name).push(" ORDER BY ");
            SortedColumn::render_returned_key(table, sql);
            sql.push(") <> ");
            match rows.keys(of_part.column) {
                // They are in order already.
                Some(keys) if sent.len() == 1 && !of_part.is_text => {
                    keys.render(sql);
                }
                _ => rows.render_sorted(of_part.column, &sent, sql),
            }
        }
        sql.push(" THEN '").push(AGAINST).push(" i").number(insert.group.table()).push("'");
    }
}

/// What the text of the error of a failed check begins with. The part's name follows, and what else
/// the check has to say.
const AGAINST: &str = "onetrip check";

/// The most entities that an error names.
const MAX_NAMED: usize = 100;

/// Returns what the check of a part calls it: the letter of its kind, and its position among these.
fn label(part: Part) -> String {
    match part {
        Part::Delete(at) => format!("d{at}"),
        Part::Update(at) => format!("u{at}"),
        Part::Insert(at) => format!("i{at}"),
        Part::FindOrAdd(at) => format!("m{at}"),
    }
}

/// Returns the error in this crate's words, where it is the server's of one of the statement's checks.
pub(super) fn explain(
    error: Error,
    params: &Params,
    statement: &Statement<'_>,
    flush: &Flush<'_, '_>,
) -> Error {
    let code = error.sqlstate().map(|code| code.code()).map(str::to_owned);
    let code = code.as_deref();
    if let (None, Some("2200H" | "42P01")) = (error.table(), code) {
        // The server does not say whose sequence has run out, or is missing.
        return explain_keys(error, &statement.key_columns(flush));
    }
    if code == Some("42883") && !error.is_within_function() && !statement.taken_keys().is_empty() {
        // Arrays of keys that were stored and of keys that were sent cannot be compared.
        let tables: Vec<&str> =
            statement.key_columns(flush).iter().map(|(table, _)| table.name()).collect();
        let error = match &tables[..] {
            [table] => error.with_table((*table).to_owned()),
            _ => error,
        };
        return error.hinting(
            "a key may have another type in the database than the model says: `Verify` compares them",
        );
    }
    // Another value can have such a text, and so can one that a function reads.
    if code != Some("22P02") || error.is_within_function() || params.contain(AGAINST) {
        return error;
    }
    if let Some((at, is_loaded)) = find_or_add::failed(&error) {
        if let Some(step) = statement.found.get(at) {
            return find_or_add::explain(step, is_loaded).with_source(error);
        }
    }
    if let Some(explained) = other_default(&error, &statement.key_columns(flush)) {
        return explained.with_source(error);
    }
    let text = error.to_string();
    let failed = text.split_once(AGAINST).and_then(|(_, rest)| Failed::parse(rest));
    let Some(failed) = failed else { return error };
    let stale = |change: Change<'_>| {
        let positions = failed.numbers.iter().filter_map(|number| number.checked_sub(1));
        Stale::new(flush, &change, failed.missing, positions.collect()).error(flush)
    };
    let known = match failed.kind {
        'd' => statement.deletes.get(failed.part).map(|&step| stale(Change::Delete(step))),
        'u' => statement.updates.get(failed.part).map(|&step| stale(Change::Update(step))),
        'n' => statement.taken_keys().get(failed.part).map(|array| {
            let table = flush.plan().tables()[array.table].table();
            Error::new(ErrorKind::Model, "the expression for its keys has given NULL")
                .with_table(table.name())
                .with_column(table.columns()[array.column].name())
        }),
        'k' => statement.taken_keys().get(failed.part).map(|array| {
            let message = "the database has assigned a key that a row of the same commit gives up";
            let table = flush.plan().tables()[array.table].table();
            Error::new(ErrorKind::Unsupported, message).with_table(table.name())
        }),
        _ => flush.plan().tables().get(failed.part).map(|planned| {
            let message = "the rows that were stored are not those that were sent, or have other \
                           keys: a trigger, a rule or a policy has interfered, or the key's type stores it \
                           differently";
            Error::new(ErrorKind::RowMismatch, message).with_table(planned.table().name())
        }),
    };
    match known {
        Some(known) => known.with_source(error),
        None => error,
    }
}

/// What a failed check says of itself: `u0 2 17 312`, for instance, that of the rows of the first
/// update two were not found, the 17th and the 312th.
struct Failed {
    /// The letter of the check.
    kind: char,
    /// The position of what was checked: a delete, an update, an array of keys, or a table.
    part: usize,
    /// How many rows were not found.
    missing: i64,
    /// The numbers of some of them, counted from 1.
    numbers: Vec<usize>,
}

impl Failed {
    /// Returns what stands in the text of an error after [`AGAINST`].
    fn parse(text: &str) -> Option<Failed> {
        // What ends the text depends on the language of the server's messages.
        let is_of_text = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
        let text = text.split(|c| !is_of_text(c)).next()?;
        let mut words = text.split_whitespace();
        let (kind, part) = words.next()?.split_at_checked(1)?;
        Some(Failed {
            kind: kind.chars().next()?,
            part: part.parse().ok()?,
            missing: words.next().and_then(|word| word.parse().ok()).unwrap_or(0),
            numbers: words.filter_map(|word| word.parse().ok()).collect(),
        })
    }
}
