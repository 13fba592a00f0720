-- Columns ($2, in this order) of the table $1: their types, and what the statistics say of their values.
SELECT a.attname::pg_catalog.text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       b.oid IN ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype) AS is_text,
       -- Of the server's own, short, and ordered as everybody expects.
       b.typtype = 'e'
           OR b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
              AND b.typname = ANY ('{bool,char,name,text,varchar,bpchar,int2,int4,int8,numeric,float4,float8,money,oid,
                                     date,time,timetz,timestamp,timestamptz,interval,uuid,inet,cidr,macaddr,macaddr8}'
                                   ::pg_catalog.name[]) AS is_plain,
       -- Above a third of a page an entry of a B-tree has no room; a character takes four bytes at most.
       b.typname IN ('text', 'varchar', 'bpchar') AND (modifier < 0 OR (modifier - 4) * 4 > 2700) AS is_unbounded,
       CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct
       END::pg_catalog.float8 AS distinct_values,
       coalesce(s.most_common_freqs[1], 0)::pg_catalog.float8 AS commonest
  FROM pg_catalog.unnest($2::pg_catalog.text[]) WITH ORDINALITY AS wanted (name, place)
  JOIN pg_catalog.pg_class AS c ON c.oid = $1
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = wanted.name AND a.attnum > 0
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier) AS m
  JOIN pg_catalog.pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
                                    AND s.attname = a.attname AND NOT s.inherited
 ORDER BY wanted.place
