-- Replication slots that nobody reads, and how much of the write-ahead log is kept for them.
SELECT count(*) AS idle,
       max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                ELSE pg_current_wal_lsn() END, restart_lsn))::bigint AS kept_bytes
  FROM pg_replication_slots
 WHERE NOT active
