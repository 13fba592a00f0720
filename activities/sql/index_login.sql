-- Where the login of deploy/postgres/index.sql got in, and as whom; and the superusers whose rights it has or
-- could take.
SELECT pg_catalog.current_database() AS dbname, pg_catalog.pg_is_in_recovery() AS in_recovery,
       session_user::pg_catalog.text AS role,
       (SELECT s.backend_start
          FROM pg_catalog.pg_stat_activity AS s
         WHERE s.pid = pg_catalog.pg_backend_pid()) AS began,
       ARRAY (SELECT r.rolname::pg_catalog.text
                FROM pg_catalog.pg_roles AS r
               WHERE r.rolsuper AND pg_catalog.pg_has_role(r.oid, 'MEMBER')
               ORDER BY 1) AS superusers
