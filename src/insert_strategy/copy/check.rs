//! Asks the server whether `COPY` into a table does what an insert would do.

use crate::error::{Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// The question for one table.
pub(super) struct TableCheck {
    table: &'static Table,
}

impl TableCheck {
    pub(super) fn new(table: &'static Table) -> TableCheck {
        TableCheck { table }
    }

    /// Appends a sub-select that is true if rows of this table can be copied.
    ///
    /// - `COPY` runs no rules and is refused under row security; under a `BEFORE` trigger it says
    ///   how many rows were stored, but not under which keys.
    /// - Binary values are taken as they are, so each column must have the very type that the
    ///   model sends. Strings have one binary form. Other types are left to a cast in an insert.
    /// - What is refused when the `COPY` begins, the driver does not survive: so privileges and
    ///   read-only transactions are looked at here, and an insert reports them.
    pub(super) fn render(&self, sql: &mut Sql, params: &mut Params) -> Result<(), Error> {
        let columns = self.table.columns();
        let mut names = ArrayParam::new(SqlType::TEXT, columns.len());
        let mut types = ArrayParam::new(SqlType::OID, columns.len());
        let mut casts = ArrayParam::new(SqlType::BOOL, columns.len());
        for (index, column) in columns.iter().enumerate() {
            names.push_raw(column.name().as_bytes())?;
            types.push_raw(&column.ty().oid().to_be_bytes())?;
            casts.push_raw(&[u8::from(self.table.cast(index).is_some())])?;
        }
        let mut name = Sql::new();
        name.qualified(self.table.qualified_name());
        let (names, types, casts) =
            (params.push_array(names), params.push_array(types), params.push_array(casts));
        let count = i64::try_from(columns.len())
            .ok()
            .and_then(|count| params.push(&count).ok())
            .ok_or_else(|| Error::new(ErrorKind::Model, "the table has too many columns"))?;
        sql.push(&format!(
            "(SELECT c.relkind IN ('r', 'p') AND NOT row_security_active(c.oid) \
             AND has_table_privilege(c.oid, 'INSERT') \
             AND current_setting('transaction_read_only') = 'off' \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite w \
             WHERE w.ev_class = c.oid AND w.ev_type = '3') \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgtype & 6 = 6 \
             AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))) \
             AND (SELECT count(*) FROM unnest(${names}, ${types}, ${casts}) AS e(name, type, is_cast) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = e.name \
             AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
             JOIN pg_catalog.pg_type d ON d.oid = a.atttypid \
             JOIN pg_catalog.pg_type h \
             ON h.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END \
             JOIN pg_catalog.pg_proc p ON p.oid = h.typreceive \
             WHERE h.oid = e.type OR e.type = ANY ('{{25, 1042, 1043}}') \
             AND (p.proname IN ('textrecv', 'varcharrecv', 'bpcharrecv', 'citextrecv') \
             OR e.is_cast AND p.proname = 'enum_recv')) = ${count} \
             FROM pg_catalog.pg_class c WHERE c.oid = "
        ));
        sql.literal(name.as_str()).push("::regclass)");
        Ok(())
    }
}
