-- Which of these pids belong to a backend now, since when, and what it does.
SELECT pid, backend_start, state, state_change, xact_start, query_start, usename, datname, application_name,
       backend_xid IS NOT NULL AS has_written, wait_event_type
  FROM pg_stat_activity
 WHERE pid = ANY ($1::int[])
