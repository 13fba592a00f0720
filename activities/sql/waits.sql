-- What the client backends of the whole server wait for while they execute a statement, ourselves left out;
-- and how many of them are not the target's own, in the same moment: apart, two readings would not add up.
SELECT coalesce(wait_event_type, 'running') AS kind,
       count(*) AS backends,
       count(*) FILTER (WHERE (usename = $1::name AND datname = $2::name
                               AND application_name = ANY ($3::text[])) IS NOT TRUE) AS others
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
   AND state IN ('active', 'fastpath function call')
   AND pid <> pg_backend_pid()
 GROUP BY 1
 ORDER BY 2 DESC, 1
