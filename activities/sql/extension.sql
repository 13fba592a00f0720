-- Where pg_stat_statements lives, quoted as an identifier; no row where it was not created.
SELECT quote_ident(n.nspname)
  FROM pg_extension AS e
  JOIN pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname = 'pg_stat_statements'
