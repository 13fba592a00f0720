-- A table that a query reads whole ($1, $2), and what its statistics say of the columns $3.
SELECT c.oid,
       greatest(c.reltuples, 0)::bigint AS rows,
       pg_table_size(c.oid) AS bytes,
       c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AS is_plain,
       pg_has_role(c.relowner, 'USAGE') AS is_ours,
       pg_get_userbyid(c.relowner)::text AS owner,
       ARRAY (SELECT coalesce(CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END, 0)
                FROM unnest($3::text[]) WITH ORDINALITY AS wanted (name, place)
                LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
                                       AND s.attname = wanted.name AND NOT s.inherited
               ORDER BY wanted.place)::float8[] AS distinct_values,
       -- A valid index without a condition that begins with one of them would have been used if it helped.
       ARRAY (SELECT a.attname::text
                FROM pg_index AS i
                JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
                 AND a.attname = ANY ($3::text[])) AS indexed
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2
