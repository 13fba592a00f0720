-- Who has waited for $2 seconds behind the backend $1 for a lock that holds up writers, or readers as well:
-- everybody else who comes to the table queues behind that.
SELECT s.pid, s.usename::text AS role, s.application_name, l.mode,
       extract(epoch FROM clock_timestamp() - l.waitstart)::float8 AS seconds
  FROM pg_locks AS l
  JOIN pg_stat_activity AS s ON s.pid = l.pid
 WHERE NOT l.granted
   AND l.locktype = 'relation'
   AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND l.waitstart < clock_timestamp() - $2::float8 * interval '1 second'
   AND $1::int = ANY (pg_blocking_pids(l.pid))
 ORDER BY l.waitstart
 LIMIT 1
