-- What foreign keys and unique constraints say of the tables named in $1, and of those that
-- foreign keys reach from them by acting on rows.
WITH RECURSIVE
asked AS (
    SELECT name, pg_catalog.to_regclass(name)::oid AS oid FROM pg_catalog.unnest($1) AS n(name)
),
reached (oid) AS (
    SELECT oid FROM asked WHERE oid IS NOT NULL
    UNION
    SELECT f.conrelid FROM reached r JOIN pg_catalog.pg_constraint f ON f.confrelid = r.oid
    WHERE f.contype = 'f' AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
),
foreign_keys AS (
    SELECT f.* FROM pg_catalog.pg_constraint f
    WHERE f.contype = 'f'
    AND f.conrelid IN (SELECT oid FROM reached) AND f.confrelid IN (SELECT oid FROM reached)
    -- One that refers to a partitioned table has another like it for each partition.
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole
        WHERE whole.oid = f.conparentid AND whole.conrelid = f.conrelid)
),
-- Indexes for which values are equal only if their bytes are: support function 4 of a B-tree says so
-- of its type, if no collation takes others for equal.
exact (oid) AS (
    SELECT i.indexrelid FROM pg_catalog.pg_index i
    WHERE i.indrelid IN (SELECT oid FROM reached) AND NOT EXISTS (
        SELECT FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS part(at)
        JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[part.at]
        LEFT JOIN pg_catalog.pg_collation l ON l.oid = i.indcollation[part.at]
        WHERE NOT COALESCE(l.collisdeterministic, true) OR NOT EXISTS (
            SELECT FROM pg_catalog.pg_amproc p WHERE p.amprocnum = 4
            AND p.amprocfamily = o.opcfamily
            AND p.amproclefttype = o.opcintype AND p.amprocrighttype = o.opcintype))
)

-- 0 which fact, 1 and 2 oids, 3 name, 4 and 5 codes, 6 to 8 flags, 9 and 10 names of columns
SELECT 'relation', a.oid, NULL::oid, a.name, NULL::text, NULL::text,
    -- What is written is what it is called: it is a table, and foreign keys and triggers are those of
    -- the whole of it, and not of a partition or of a table that inherits from another.
    CASE c.relkind
        WHEN 'r' THEN NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i
            WHERE i.inhrelid = c.oid OR i.inhparent = c.oid)
        WHEN 'p' THEN NOT c.relispartition AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_partition_tree(c.oid) part WHERE part.relid <> c.oid AND (
                EXISTS (SELECT FROM pg_catalog.pg_constraint f
                    WHERE f.contype = 'f' AND f.conparentid = 0
                    AND part.relid IN (f.conrelid, f.confrelid))
                OR EXISTS (SELECT FROM pg_catalog.pg_trigger t
                    WHERE t.tgrelid = part.relid AND NOT t.tgisinternal AND t.tgparentid = 0)))
        ELSE false END,
    NULL::bool, NULL::bool, NULL::text[], NULL::text[]
FROM asked a JOIN pg_catalog.pg_class c ON c.oid = a.oid

UNION ALL
(SELECT 'generated', g.attrelid, NULL, g.attname::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (SELECT DISTINCT oid FROM asked) a
JOIN pg_catalog.pg_attribute g ON g.attrelid = a.oid AND g.attgenerated <> ''
ORDER BY g.attrelid, g.attnum)

UNION ALL
(SELECT 'foreign key', f.conrelid, f.confrelid, f.conname::text, f.confdeltype::text,
    f.confupdtype::text, f.condeferred, f.conindid IN (SELECT oid FROM exact), NULL,
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY AS part(number, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = part.number
        ORDER BY part.position),
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY AS part(number, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = part.number
        ORDER BY part.position)
FROM foreign_keys f ORDER BY f.conrelid, f.conname)

UNION ALL
(SELECT 'unique', i.indrelid, NULL, pg_catalog.format('%I.%I', n.nspname, x.relname),
    x.relname::text, NULL,
    -- It compares the values of its columns, and nothing else.
    i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
    AND i.indexrelid IN (SELECT oid FROM exact),
    NOT i.indimmediate,
    COALESCE((SELECT u.condeferred FROM pg_catalog.pg_constraint u
        WHERE u.conindid = i.indexrelid AND u.contype IN ('p', 'u', 'x')), false),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (
            a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
            OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                AND d.refobjsubid = a.attnum
                AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)))
        ORDER BY a.attnum),
    NULL
FROM asked a JOIN pg_catalog.pg_index i ON i.indrelid = a.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
WHERE i.indisvalid AND (i.indisunique OR i.indisexclusion) ORDER BY i.indrelid, i.indexrelid)

UNION ALL
-- Values that nobody has, by the kind of the column's type, and for texts by their length.
(SELECT 'room', c.attrelid, NULL, c.attname::text,
    CASE WHEN NOT c.attnotnull AND NOT t.typnotnull THEN 'null'
        WHEN EXISTS (SELECT FROM foreign_keys f
            WHERE f.conrelid = c.attrelid AND c.attnum = ANY (f.conkey)) THEN 'none'
        WHEN b.oid IN (20, 21, 23, 700, 701, 1082, 1700) THEN 'beyond'
        WHEN b.oid = 2950 THEN 'uuid'
        WHEN b.oid IN (25, 1043) THEN 'text'
        ELSE 'none' END,
    CASE WHEN c.atttypmod > 4 THEN (c.atttypmod - 4)::text END,
    NULL, NULL, NULL, NULL, NULL
FROM (SELECT DISTINCT oid FROM asked WHERE oid IS NOT NULL) a
JOIN pg_catalog.pg_attribute c ON c.attrelid = a.oid AND c.attnum > 0 AND NOT c.attisdropped
    AND c.attgenerated = ''
JOIN pg_catalog.pg_type t ON t.oid = c.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
ORDER BY c.attrelid, c.attnum)

UNION ALL
(SELECT 'action', t.oid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (SELECT DISTINCT oid FROM asked) a JOIN pg_catalog.pg_trigger t ON t.tgrelid = a.oid
WHERE t.tgfoid IN (1646, 1647, 1650, 1651, 1652, 1653) ORDER BY t.oid)

UNION ALL
-- Triggers, other than those of constraints, that run when a statement ends, also of tables that
-- foreign keys act on, and those that run before each row.
(SELECT CASE WHEN t.tgtype & 66 = 0 THEN 'late trigger' ELSE 'early trigger' END,
    t.oid, t.tgrelid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM reached r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
AND (t.tgtype & 66 = 0 OR t.tgtype & 3 = 3 AND r.oid IN (SELECT oid FROM asked))
ORDER BY t.oid)

UNION ALL
-- Constraints that are looked at when the transaction ends, also of tables that refer to these or that
-- these refer to.
(SELECT 'deferred', f.conrelid, NULL, pg_catalog.format('%I.%I', n.nspname, f.conname), f.conname::text,
    NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_namespace n ON n.oid = f.connamespace
WHERE f.condeferred AND f.contype IN ('f', 'p', 'u', 'x')
AND (f.conrelid IN (SELECT oid FROM asked) OR f.confrelid IN (SELECT oid FROM asked))
ORDER BY f.conrelid, f.conname)

UNION ALL
SELECT 'citus', c.oid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass('pg_catalog.pg_dist_partition')
