-- The types of the columns of the tables $1, and those that these are made of.
WITH RECURSIVE used AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT part.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS part(oid)
    WHERE part.oid <> 0
)
SELECT t.oid, n.nspname::text, t.typname::text, pg_catalog.pg_type_is_visible(t.oid),
    pg_catalog.obj_description(t.oid, 'pg_type'), t.typcategory = 'S',
    CASE WHEN t.typtype = 'd' THEN t.typbasetype END,
    -- Others have an element as well, such as `point` and `int2vector`.
    CASE WHEN e.typarray = t.oid THEN t.typelem END,
    t.typnotnull, t.typdefault,
    ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid
        ORDER BY l.enumsortorder)
FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
