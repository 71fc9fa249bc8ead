-- What the database knows of tables ($2), of these and other relations ($1), of types that are
-- named ($3), and of built-in types ($4). Names are quoted, so that they are found as in statements.
WITH RECURSIVE
relations AS (
    SELECT name, pg_catalog.to_regclass(name)::oid AS oid
    FROM pg_catalog.unnest($1) AS asked(name)
),
types AS (
    SELECT name, pg_catalog.to_regtype(name)::oid AS oid
    FROM pg_catalog.unnest($3) AS asked(name)
),
tables AS (
    SELECT DISTINCT oid FROM relations WHERE name = ANY ($2) AND oid IS NOT NULL
),
attributes AS (
    SELECT a.* FROM tables t
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
),
-- Domains, step by step down to the types that they are made of.
steps AS (
    SELECT oid, oid AS base, false AS is_not_null, false AS has_default
    FROM (SELECT oid FROM types UNION SELECT atttypid FROM attributes) AS used
    UNION ALL
    SELECT s.oid, d.typbasetype, s.is_not_null OR d.typnotnull,
        s.has_default OR d.typdefault IS NOT NULL
    FROM steps s JOIN pg_catalog.pg_type d ON d.oid = s.base AND d.typtype = 'd'
),
bases AS (
    SELECT s.*, CASE WHEN pg_catalog.pg_type_is_visible(t.oid) THEN ARRAY[t.typname::text]
        ELSE ARRAY[n.nspname::text, t.typname::text] END AS path
    FROM steps s JOIN pg_catalog.pg_type t ON t.oid = s.base AND t.typtype <> 'd'
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
)

-- 0 which fact, 1 oid, 2 name, 3 type, 4 oid of a type, 5 to 9 flags, 10 and 11 names
SELECT 'relation', r.oid, r.name, c.relkind::text, NULL::oid,
    -- BEFORE INSERT, FOR EACH ROW
    EXISTS (SELECT FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = c.oid AND t.tgtype & 7 = 7 AND t.tgenabled <> 'D'),
    NULL::bool, NULL::bool, NULL::bool, NULL::bool, NULL::text[], NULL::text[]
FROM relations r JOIN pg_catalog.pg_class c ON c.oid = r.oid

UNION ALL
SELECT 'type', NULL, t.name, pg_catalog.format_type(t.oid, NULL), b.base,
    NULL, NULL, NULL, NULL, NULL, b.path, NULL
FROM types t JOIN bases b ON b.oid = t.oid

UNION ALL
SELECT 'built in', asked.oid, pg_catalog.format_type(asked.oid, NULL), NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_catalog.unnest($4) AS asked(oid)

UNION ALL
(SELECT 'column', a.attrelid, a.attname::text, pg_catalog.format_type(a.atttypid, NULL), b.base,
    a.attnotnull OR b.is_not_null,
    a.atthasdef AND a.attgenerated = '' OR b.has_default,
    a.attgenerated <> '',
    a.attidentity <> '',
    s.name IS NOT NULL,
    b.path,
    -- The default, where it is not the next number of the sequence that the column owns.
    CASE WHEN pg_catalog.pg_get_expr(e.adbin, e.adrelid) <> 'nextval('
        || pg_catalog.quote_literal(s.name::pg_catalog.regclass::text) || '::regclass)'
    THEN ARRAY[s.name, pg_catalog.pg_get_expr(e.adbin, e.adrelid)] END
FROM attributes a JOIN bases b ON b.oid = a.atttypid
CROSS JOIN LATERAL pg_catalog.pg_get_serial_sequence(
    a.attrelid::pg_catalog.regclass::text, a.attname) AS s(name)
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
    AND a.attgenerated = '' AND s.name IS NOT NULL
ORDER BY a.attrelid, a.attnum)

UNION ALL
(SELECT 'unique', i.indrelid, c.relname::text, NULL, NULL,
    i.indisvalid, i.indimmediate, i.indpred IS NOT NULL, i.indexprs IS NOT NULL, i.indisprimary,
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS part(number, position)
        JOIN attributes a ON a.attrelid = i.indrelid AND a.attnum = part.number
        WHERE part.position <= i.indnkeyatts ORDER BY part.position),
    -- What expressions, and the condition of a partial index, are made of; not what INCLUDE adds.
    CASE WHEN i.indexprs IS NOT NULL THEN ARRAY(SELECT a.attname::text
        FROM pg_catalog.pg_depend d
        JOIN attributes a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.refobjid = i.indrelid AND d.refobjsubid <> ALL (i.indkey::int2[])
        ORDER BY a.attnum) END
FROM tables t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique
ORDER BY i.indrelid, c.relname)

UNION ALL
(SELECT 'foreign key', f.conrelid, f.conname::text, f.confrelid::pg_catalog.regclass::text,
    f.confrelid, f.condeferred, NULL, NULL, NULL, NULL,
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY AS part(number, position)
        JOIN attributes a ON a.attrelid = f.conrelid AND a.attnum = part.number
        ORDER BY part.position),
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY AS part(number, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = part.number
        ORDER BY part.position)
FROM tables t JOIN pg_catalog.pg_constraint f ON f.conrelid = t.oid AND f.contype = 'f'
-- One that refers to a partitioned table has another like it for each partition.
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole
    WHERE whole.oid = f.conparentid AND whole.conrelid = f.conrelid)
ORDER BY f.conrelid, f.conname)
