-- Client backends that are the target's own.
SELECT count(*)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
   AND usename = $1::name
   AND datname = $2::name
   AND application_name = ANY ($3::text[])
   AND pid <> pg_backend_pid()
