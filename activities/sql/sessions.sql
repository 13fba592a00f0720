-- The target's own sessions, those that rest last, else the oldest state first, beside the number of all client
-- backends that are its own, and of everybody else's but this one; of these, those of its role. One row without
-- a pid where none is listed. Never the text of a query.
SELECT clients.*, s.*
  FROM (SELECT count(*) FILTER (WHERE is_own) AS own,
               count(*) FILTER (WHERE NOT is_own) AS foreign_ones,
               count(*) FILTER (WHERE NOT is_own AND is_of_role) AS foreign_of_role
          FROM (SELECT usename = $1::name AND datname = $2::name AND application_name = ANY ($3::text[])
                           AS is_own,
                       usename = $1::name AS is_of_role
                  FROM pg_stat_activity
                 WHERE backend_type = 'client backend'
                   AND pid <> pg_backend_pid()) AS each) AS clients
  LEFT JOIN (
          SELECT s.pid, s.backend_start, s.state, s.state_change, s.xact_start,
                 s.usename, s.datname, s.application_name,
                 greatest(extract(epoch FROM clock_timestamp() - s.state_change), 0)::float8 AS state_seconds,
                 CASE WHEN s.xact_start IS NOT NULL  -- greatest() would make a zero of it
                      THEN greatest(extract(epoch FROM clock_timestamp() - s.xact_start), 0)::float8 END AS xact_seconds,
                 s.backend_xid IS NOT NULL AS has_written,
                 -- It takes every lock partition for a moment, once per look.
                 s.pid IN (SELECT held.pid FROM pg_locks AS held
                            WHERE held.locktype = 'advisory' AND held.granted AND held.pid IS NOT NULL)
                     AS holds_advisory_lock,
                 s.wait_event_type, s.wait_event, s.query_id, s.query_start,
                 -- By its kind alone: a query that holds none of the words with which one writes or locks rows, and
                 -- no second statement. Where its end was cut off, or a comment hides where it begins, it is none.
                 octet_length(s.query) < room.bytes - 4
                     AND s.query ~* E'^(?:\\s|--[^\n]*\n|/\\*(?:(?!/\\*|\\*/).)*\\*/|\\()*(?:SELECT|WITH|VALUES|TABLE)\\M'
                     AND s.query !~* E'\\m(?:INSERT|UPDATE|DELETE|MERGE|INTO|SHARE)\\M'
                     AND s.query !~ E';\\s*\\S' AS reads_only,
                 -- It takes them too, once per session: only for those that do wait.
                 CASE WHEN s.wait_event_type = 'Lock' THEN pg_blocking_pids(s.pid) ELSE '{}' END AS blocked_by,
                 progress.name AS in_progress
            FROM pg_stat_activity AS s
           CROSS JOIN (SELECT setting::int AS bytes FROM pg_settings WHERE name = 'track_activity_query_size') AS room
            LEFT JOIN LATERAL (
                     SELECT 'pg_stat_progress_create_index' AS name FROM pg_stat_progress_create_index WHERE pid = s.pid
                     UNION ALL SELECT 'pg_stat_progress_vacuum' FROM pg_stat_progress_vacuum WHERE pid = s.pid
                     UNION ALL SELECT 'pg_stat_progress_analyze' FROM pg_stat_progress_analyze WHERE pid = s.pid
                     UNION ALL SELECT 'pg_stat_progress_cluster' FROM pg_stat_progress_cluster WHERE pid = s.pid
                     UNION ALL SELECT 'pg_stat_progress_basebackup' FROM pg_stat_progress_basebackup WHERE pid = s.pid
                     UNION ALL SELECT 'pg_stat_progress_copy' FROM pg_stat_progress_copy WHERE pid = s.pid
                     LIMIT 1) AS progress ON true
           WHERE s.backend_type = 'client backend'
             AND s.usename = $1::name
             AND s.datname = $2::name
             AND s.application_name = ANY ($3::text[])
             AND s.pid <> pg_backend_pid()
             -- A backend that is still starting has neither; it is counted, and seen at the next look.
             AND s.state IS NOT NULL
             AND s.state_change IS NOT NULL
           -- Whoever rests is the first to be cut.
           ORDER BY s.state = 'idle', s.state_change, s.pid
           LIMIT $4) AS s ON true
 ORDER BY s.state = 'idle', s.state_change, s.pid
