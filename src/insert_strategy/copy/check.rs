//! Asks the server whether `COPY` into a table does what an insert would do.

use crate::error::{Error, ErrorKind};
use crate::model::{SqlType, Table};
use crate::sql::{ArrayParam, Params, Sql};

/// Appends an array whose elements say of each of these tables, in order, if rows can be copied into
/// it. The text is the same for any tables.
///
/// ```text
/// ARRAY(SELECT c.relkind IN ('r', 'p') AND NOT row_security_active(c.oid)
///              AND has_table_privilege(c.oid, 'INSERT')
///              AND current_setting('transaction_read_only') = 'off'
///              AND NOT EXISTS (…a rule…)
///              AND NOT EXISTS (…a BEFORE trigger…)
///              AND NOT EXISTS (…a column of another type…)
///       FROM unnest($1) WITH ORDINALITY AS o(name, n)
///       JOIN pg_class c ON c.oid = o.name::regclass
///       ORDER BY o.n)
/// ```
///
/// - `COPY` runs no rules and is refused under row security; under a `BEFORE` trigger it says how
///   many rows were stored, but not under which keys.
/// - Binary values are taken as they are, so each column must have the very type that the model
///   sends. Strings have one binary form. Other types are left to a cast in an insert.
/// - A key with a length, a precision or a scale may be stored as another one, as `COPY` does not say.
/// - What is refused when the `COPY` begins, the driver does not survive: so privileges and
///   read-only transactions are looked at here, and an insert reports them.
pub(super) fn render_copy_check(
    tables: &[&'static Table],
    sql: &mut Sql,
    params: &mut Params,
) -> Result<(), Error> {
    let columns: usize = tables.iter().map(|table| table.columns().len()).sum();
    let mut tables_param = ArrayParam::new(SqlType::TEXT, tables.len());
    let mut of_table = ArrayParam::new(SqlType::INT8, columns);
    let mut names = ArrayParam::new(SqlType::TEXT, columns);
    let mut types = ArrayParam::new(SqlType::OID, columns);
    let mut casts = ArrayParam::new(SqlType::BOOL, columns);
    let mut keys = ArrayParam::new(SqlType::BOOL, columns);
    for (position, table) in (1_i64..).zip(tables) {
        tables_param.push_raw(table.qualified_name().to_string().as_bytes())?;
        for (index, column) in table.columns().iter().enumerate() {
            of_table.push_raw(&position.to_be_bytes())?;
            names.push_raw(column.name().as_bytes())?;
            types.push_raw(&column.ty().oid().to_be_bytes())?;
            casts.push_raw(&[u8::from(table.cast(index).is_some())])?;
            keys.push_raw(&[u8::from(table.key().contains(&index))])?;
        }
    }
    if columns > i32::MAX as usize {
        return Err(Error::new(ErrorKind::Model, "the tables have too many columns"));
    }
    let [tables, of_table, names, types, casts, keys] =
        [tables_param, of_table, names, types, casts, keys].map(|array| params.push_array(array));
    sql.push(&format!(
        "ARRAY(SELECT c.relkind IN ('r', 'p') AND NOT row_security_active(c.oid) \
         AND has_table_privilege(c.oid, 'INSERT') \
         AND current_setting('transaction_read_only') = 'off' \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite w \
         WHERE w.ev_class = c.oid AND w.ev_type = '3') \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgtype & 6 = 6 \
         AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))) \
         AND NOT EXISTS (SELECT FROM unnest(${of_table}, ${names}, ${types}, ${casts}, ${keys}) \
         AS e(of_table, name, type, is_cast, is_key) WHERE e.of_table = o.n AND NOT EXISTS (\
         SELECT FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_type d ON d.oid = a.atttypid \
         JOIN pg_catalog.pg_type h \
         ON h.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END \
         JOIN pg_catalog.pg_proc p ON p.oid = h.typreceive \
         WHERE a.attrelid = c.oid AND a.attname = e.name AND a.attnum > 0 AND a.attgenerated = '' \
         AND NOT (e.is_key AND (a.atttypmod <> -1 OR d.typtypmod <> -1)) \
         AND (h.oid = e.type OR e.type IN (25, 1042, 1043) \
         AND (p.proname IN ('textrecv', 'varcharrecv', 'bpcharrecv', 'citextrecv') \
         OR e.is_cast AND p.proname = 'enum_recv')))) \
         FROM unnest(${tables}) WITH ORDINALITY AS o(name, n) \
         JOIN pg_catalog.pg_class c ON c.oid = o.name::regclass ORDER BY o.n)"
    ));
    Ok(())
}
