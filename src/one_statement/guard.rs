//! What keeps a statement from writing where it would mean something else.

use std::time::Duration;

use super::Guarded;
use crate::error::Error;
use crate::flush::statement_text::StatementText;
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// The part of a guard that is known only when all parameters are.
pub(super) struct Guard {
    /// The parameter that says how old the transaction can be.
    age_limit: usize,
}

impl Guard {
    /// Appends the condition under which the row of keys is there, if there is one to be met.
    ///
    /// ```text
    ///  WHERE txid_current_if_assigned() IS NULL
    ///  AND clock_timestamp() - now() <= $2
    ///  AND NOT EXISTS (SELECT FROM pg_trigger AS t
    ///                  WHERE t.tgrelid = ANY ($4::regclass[]) AND t.tgfoid IN (1646, 1650, 1652)
    ///                  AND t.oid <> ALL ($3))
    ///  AND NOT EXISTS (SELECT FROM pg_class AS c
    ///                  WHERE c.oid = ANY ($5::regclass[])
    ///                  AND (c.relkind <> 'r' OR c.relispartition OR c.relhassubclass)
    ///                  AND c.oid <> ALL ($3))
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    ///
    /// # Errors
    ///
    /// When a name is longer than 2 GiB.
    pub(super) fn render(
        guarded: Guarded<'_>,
        text: &mut StatementText<'_, '_>,
    ) -> Result<Option<Guard>, Error> {
        let mut guard = None;
        if text.flush.is_autocommit() {
            let age_limit = text.params.push_interval(Duration::ZERO);
            let sql = &mut text.sql;
            sql.push(" WHERE txid_current_if_assigned() IS NULL AND clock_timestamp() - now() <= ");
            sql.param(age_limit);
            guard = Some(Guard { age_limit });
        }
        let Some(suspects) = guarded.suspects else { return Ok(guard) };
        let mut harmless = ArrayParam::new(SqlType::OID, guarded.harmless.len());
        for oid in guarded.harmless {
            harmless.push_raw(&oid.to_be_bytes())?;
        }
        let harmless = text.params.push_array(harmless);
        let (sql, params) = (&mut text.sql, &mut text.params);
        let mut conditions = Conditions { sql, harmless, is_first: guard.is_none() };
        if !suspects.deleted.is_empty() {
            let tables = push_names(suspects.deleted.iter().copied(), params)?;
            conditions.begin_action(tables, ON_DELETE).push(")");
        }
        if !suspects.updated.is_empty() {
            let tables = push_names(suspects.updated.iter().map(|(table, _)| *table), params)?;
            let mut columns = ArrayParam::new(SqlType::TEXT, suspects.updated.len());
            for column in suspects.updated.iter().flat_map(|(_, columns)| columns) {
                columns.push_raw(column.as_bytes())?;
            }
            let columns = params.push_array(columns);
            conditions.render_update_actions(tables, columns);
        }
        let tables = push_names(suspects.written.iter().copied(), params)?;
        conditions.render_ordinary_tables(tables);
        // Neither those of constraints, nor BEFORE or INSTEAD OF.
        let late = (&suspects.replaced, "t.tgtype & 66 = 0");
        // Before each row that is inserted.
        let early = (&suspects.merged, "t.tgtype & 7 = 7");
        for (tables, is_such) in [late, early] {
            if !tables.is_empty() {
                let tables = push_names(tables.iter().copied(), params)?;
                conditions.render_no_triggers(tables, is_such);
            }
        }
        Ok(guard)
    }

    /// Says how old the transaction can be when the statement runs in one of its own.
    ///
    /// A transaction that somebody opened by hand would take the statement in, and nothing would
    /// be committed. No function says whether one is open. But one that has written has an id
    /// before this statement, and one that has not was begun at least a round trip before it. What
    /// lies between the beginning of the statement's own transaction and its execution is the time
    /// to parse it and to receive its parameters. On a slow link it can be taken for the other;
    /// then nothing is written, and the caller begins a transaction to see for certain.
    pub(super) fn set_age_limit(&self, groups: usize, params: &mut Params) {
        let (groups, bytes) = (groups as f64, params.bytes() as f64);
        let limit = Duration::from_secs_f64(1.0 + 0.005 * groups + bytes / 4e6);
        params.set_interval(self.age_limit, limit);
    }
}

/// The functions by which a foreign key acts on rows that refer to one that is deleted: CASCADE,
/// SET NULL and SET DEFAULT. Their OIDs are the same in every database.
const ON_DELETE: &str = "1646, 1650, 1652";

/// The functions by which a foreign key acts on rows that refer to one that gets another key.
const ON_UPDATE: &str = "1647, 1651, 1653";

/// The conditions of a guard, one after the other.
struct Conditions<'s> {
    /// The statement's text, in which the guard stands last.
    sql: &'s mut Sql,
    /// The parameter with the OIDs of the triggers and tables that are known to do no harm.
    harmless: usize,
    /// No condition stands in the text so far.
    is_first: bool,
}

impl Conditions<'_> {
    /// Appends ` WHERE` or ` AND`.
    fn begin(&mut self) -> &mut Sql {
        self.sql.push(if std::mem::replace(&mut self.is_first, false) { " WHERE" } else { " AND" })
    }

    /// Appends the beginning of the condition that tables have no triggers of some kind.
    ///
    /// ```text
    ///  AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = ANY ($4::regclass[])
    /// ```
    fn begin_no_triggers(&mut self, tables: usize) -> &mut Sql {
        self.begin()
            .push(" NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = ANY (")
            .param(tables)
            .push("::regclass[])")
    }

    /// Appends the beginning of the condition that no foreign key acts by one of some functions on
    /// what refers to tables.
    ///
    /// ```text
    ///  AND NOT EXISTS (SELECT FROM pg_trigger AS t
    ///                  WHERE t.tgrelid = ANY ($4::regclass[]) AND t.tgfoid IN (1646, 1650, 1652)
    ///                  AND t.oid <> ALL ($3)
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    fn begin_action(&mut self, tables: usize, functions: &str) -> &mut Sql {
        let harmless = self.harmless;
        self.begin_no_triggers(tables).push(" AND t.tgfoid IN (").push(functions);
        self.sql.push(") AND t.oid <> ALL (").param(harmless).push(")")
    }

    /// Appends the condition that no foreign key acts on what refers to columns of tables that get
    /// other values.
    ///
    /// ```text
    ///  AND NOT EXISTS (SELECT FROM pg_trigger AS t
    ///                  WHERE … AND EXISTS (
    ///                      SELECT FROM pg_index AS i
    ///                      JOIN pg_attribute AS a ON a.attrelid = t.tgrelid AND a.attnum = ANY (i.indkey)
    ///                      WHERE i.indexrelid = t.tgconstrindid
    ///                      AND (a.attgenerated <> '' OR a.attname = ANY ($5)
    ///                           OR EXISTS (…a BEFORE trigger of each row…))))
    /// ```
    fn render_update_actions(&mut self, tables: usize, columns: usize) {
        let sql = self.begin_action(tables, ON_UPDATE);
        // The unique index that the foreign key refers to has one of the columns that change, or one
        // that changes along with others.
        sql.push(
            " AND EXISTS (SELECT FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.tgrelid \
             AND a.attnum = ANY (i.indkey) WHERE i.indexrelid = t.tgconstrindid \
             AND (a.attgenerated <> '' OR a.attname = ANY (",
        );
        sql.param(columns).push(
            ") OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS b WHERE b.tgrelid = t.tgrelid \
             AND NOT b.tgisinternal AND b.tgtype & 19 = 19))))",
        );
    }

    /// Appends the condition that tables are ordinary ones.
    ///
    /// ```text
    ///  AND NOT EXISTS (SELECT FROM pg_class AS c
    ///                  WHERE c.oid = ANY ($5::regclass[])
    ///                  AND (c.relkind <> 'r' OR c.relispartition OR c.relhassubclass)
    ///                  AND c.oid <> ALL ($3))
    /// ```
    ///
    /// `deletes_come_before_updates_and_those_before_inserts` pins the text.
    fn render_ordinary_tables(&mut self, tables: usize) {
        let harmless = self.harmless;
        let sql = self.begin();
        sql.push(" NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = ANY (");
        sql.param(tables).push("::regclass[]) AND (c.relkind <> 'r' OR c.relispartition OR ");
        sql.push("c.relhassubclass) AND c.oid <> ALL (").param(harmless).push("))");
    }

    /// Appends the condition that tables have no triggers of their own that `is_such` is true of.
    ///
    /// ```text
    ///  AND NOT EXISTS (SELECT FROM pg_trigger AS t
    ///                  WHERE t.tgrelid = ANY ($6::regclass[]) AND NOT t.tgisinternal
    ///                  AND t.tgtype & 7 = 7 AND t.tgenabled <> 'D')
    /// ```
    fn render_no_triggers(&mut self, tables: usize, is_such: &str) {
        self.begin_no_triggers(tables).push(" AND NOT t.tgisinternal AND ").push(is_such);
        self.sql.push(" AND t.tgenabled <> 'D')");
    }
}

/// Adds the quoted names of tables as a parameter, and returns its number.
fn push_names(
    tables: impl Iterator<Item = &'static Table>,
    params: &mut Params,
) -> Result<usize, Error> {
    let mut names = ArrayParam::new(SqlType::TEXT, 1);
    for table in tables {
        names.push_raw(table.qualified_name().to_string().as_bytes())?;
    }
    Ok(params.push_array(names))
}
