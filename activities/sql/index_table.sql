-- A table that a query reads whole ($1 schema, $2 name), what it is, and which of its indexes have to do with
-- the columns $3. Read in a session of its own, whose search_path is the server's: operators are its own too.
SELECT c.oid,
       c.reltuples::pg_catalog.float8 AS rows,
       pg_catalog.pg_table_size(c.oid) AS bytes,
       c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AS is_plain,
       c.relrowsecurity AS is_secured,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_ours,
       owner.rolname::pg_catalog.text AS owner,
       owner.rolsuper AS is_superusers,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS has_room,
       -- A valid index without a condition that begins with one of them would have been used if it helped.
       ARRAY (SELECT a.attname::pg_catalog.text
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
                 AND a.attname = ANY ($3::pg_catalog.text[])) AS indexed,
       -- One with a condition, or on an expression, serves some values of a parameter, which no plan for any shows.
       ARRAY (SELECT DISTINCT x.relname::pg_catalog.text
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                JOIN pg_catalog.pg_depend AS d
                  ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
               WHERE i.indrelid = c.oid AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)
                 AND a.attname = ANY ($3::pg_catalog.text[])
               ORDER BY 1) AS partly,
       ARRAY (SELECT pg_catalog.format('%I.%I', n.nspname, x.relname)
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = c.oid AND NOT i.indisvalid
                 AND a.attname = ANY ($3::pg_catalog.text[])
               ORDER BY 1) AS invalid
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS owner ON owner.oid = c.relowner
 WHERE n.nspname = $1 AND c.relname = $2
