-- The target's own query shapes: those that run now first, then the most expensive ones.
SELECT shapes.queryid AS query_id,
       min(left(shapes.query, 10000)) AS text,
       sum(shapes.calls)::bigint AS calls,
       (sum(shapes.total_exec_time) / sum(shapes.calls) / 1000)::float8 AS mean_seconds,
       coalesce(max(running.sessions), 0) AS active_now
  FROM {schema}.pg_stat_statements AS shapes
  JOIN pg_roles AS r ON r.oid = shapes.userid
  JOIN pg_database AS d ON d.oid = shapes.dbid
  LEFT JOIN (SELECT query_id, count(*) AS sessions
               FROM pg_stat_activity
              WHERE backend_type = 'client backend'
                AND state = 'active'
                AND usename = $1::name
                AND datname = $2::name
                AND application_name = ANY ($3::text[])
              GROUP BY query_id) AS running ON running.query_id = shapes.queryid
 WHERE r.rolname = $1::name
   AND d.datname = $2::name
   AND shapes.calls > 0
   AND shapes.queryid IS NOT NULL
 GROUP BY shapes.queryid
 ORDER BY active_now DESC, sum(shapes.total_exec_time) DESC
 LIMIT $4
