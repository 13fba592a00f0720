-- What the client backends of the whole server wait for while they execute a statement, ourselves left out.
SELECT coalesce(wait_event_type, 'running') AS kind, count(*) AS backends
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
   AND state IN ('active', 'fastpath function call')
   AND pid <> pg_backend_pid()
 GROUP BY 1
 ORDER BY 2 DESC, 1
