-- What CREATE INDEX CONCURRENTLY on the table $1 (schema $2) would wait for, and not for a moment only:
-- transactions that write to it, and snapshots older than $4 seconds; of the slow query $3 itself, which comes
-- to its end, those older than $5.
WITH relation AS (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND n.nspname = $2
)
SELECT s.pid, s.usename::text AS role, s.application_name, 'has a lock on the table, and may write to it' AS why,
       extract(epoch FROM clock_timestamp() - s.xact_start)::float8 AS seconds
  FROM pg_locks AS l
  JOIN relation ON relation.oid = l.relation
  JOIN pg_stat_activity AS s ON s.pid = l.pid
 WHERE l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                  'ExclusiveLock', 'AccessExclusiveLock')
   AND s.xact_start < clock_timestamp() - $4::float8 * interval '1 second'
UNION ALL
SELECT s.pid, s.usename::text, s.application_name, 'has a snapshot that the creation waits for',
       extract(epoch FROM clock_timestamp() - s.xact_start)::float8
  FROM pg_stat_activity AS s
 WHERE s.backend_type = 'client backend'
   AND s.datname = current_database()
   AND s.pid <> pg_backend_pid()
   AND s.backend_xmin IS NOT NULL
   -- It is not the snapshot's end that is waited for, but that of its whole transaction.
   AND s.xact_start < clock_timestamp() - CASE WHEN s.query_id = $3::bigint THEN $5::float8 ELSE $4::float8 END
                                          * interval '1 second'
   -- A creation beside everybody's work is not waited for, unless it evaluates expressions.
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p
                     JOIN pg_index AS i ON i.indexrelid = p.index_relid
                    WHERE p.pid = s.pid
                      AND p.command LIKE '%CONCURRENTLY'
                      AND i.indexprs IS NULL
                      AND i.indpred IS NULL)
   AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum AS p WHERE p.pid = s.pid)
UNION ALL
SELECT 0, p.owner::text, '', 'is a prepared transaction',
       extract(epoch FROM clock_timestamp() - p.prepared)::float8
  FROM pg_prepared_xacts AS p
 WHERE p.database = current_database()
 LIMIT 10
