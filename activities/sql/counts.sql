-- Client backends that are the target's own, and everybody else's but this one; of these, those of its role.
SELECT count(*) FILTER (WHERE is_own) AS own,
       count(*) FILTER (WHERE NOT is_own) AS foreign_ones,
       count(*) FILTER (WHERE NOT is_own AND is_of_role) AS foreign_of_role
  FROM (SELECT usename = $1::name AND datname = $2::name AND application_name = ANY ($3::text[]) AS is_own,
               usename = $1::name AS is_of_role
          FROM pg_stat_activity
         WHERE backend_type = 'client backend'
           AND pid <> pg_backend_pid()) AS clients
