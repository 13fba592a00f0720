-- The index of that name ($1 schema, $2 name), whatever it is; no row where there is none.
SELECT i.indisvalid AND i.indisready AS is_valid,
       t.relname::pg_catalog.text AS table_name, am.amname::pg_catalog.text AS method,
       -- A column that is only included orders nothing: (a) INCLUDE (b) is not (a, b).
       i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisunique AND i.indnkeyatts = i.indnatts AS is_plain,
       ARRAY (SELECT a.attname::pg_catalog.text
                FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS part (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = part.attnum
               ORDER BY part.place) AS columns,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index WHERE index_relid = c.oid) AS is_being_built
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
  LEFT JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
 WHERE n.nspname = $1 AND c.relname = $2
