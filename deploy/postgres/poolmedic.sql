-- The rights poolmedic needs on one database, and no more.
--
-- Apply it as a superuser, once in every database that an application of yours uses:
--
--     psql -X -v ON_ERROR_STOP=1 -d shop -f poolmedic.sql &&
--     psql -X -d shop -c "INSERT INTO poolmedic.application_role (role) VALUES ('shop_app') ON CONFLICT DO NOTHING"
--
-- and, once per server, give the login a password:
--
--     psql -X -d shop -c '\password poolmedic'
--
-- It can be applied again at any time. README.md beside it says what each right is for. What it finds and
-- did not make itself, it refuses: the owner of a database can plant what a superuser's script would run.

-- All or nothing, and no function, operator or type of the database's owner is taken for the server's own.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;

-- The role that poolmedic logs in as, which sees every session and ends none by itself; and the owner of the
-- functions, as which nobody can log in.
--
-- Whoever has CREATEROLE can make a role of that name, and leave code behind that runs as it. So a role that
-- we make gets a mark: a setting that no extension defines can be given to a role by a superuser alone.
DO $$
DECLARE
    strange text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'poolmedic') THEN
        CREATE ROLE poolmedic LOGIN CONNECTION LIMIT 8;
        ALTER ROLE poolmedic SET poolmedic.made_as = 'poolmedic';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'poolmedic_definer') THEN
        CREATE ROLE poolmedic_definer;
        ALTER ROLE poolmedic_definer SET poolmedic.made_as = 'poolmedic_definer';
    END IF;
    SELECT string_agg(format('%I', r.rolname), ', ' ORDER BY r.rolname) INTO strange
      FROM pg_roles AS r
     WHERE r.rolname IN ('poolmedic', 'poolmedic_definer', 'poolmedic_configurer', 'poolmedic_index')
       AND NOT EXISTS (SELECT FROM pg_db_role_setting AS s
                        WHERE s.setrole = r.oid AND s.setdatabase = 0
                          AND format('poolmedic.made_as=%s', r.rolname) = ANY (s.setconfig));
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'a role of poolmedic exists already, and these files did not make it: %', strange
            USING HINT = 'Nothing was changed. Whoever made it can have left code that runs as it. Find out '
                         'who did; then, in every database, DROP SCHEMA poolmedic CASCADE and DROP OWNED BY '
                         'the role, DROP ROLE it, and apply the files again. So too where these files were '
                         'applied before they marked the roles they make.';
    END IF;
    -- PostgreSQL 16 and later: a login even when the application has taken every ordinary slot.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
        GRANT pg_use_reserved_connections TO poolmedic;
    END IF;
END
$$;

-- Whoever was given one of the roles can act as it.
DO $$
DECLARE
    strange text;
BEGIN
    SELECT string_agg(format('%I (%I may act as it)', r.rolname, m.rolname), ', ') INTO strange
      FROM pg_auth_members AS held
      JOIN pg_roles AS r ON r.oid = held.roleid
      JOIN pg_roles AS m ON m.oid = held.member
     WHERE (r.rolname IN ('poolmedic_definer', 'poolmedic_configurer')
            OR r.rolname = 'poolmedic' AND held.admin_option)
       AND NOT m.rolsuper;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'nobody but a superuser may hold a role of poolmedic, and somebody does: %', strange
            USING HINT = 'Nothing was changed. Find out who did that, then REVOKE the role from them, '
                         'with CASCADE, and apply this file again.';
    END IF;
END
$$;

-- The defaults of its sessions; it may set others for itself.
ALTER ROLE poolmedic SET search_path = pg_catalog, pg_temp;
ALTER ROLE poolmedic SET default_transaction_read_only = on;
ALTER ROLE poolmedic SET statement_timeout = '5s';
ALTER ROLE poolmedic SET lock_timeout = '1s';
ALTER ROLE poolmedic SET idle_in_transaction_session_timeout = '10s';
GRANT pg_read_all_stats TO poolmedic;

ALTER ROLE poolmedic_definer NOLOGIN;
GRANT pg_read_all_stats, pg_signal_backend TO poolmedic_definer;

CREATE SCHEMA IF NOT EXISTS poolmedic AUTHORIZATION poolmedic_definer;

-- After it was made, so that nobody can be quicker: from here on only we can put something into it.
DO $$
DECLARE
    strange text;
BEGIN
    SELECT string_agg(format('%s of %I', found.what, r.rolname), ', ' ORDER BY found.rank, found.what)
      INTO strange
      FROM (
          SELECT 1 AS rank, pg_describe_object('pg_namespace'::regclass, oid, 0) AS what, nspowner AS owner
            FROM pg_namespace WHERE nspname = 'poolmedic'
          UNION ALL
          SELECT 2, pg_describe_object('pg_class'::regclass, oid, 0), relowner
            FROM pg_class WHERE relnamespace = 'poolmedic'::regnamespace
          UNION ALL
          SELECT 3, pg_describe_object('pg_proc'::regclass, oid, 0), proowner
            FROM pg_proc WHERE pronamespace = 'poolmedic'::regnamespace
          UNION ALL
          SELECT 4, pg_describe_object('pg_type'::regclass, oid, 0), typowner
            FROM pg_type WHERE typnamespace = 'poolmedic'::regnamespace
      ) AS found
      JOIN pg_roles AS r ON r.oid = found.owner
     WHERE r.rolname <> 'poolmedic_definer'
       AND (found.rank = 1 OR NOT r.rolsuper)
       -- session_timeout.sql made it, in a schema that is ours; whoever could act as it is refused above.
       AND NOT (found.rank = 3 AND r.rolname = 'poolmedic_configurer');
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'what is poolmedic''s own exists already and belongs to somebody else: %', strange
            USING HINT = 'Nothing was changed. Its owner could run anything as you: read what is there. '
                         'If you made the schema yourself, ALTER SCHEMA poolmedic OWNER TO poolmedic_definer '
                         'and give the rest to a superuser; else DROP SCHEMA poolmedic CASCADE. '
                         'Then apply this file again.';
    END IF;
END
$$;

-- The roles whose sessions may be ended at all. Only the administrator writes here.
CREATE TABLE IF NOT EXISTS poolmedic.application_role (role name PRIMARY KEY);

-- Whoever writes into a table runs what hangs on it: it has to be as it is made here.
DO $$
DECLARE
    own CONSTANT oid := 'poolmedic.application_role'::regclass;
    strange text;
BEGIN
    SELECT string_agg(found.what, ', ' ORDER BY found.what) INTO strange
      FROM (
          SELECT 'not a plain table of a superuser'
           WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
                              WHERE c.oid = own AND c.relkind = 'r' AND c.relpersistence = 'p'
                                AND c.reloftype = 0 AND NOT c.relrowsecurity AND r.rolsuper)
          UNION ALL
          SELECT pg_describe_object('pg_class'::regclass, own, attnum) FROM pg_attribute
           WHERE attrelid = own AND attnum > 0 AND NOT attisdropped
             AND (attname <> 'role' OR atttypid <> 'name'::regtype)
          UNION ALL
          SELECT pg_describe_object('pg_class'::regclass, indexrelid, 0) FROM pg_index
           WHERE indrelid = own AND NOT indisprimary
          UNION ALL
          SELECT pg_describe_object('pg_constraint'::regclass, oid, 0) FROM pg_constraint
           -- From PostgreSQL 18 on, NOT NULL is one too.
           WHERE own IN (conrelid, confrelid) AND contype NOT IN ('p', 'n')
          UNION ALL
          SELECT pg_describe_object('pg_attrdef'::regclass, oid, 0) FROM pg_attrdef WHERE adrelid = own
          UNION ALL
          SELECT pg_describe_object('pg_trigger'::regclass, oid, 0) FROM pg_trigger WHERE tgrelid = own
          UNION ALL
          SELECT pg_describe_object('pg_rewrite'::regclass, oid, 0) FROM pg_rewrite WHERE ev_class = own
          UNION ALL
          SELECT pg_describe_object('pg_policy'::regclass, oid, 0) FROM pg_policy WHERE polrelid = own
          UNION ALL
          SELECT format('inheritance with %s', (CASE own WHEN inhrelid THEN inhparent ELSE inhrelid END)::regclass)
            FROM pg_inherits WHERE own IN (inhrelid, inhparent)
      ) AS found(what);
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'poolmedic.application_role is not as this file makes it: %', strange
            USING HINT = 'Nothing was changed. What hangs on the table runs as whoever writes into it: read '
                         'what is there, and do not write. Then DROP SCHEMA poolmedic CASCADE, apply the files '
                         'again, and list your roles anew.';
    END IF;
END
$$;

-- The sessions that may be ended now: of an allowed role, in this database, and doing nothing that
-- would leave something behind. Only the owner of the functions reads it.
CREATE OR REPLACE VIEW poolmedic.treatable_session AS
SELECT s.pid, s.backend_start, s.state, s.state_change, s.xact_start, s.query_start,
       s.usename, s.datname, s.application_name
  FROM pg_catalog.pg_stat_activity AS s
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.usesysid
  JOIN poolmedic.application_role AS allowed ON allowed.role = s.usename
 WHERE s.backend_type = 'client backend'
   AND s.datname = pg_catalog.current_database()
   AND s.pid <> pg_catalog.pg_backend_pid()
   AND NOT r.rolsuper
   AND NOT r.rolreplication
   AND r.rolname NOT IN ('poolmedic', 'poolmedic_definer')
   -- Cancelling a wait for a synchronous standby would report a commit that is not replicated.
   AND s.wait_event IS DISTINCT FROM 'SyncRep'
   AND NOT EXISTS (
       SELECT FROM (
           SELECT pid FROM pg_catalog.pg_stat_progress_create_index
           UNION ALL SELECT pid FROM pg_catalog.pg_stat_progress_vacuum
           UNION ALL SELECT pid FROM pg_catalog.pg_stat_progress_analyze
           UNION ALL SELECT pid FROM pg_catalog.pg_stat_progress_cluster
           UNION ALL SELECT pid FROM pg_catalog.pg_stat_progress_basebackup
           UNION ALL SELECT pid FROM pg_catalog.pg_stat_progress_copy
       ) AS busy WHERE busy.pid = s.pid);
ALTER VIEW poolmedic.treatable_session OWNER TO poolmedic_definer;

-- Ends exactly the session described, as pg_stat_activity showed it, and says whether it did.
-- A session that has moved on in any column since then is another one: false, and nothing happens.
CREATE OR REPLACE FUNCTION poolmedic.terminate_session(
    pid integer,
    backend_start timestamptz,
    state text,
    state_change timestamptz,
    xact_start timestamptz,
    usename name,
    datname name,
    application_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signalled boolean;
BEGIN
    -- Inside a longer transaction the view of sessions would be as old as its first look.
    PERFORM pg_stat_clear_snapshot();
    SELECT pg_terminate_backend(s.pid) INTO signalled
      FROM poolmedic.treatable_session AS s
     WHERE s.pid = terminate_session.pid
       AND s.backend_start = terminate_session.backend_start
       AND s.state = terminate_session.state
       AND s.state_change = terminate_session.state_change
       AND s.xact_start IS NOT DISTINCT FROM terminate_session.xact_start
       AND s.usename = terminate_session.usename
       AND s.datname = terminate_session.datname
       AND s.application_name = terminate_session.application_name;
    signalled := coalesce(signalled, false);
    RAISE LOG 'poolmedic %', json_build_object(
        'request', 'terminate_session', 'by', session_user, 'signalled', signalled,
        'pid', terminate_session.pid, 'backend_start', terminate_session.backend_start,
        'state', terminate_session.state, 'state_change', terminate_session.state_change,
        'xact_start', terminate_session.xact_start, 'usename', terminate_session.usename,
        'datname', terminate_session.datname, 'application_name', terminate_session.application_name);
    RETURN signalled;
END
$$;

-- Cancels exactly the statement described, and only while it still runs. The session stays.
CREATE OR REPLACE FUNCTION poolmedic.cancel_query(
    pid integer,
    backend_start timestamptz,
    state text,
    state_change timestamptz,
    xact_start timestamptz,
    query_start timestamptz,
    usename name,
    datname name,
    application_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signalled boolean;
BEGIN
    PERFORM pg_stat_clear_snapshot();
    SELECT pg_cancel_backend(s.pid) INTO signalled
      FROM poolmedic.treatable_session AS s
     WHERE s.pid = cancel_query.pid
       AND s.backend_start = cancel_query.backend_start
       AND s.state = 'active'
       AND s.state = cancel_query.state
       AND s.state_change = cancel_query.state_change
       AND s.xact_start IS NOT DISTINCT FROM cancel_query.xact_start
       AND s.query_start = cancel_query.query_start
       AND s.usename = cancel_query.usename
       AND s.datname = cancel_query.datname
       AND s.application_name = cancel_query.application_name;
    signalled := coalesce(signalled, false);
    RAISE LOG 'poolmedic %', json_build_object(
        'request', 'cancel_query', 'by', session_user, 'signalled', signalled,
        'pid', cancel_query.pid, 'backend_start', cancel_query.backend_start,
        'state', cancel_query.state, 'state_change', cancel_query.state_change,
        'xact_start', cancel_query.xact_start, 'query_start', cancel_query.query_start,
        'usename', cancel_query.usename, 'datname', cancel_query.datname,
        'application_name', cancel_query.application_name);
    RETURN signalled;
END
$$;

ALTER FUNCTION poolmedic.terminate_session(
    integer, timestamptz, text, timestamptz, timestamptz, name, name, text)
    OWNER TO poolmedic_definer;
ALTER FUNCTION poolmedic.cancel_query(
    integer, timestamptz, text, timestamptz, timestamptz, timestamptz, name, name, text)
    OWNER TO poolmedic_definer;

-- Nobody but our roles keeps any right here, however it was given, and none of them may hand one on.
DO $$
DECLARE
    revocation text;
BEGIN
    FOR revocation IN
        SELECT DISTINCT format('REVOKE %s ON %s FROM %s CASCADE',
                               CASE WHEN is_ours THEN 'GRANT OPTION FOR ALL' ELSE 'ALL' END, given.object, named.holder)
          FROM (
              SELECT 'SCHEMA poolmedic' AS object, nspowner AS owner, nspacl AS acl
                FROM pg_namespace WHERE nspname = 'poolmedic'
              UNION ALL
              SELECT format('TABLE %s', oid::regclass), relowner, relacl
                FROM pg_class WHERE relnamespace = 'poolmedic'::regnamespace
              UNION ALL
              SELECT format('TABLE %s', c.oid::regclass), c.relowner, a.attacl
                FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
               WHERE c.relnamespace = 'poolmedic'::regnamespace
              UNION ALL
              SELECT format('ROUTINE %s', oid::regprocedure), proowner, coalesce(proacl, acldefault('f', proowner))
                FROM pg_proc WHERE pronamespace = 'poolmedic'::regnamespace
          ) AS given
         CROSS JOIN aclexplode(given.acl) AS entry
          LEFT JOIN pg_roles AS r ON r.oid = entry.grantee
         CROSS JOIN LATERAL (
              SELECT coalesce(quote_ident(r.rolname), 'PUBLIC') AS holder,
                     r.rolname IS NOT NULL
                     AND r.rolname IN ('poolmedic', 'poolmedic_definer', 'poolmedic_configurer') AS is_ours
          ) AS named
         WHERE entry.grantee <> given.owner
           AND (NOT is_ours OR entry.is_grantable)
    LOOP
        EXECUTE revocation;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA poolmedic FROM poolmedic;
GRANT USAGE ON SCHEMA poolmedic TO poolmedic;
REVOKE ALL ON poolmedic.application_role, poolmedic.treatable_session FROM poolmedic;
REVOKE ALL ON poolmedic.application_role FROM poolmedic_definer;
GRANT SELECT ON poolmedic.application_role TO poolmedic_definer, poolmedic;
GRANT EXECUTE ON FUNCTION poolmedic.terminate_session(
    integer, timestamptz, text, timestamptz, timestamptz, name, name, text)
    TO poolmedic;
GRANT EXECUTE ON FUNCTION poolmedic.cancel_query(
    integer, timestamptz, text, timestamptz, timestamptz, timestamptz, name, name, text)
    TO poolmedic;

COMMIT;
