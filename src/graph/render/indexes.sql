SELECT pg_catalog.array_agg(COALESCE(t.oid, 0)::int8 ORDER BY w.n),
    pg_catalog.array_agg(COALESCE(i.oid, 0)::int8 ORDER BY w.n),
    pg_catalog.current_setting('work_mem'),
    -- The places of the rows of a table of this size are sure to fit into memory. Otherwise the server would
    -- compare whole pages of rows with every key.
    100 * pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem'))
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS w (name, col, n)
LEFT JOIN pg_catalog.pg_class t ON t.oid = pg_catalog.to_regclass(w.name) AND t.relkind IN ('r', 'm')
    -- The rows of tables that inherit from this one would not be in its index.
    AND NOT t.relhassubclass
LEFT JOIN LATERAL (
    SELECT x.indexrelid AS oid FROM pg_catalog.pg_index x
    WHERE x.indrelid = t.oid AND x.indisvalid AND NOT x.indcheckxmin AND x.indpred IS NULL
    AND (SELECT a.attname FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[0]) = w.col
    -- It is a B-tree, which compares as `=` does.
    AND (SELECT c.relam FROM pg_catalog.pg_class c WHERE c.oid = x.indexrelid) = 403
    AND (SELECT o.opcdefault FROM pg_catalog.pg_opclass o WHERE o.oid = x.indclass[0])
    -- Where a value is that of many rows, the server may not use the index.
    AND (SELECT count(*) FROM pg_catalog.pg_stats d
        WHERE d.schemaname = (SELECT s.nspname FROM pg_catalog.pg_namespace s WHERE s.oid = t.relnamespace)
        AND d.tablename = t.relname AND d.attname = w.col::name AND d.n_distinct BETWEEN 1 AND 99) = 0
    -- Citus has the rows of a distributed table elsewhere.
    AND pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NULL
    ORDER BY x.indnkeyatts, x.indexrelid LIMIT 1
) i ON true
