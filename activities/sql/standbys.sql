-- The standbys that are connected to this server, the farthest behind first. $1: the most of them.
SELECT r.state,
       r.sync_state IN ('sync', 'quorum') AS is_sync,
       CASE WHEN r.replay_lsn IS NOT NULL  -- greatest() would make a zero of it
            THEN greatest(pg_wal_lsn_diff(here.lsn, r.replay_lsn), 0)::bigint END AS behind_bytes,
       extract(epoch FROM r.replay_lag)::float8 AS behind_seconds
  FROM pg_stat_replication AS r
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_lsn() END AS lsn) AS here
 WHERE r.state IS NOT NULL
 ORDER BY behind_bytes DESC NULLS FIRST
 LIMIT $1
