-- The foreign keys of the tables $1.
SELECT f.conrelid, f.conname::text, f.conkey, f.confrelid,
    f.confrelid::pg_catalog.regclass::text, f.confkey, f.condeferred
FROM pg_catalog.pg_constraint f
WHERE f.conrelid = ANY ($1) AND f.contype = 'f'
    -- One that refers to a partitioned table has another like it for each partition.
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole
        WHERE whole.oid = f.conparentid AND whole.conrelid = f.conrelid)
ORDER BY f.conrelid, f.conname COLLATE "C"
