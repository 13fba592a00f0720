-- Everybody in front of waiting sessions, several levels deep, those that wait for nobody first.
-- $1: the pids they wait behind; $2: the sessions whose own waits are known already. Never the text of a
-- query: of a statement that changes a table's definition no more than which of these it is.
WITH RECURSIVE ahead (pid) AS (
    SELECT unnest($1::int[])
     UNION
    SELECT unnest(pg_blocking_pids(s.pid))
      FROM ahead
      JOIN pg_stat_activity AS s ON s.pid = ahead.pid
     WHERE s.wait_event_type = 'Lock'
       AND s.pid <> ALL ($2::int[])
), conflicts (mode, others) AS (
    -- PostgreSQL's manual, "Table-Level Lock Modes"; locks of other kinds use some of the same modes.
    VALUES ('AccessShareLock', '{AccessExclusiveLock}'::text[]),
           ('RowShareLock', '{ExclusiveLock,AccessExclusiveLock}'),
           ('RowExclusiveLock', '{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ShareUpdateExclusiveLock',
            '{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ShareLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,'
                         'AccessExclusiveLock}'),
           ('ShareRowExclusiveLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,'
                                     'ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ExclusiveLock', '{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,'
                             'ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('AccessExclusiveLock', '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,'
                                   'ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')
), locks AS MATERIALIZED (
    SELECT l.pid, l.granted, l.mode, l.locktype, l.database, l.relation, l.transactionid,
           l.virtualtransaction,
           ROW (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
                l.classid, l.objid, l.objsubid)::text AS object
      FROM pg_locks AS l
), awaited AS (
    SELECT * FROM locks
     WHERE NOT granted
       AND (pid = ANY ($2::int[]) OR pid IN (SELECT pid FROM ahead))
), holders AS (
    -- A prepared transaction has no pid; here it is 0, as pg_blocking_pids calls it.
    SELECT DISTINCT coalesce(held.pid, 0) AS pid, held.virtualtransaction,
           awaited.locktype, awaited.mode, awaited.database, awaited.relation
      FROM locks AS held
      JOIN awaited ON awaited.object = held.object AND awaited.pid IS DISTINCT FROM held.pid
      JOIN conflicts ON conflicts.mode = held.mode AND awaited.mode = ANY (conflicts.others)
     WHERE held.granted
)
SELECT ahead.pid,
       coalesce(s.backend_type, CASE ahead.pid WHEN 0 THEN 'prepared transaction' ELSE 'gone' END) AS kind,
       s.backend_start, s.state, s.state_change, s.xact_start, s.usename, s.datname, s.application_name,
       s.query_start,
       CASE WHEN coalesce(s.state_change, prepared.at) IS NOT NULL  -- greatest() would make a zero of it
            THEN greatest(extract(epoch FROM clock_timestamp() - coalesce(s.state_change, prepared.at)), 0)::float8
             END AS state_seconds,
       s.backend_xid IS NOT NULL OR prepared.at IS NOT NULL AS has_written,
       s.wait_event_type, s.wait_event,
       CASE WHEN s.wait_event_type = 'Lock' AND s.pid <> ALL ($2::int[])
            THEN pg_blocking_pids(s.pid) ELSE '{}' END AS blocked_by,
       request.locktype AS awaits_kind, request.mode AS awaits_mode, request.relation AS awaits_relation,
       ahead.pid IN (SELECT pid FROM holders) AS holds,
       withheld.locktype AS withholds_kind, withheld.mode AS withholds_mode,
       withheld.relation AS withholds_relation,
       substring(upper(regexp_replace(left(s.query, 200), '\s+', ' ', 'g')) FROM
                 '^ ?(ALTER TABLE|ALTER INDEX|ALTER VIEW|ALTER MATERIALIZED VIEW|ALTER SEQUENCE|ALTER TYPE|'
                 'CREATE (?:UNIQUE )?INDEX|CREATE TRIGGER|CREATE RULE|CREATE POLICY|DROP TABLE|DROP INDEX|'
                 'DROP VIEW|DROP MATERIALIZED VIEW|DROP TRIGGER|DROP SCHEMA|TRUNCATE|LOCK|REINDEX|CLUSTER|'
                 'VACUUM FULL|REFRESH MATERIALIZED VIEW)\M') AS statement,
       prepared.owner,
       coalesce(s.backend_type = 'autovacuum worker' AND s.query LIKE '%(to prevent wraparound)', false)
           AS prevents_wraparound
  FROM ahead
  LEFT JOIN pg_stat_activity AS s ON s.pid = ahead.pid
  LEFT JOIN LATERAL (
           SELECT awaited.locktype, awaited.mode,
                  CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END AS relation
             FROM awaited
             LEFT JOIN (pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace)
                    ON c.oid = awaited.relation
                   AND awaited.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            WHERE awaited.pid = ahead.pid
            LIMIT 1) AS request ON true
  LEFT JOIN LATERAL (
           SELECT holders.locktype, holders.mode,
                  CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END AS relation
             FROM holders
             LEFT JOIN (pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace)
                    ON c.oid = holders.relation
                   AND holders.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            WHERE holders.pid = ahead.pid
            ORDER BY holders.locktype <> 'relation', c.oid IS NULL, n.nspname, c.relname, holders.mode
            LIMIT 1) AS withheld ON true
  LEFT JOIN LATERAL (
           SELECT p.owner, p.prepared AS at
             FROM pg_prepared_xacts AS p
             JOIN locks AS id ON id.locktype = 'transactionid' AND id.transactionid = p.transaction
             JOIN holders ON holders.virtualtransaction = id.virtualtransaction
            WHERE ahead.pid = 0
              AND holders.pid = 0
              AND id.pid IS NULL
            ORDER BY p.prepared
            LIMIT 1) AS prepared ON true
 ORDER BY s.wait_event_type IS NOT DISTINCT FROM 'Lock', ahead.pid
 LIMIT $3
