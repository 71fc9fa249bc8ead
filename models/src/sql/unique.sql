-- The unique indexes of the tables $1.
SELECT i.indrelid, c.relname::text,
    ARRAY(SELECT part.number FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY
        AS part(number, position) WHERE part.position <= i.indnkeyatts ORDER BY part.position),
    i.indisprimary, i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL, i.indimmediate
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY ($1) AND i.indisunique
ORDER BY i.indrelid, c.relname COLLATE "C"
