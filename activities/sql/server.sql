-- The server, the limits it sets the application's role $1 and this database, and what our own role may
-- see and do on it. Needs no right beyond a login.
WITH ours AS (
    SELECT n.oid AS schema, c.oid AS listed
      FROM pg_namespace AS n
      LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'application_role'
     WHERE n.nspname = 'poolmedic'
), functions AS (
    -- Of deploy/postgres. Each runs as its owner: without these rights it would be called, and do nothing.
    SELECT p.proname::text AS name, o.rolname AS owner,
           has_schema_privilege(ours.schema, 'USAGE') AS is_open,
           has_function_privilege(p.oid, 'EXECUTE') AS may_be_called,
           array_remove(ARRAY [
               CASE WHEN NOT has_schema_privilege(o.oid, ours.schema, 'USAGE')
                    THEN 'USAGE on the schema poolmedic' END,
               CASE WHEN NOT has_table_privilege(o.oid, ours.listed, 'SELECT')
                    THEN 'SELECT on poolmedic.application_role' END,
               CASE WHEN signals.it AND NOT pg_has_role(o.oid, 'pg_read_all_stats', 'USAGE')
                    THEN 'pg_read_all_stats' END,
               CASE WHEN signals.it AND NOT pg_has_role(o.oid, 'pg_signal_backend', 'USAGE')
                    THEN 'pg_signal_backend' END,
               CASE WHEN NOT (signals.it OR o.rolcreaterole OR o.rolsuper)
                    THEN 'CREATEROLE' END], NULL) AS owner_lacks
      FROM ours
      JOIN pg_proc AS p ON p.pronamespace = ours.schema
      JOIN pg_roles AS o ON o.oid = p.proowner
     CROSS JOIN LATERAL (SELECT p.proname <> 'set_session_timeout' AS it) AS signals
     WHERE p.prorettype = 'boolean'::regtype
       AND p.proname IN ('terminate_session', 'cancel_query', 'set_session_timeout')
)
SELECT current_setting('server_version_num')::int AS version,
       current_database() AS dbname,
       pg_is_in_recovery() AS in_recovery,
       pg_postmaster_start_time() AS started_at,
       current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int
           -- PostgreSQL 15 and older have no reserved_connections.
           + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved_connections,
       current_setting('reserved_connections', true)::int AS reserved_for_roles,
       EXISTS (SELECT FROM pg_roles
                WHERE rolname = 'pg_use_reserved_connections' AND pg_has_role(oid, 'USAGE')) AS uses_reserved,
       -- -1 is no limit; -2 marks a database that nobody can use any more.
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = $1::name AND rolconnlimit >= 0) AS role_limit,
       (SELECT datconnlimit FROM pg_database
         WHERE datname = current_database() AND datconnlimit >= 0) AS database_limit,
       CASE WHEN current_setting('synchronous_standby_names') <> ''
            THEN (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))
        END AS sync_standbys,
       (SELECT split_part(setting, '=', 2)
          FROM pg_db_role_setting AS s
          JOIN pg_roles AS r ON r.oid = s.setrole
          JOIN pg_database AS d ON d.oid = s.setdatabase
         CROSS JOIN unnest(s.setconfig) AS setting
         WHERE r.rolname = $1::name
           AND d.datname = current_database()
           AND split_part(setting, '=', 1) = 'idle_in_transaction_session_timeout') AS session_timeout,
       EXISTS (SELECT FROM pg_auth_members AS held
                 JOIN pg_roles AS r ON r.oid = held.roleid
                 JOIN pg_roles AS m ON m.oid = held.member
                WHERE r.rolname = $1::name
                  AND m.rolname = 'poolmedic_configurer'
                  AND held.admin_option) AS is_configurable,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('is_superuser') = 'on' AS is_superuser,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_every_session,
       -- The catalogue is asked, because a name in a schema that is closed to us would raise an error.
       ARRAY (SELECT name FROM functions WHERE is_open AND may_be_called AND owner_lacks = '{}') AS may_call,
       ARRAY (
           SELECT format('%I lacks %s', owner, each) FROM functions, unnest(owner_lacks) AS each
            UNION
           SELECT format('%I lacks EXECUTE on poolmedic.%I', current_user, name)
             FROM functions
            WHERE NOT may_be_called
            UNION
           SELECT format('%I lacks USAGE on the schema poolmedic', current_user)
             FROM ours
            WHERE NOT has_schema_privilege(ours.schema, 'USAGE')
            UNION
           SELECT format('%I lacks SELECT on poolmedic.application_role', current_user)
             FROM ours
            WHERE NOT has_table_privilege(ours.listed, 'SELECT')
            ORDER BY 1) AS lacking,
       EXISTS (SELECT FROM ours
                WHERE has_schema_privilege(ours.schema, 'USAGE')
                  AND has_table_privilege(ours.listed, 'SELECT')) AS lists_roles
