-- Cancels the creation of an index by the backend $1, if it is one of our own login; a row while it goes on.
SELECT pg_catalog.pg_cancel_backend(p.pid) AS told
  FROM pg_catalog.pg_stat_progress_create_index AS p
  JOIN pg_catalog.pg_stat_activity AS s ON s.pid = p.pid
 WHERE p.pid = $1::pg_catalog.int4
   AND s.usename = current_user
   AND s.application_name = 'poolmedic'
