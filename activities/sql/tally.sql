-- One shape of the application's own ($1 role, $2 database, $3 its id): its text, and what its calls took.
-- The column stats_since is there from PostgreSQL 17 on: since when this very shape is counted.
SELECT min(shapes.query) AS text, sum(shapes.calls)::bigint AS calls,
       (sum(shapes.total_exec_time) / 1000)::float8 AS total_seconds,
       max(to_jsonb(shapes) ->> 'stats_since') AS began
  FROM {schema}.pg_stat_statements AS shapes
  JOIN pg_roles AS r ON r.oid = shapes.userid
  JOIN pg_database AS d ON d.oid = shapes.dbid
 WHERE r.rolname = $1::name
   AND d.datname = $2::name
   AND shapes.queryid = $3::bigint
