-- The columns of the tables $1.
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid,
    a.attndims::int, a.attnotnull,
    a.attgenerated <> '', a.attidentity::text,
    CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(e.adbin, e.adrelid) END,
    q.schema, q.name, q.is_visible,
    COALESCE(q.oid = pg_catalog.to_regclass(pg_catalog.pg_get_serial_sequence(
        a.attrelid::pg_catalog.regclass::text, a.attname))::oid, false),
    pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
-- The sequence, where the default is its next number and nothing else.
LEFT JOIN LATERAL (
    SELECT s.oid, n.nspname::text AS schema, s.relname::text AS name,
        pg_catalog.pg_table_is_visible(s.oid) AS is_visible
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
    WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND pg_catalog.pg_get_expr(e.adbin, e.adrelid) = 'nextval('
            || pg_catalog.quote_literal(s.oid::pg_catalog.regclass::text) || '::regclass)'
) q ON true
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
