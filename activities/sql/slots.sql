-- Replication slots that nobody reads and that keep write-ahead log, and how much of it. Not those that the
-- server itself keeps in step (synced, since 17), that end with their session, or that are lost already.
SELECT max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                ELSE pg_current_wal_lsn() END, s.restart_lsn))::bigint AS kept_bytes,
       coalesce(array_agg(s.slot_name::text ORDER BY s.restart_lsn, s.slot_name), '{}') AS names
  FROM pg_replication_slots AS s
 WHERE NOT s.active
   AND NOT s.temporary
   AND s.restart_lsn IS NOT NULL
   AND s.wal_status IS DISTINCT FROM 'lost'
   AND (to_jsonb(s) ->> 'synced')::boolean IS NOT TRUE
