-- The target's own query shapes: those that its sessions run, or ran last, then the most expensive ones.
SELECT shapes.queryid AS query_id,
       min(left(shapes.query, 10000)) AS text,
       sum(shapes.calls)::bigint AS calls,
       (sum(shapes.total_exec_time) / sum(shapes.calls) / 1000)::float8 AS mean_seconds,
       (max(shapes.max_exec_time) / 1000)::float8 AS longest_seconds,
       -- Of all calls together: the mean of the squares less the square of the mean.
       (sqrt(greatest(sum(shapes.calls * (shapes.stddev_exec_time ^ 2 + shapes.mean_exec_time ^ 2))
                          / sum(shapes.calls) - (sum(shapes.total_exec_time) / sum(shapes.calls)) ^ 2, 0))
           / 1000)::float8 AS deviation_seconds,
       coalesce(max(sessions.active), 0) AS active_now
  FROM {schema}.pg_stat_statements AS shapes
  JOIN pg_roles AS r ON r.oid = shapes.userid
  JOIN pg_database AS d ON d.oid = shapes.dbid
  LEFT JOIN (SELECT query_id,
                    count(*) FILTER (WHERE state = 'active') AS active,
                    count(*) AS any_state
               FROM pg_stat_activity
              WHERE backend_type = 'client backend'
                AND usename = $1::name
                AND datname = $2::name
                AND application_name = ANY ($3::text[])
              GROUP BY query_id) AS sessions ON sessions.query_id = shapes.queryid
 WHERE r.rolname = $1::name
   AND d.datname = $2::name
   AND shapes.calls > 0
   AND shapes.queryid IS NOT NULL
 GROUP BY shapes.queryid
 ORDER BY active_now DESC, max(sessions.any_state) DESC NULLS LAST, sum(shapes.total_exec_time) DESC
 LIMIT $4
