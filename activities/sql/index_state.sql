-- The index of that name ($1 schema, $2 name), whatever it is; no row where there is none.
SELECT i.indisvalid AND i.indisready AS is_valid,
       t.relname::text AS table_name, am.amname::text AS method,
       i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisunique AS is_plain,
       ARRAY (SELECT a.attname::text
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (attnum, place)
                JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = part.attnum
               ORDER BY part.place) AS columns,
       EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = c.oid) AS is_being_built
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
  LEFT JOIN pg_class AS t ON t.oid = i.indrelid
  LEFT JOIN pg_am AS am ON am.oid = c.relam
 WHERE n.nspname = $1 AND c.relname = $2
