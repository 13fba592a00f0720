-- Client backends that are the target's own, and everybody else's but this one.
SELECT count(*) FILTER (WHERE is_own) AS own,
       count(*) FILTER (WHERE NOT is_own) AS foreign_ones
  FROM (SELECT usename = $1::name AND datname = $2::name AND application_name = ANY ($3::text[]) AS is_own
          FROM pg_stat_activity
         WHERE backend_type = 'client backend'
           AND pid <> pg_backend_pid()) AS clients
