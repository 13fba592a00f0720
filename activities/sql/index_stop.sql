-- Cancels the index that the backend $1 creates or drops, if it is one of our own login; a row while it goes on.
-- By its statement: while it waits for its first lock, pg_stat_progress_create_index does not know it yet.
SELECT pg_catalog.pg_cancel_backend(s.pid) AS told
  FROM pg_catalog.pg_stat_activity AS s
 WHERE s.pid = $1::pg_catalog.int4
   AND s.usename = current_user
   AND s.application_name = 'poolmedic'
   AND s.state = 'active'
   AND s.query ~ '^(CREATE|DROP) INDEX CONCURRENTLY '
