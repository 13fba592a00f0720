-- Sessions of the application ($1 role, $2 database) that run the query $3 at this moment: how many they are, how
-- many hold the table $4 for it, and which others of that table's name any of them holds.
WITH readers AS (
    SELECT s.pid
      FROM pg_catalog.pg_stat_activity AS s
     WHERE s.backend_type = 'client backend'
       AND s.usename = $1::pg_catalog.name
       AND s.datname = $2::pg_catalog.name
       AND s.state = 'active'
       AND s.query_id = $3::pg_catalog.int8
), held AS (
    SELECT l.pid, c.oid, n.nspname
      FROM pg_catalog.pg_locks AS l
      JOIN readers ON readers.pid = l.pid
      JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE l.granted
       AND l.locktype = 'relation'
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND c.relname = (SELECT relname FROM pg_catalog.pg_class WHERE oid = $4)
)
SELECT (SELECT pg_catalog.count(*) FROM readers) AS running,
       (SELECT pg_catalog.count(DISTINCT pid) FROM held WHERE oid = $4) AS holding,
       ARRAY (SELECT DISTINCT nspname::pg_catalog.text FROM held WHERE oid <> $4 ORDER BY 1) AS elsewhere
