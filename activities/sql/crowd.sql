-- Who has the server's connections: client backends of everybody by role, application name and state, the most
-- first, $1 groups at most; of each the time since its oldest state began.
SELECT coalesce(usename::text, '') AS role, coalesce(application_name, '') AS application,
       coalesce(state, '') AS state, count(*) AS sessions,
       greatest(max(extract(epoch FROM clock_timestamp() - state_change)), 0)::float8 AS oldest_seconds
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
 GROUP BY 1, 2, 3
 ORDER BY count(*) DESC, 1, 2, 3
 LIMIT $1::bigint
