-- The rights poolmedic needs on one database, and no more.
--
-- Apply it as a superuser, once in every database that an application of yours uses:
--
--     psql -X -v ON_ERROR_STOP=1 -d shop -f poolmedic.sql &&
--     psql -X -d shop -c "INSERT INTO poolmedic.application_role (role) VALUES ('shop_app')" &&
--     psql -X -d shop -c "\password poolmedic"
--
-- It can be applied again at any time. README.md beside it says what each right is for. What it finds and
-- did not make itself, it refuses: the owner of a database can plant what a superuser's script would run.

-- All or nothing, and no function, operator or type of the database's owner is taken for the server's own.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;

-- The role that poolmedic logs in as. It sees every session and ends none by itself.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'poolmedic') THEN
        CREATE ROLE poolmedic LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'poolmedic_definer') THEN
        CREATE ROLE poolmedic_definer;
    END IF;
    -- PostgreSQL 16 and later: a login even when the application has taken every ordinary slot.
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
        GRANT pg_use_reserved_connections TO poolmedic;
    END IF;
END
$$;

-- Whoever made one of the roles (CREATEROLE, since PostgreSQL 16) has kept the right to act as it.
DO $$
DECLARE
    strange text;
BEGIN
    SELECT string_agg(format('%I (%I may act as it)', r.rolname, m.rolname), ', ') INTO strange
      FROM pg_auth_members AS held
      JOIN pg_roles AS r ON r.oid = held.roleid
      JOIN pg_roles AS m ON m.oid = held.member
     WHERE (r.rolname = 'poolmedic_definer' OR r.rolname = 'poolmedic' AND held.admin_option)
       AND NOT m.rolsuper
       AND m.rolname <> current_user;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'nobody but a superuser may hold a role of poolmedic, and somebody does: %', strange
            USING HINT = 'Nothing was changed. Find out who did that, then REVOKE the role from them, '
                         'with CASCADE, and apply this file again.';
    END IF;
END
$$;

ALTER ROLE poolmedic CONNECTION LIMIT 8;
ALTER ROLE poolmedic SET default_transaction_read_only = on;
ALTER ROLE poolmedic SET statement_timeout = '5s';
ALTER ROLE poolmedic SET lock_timeout = '1s';
ALTER ROLE poolmedic SET idle_in_transaction_session_timeout = '10s';
GRANT pg_read_all_stats TO poolmedic;

-- The owner of the functions. Nobody can log in as it.
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
       AND (found.rank = 1 OR NOT (r.rolsuper OR r.rolname = current_user));
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'what is poolmedic''s own exists already and belongs to somebody else: %', strange
            USING HINT = 'Nothing was changed. Its owner could run anything as you: read what is there. '
                         'If you made the schema yourself, ALTER SCHEMA poolmedic OWNER TO poolmedic_definer '
                         'and give the rest to a superuser; else DROP SCHEMA poolmedic CASCADE. '
                         'Then apply this file again.';
    END IF;
END
$$;

REVOKE ALL ON SCHEMA poolmedic FROM PUBLIC;
GRANT USAGE ON SCHEMA poolmedic TO poolmedic;

-- The roles whose sessions may be ended at all. Only the administrator writes here.
CREATE TABLE IF NOT EXISTS poolmedic.application_role (role name PRIMARY KEY);
REVOKE ALL ON poolmedic.application_role FROM PUBLIC, poolmedic_definer;
GRANT SELECT ON poolmedic.application_role TO poolmedic_definer, poolmedic;

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
REVOKE ALL ON poolmedic.treatable_session FROM PUBLIC;

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
REVOKE ALL ON FUNCTION poolmedic.terminate_session(
    integer, timestamptz, text, timestamptz, timestamptz, name, name, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION poolmedic.terminate_session(
    integer, timestamptz, text, timestamptz, timestamptz, name, name, text)
    TO poolmedic;

ALTER FUNCTION poolmedic.cancel_query(
    integer, timestamptz, text, timestamptz, timestamptz, timestamptz, name, name, text)
    OWNER TO poolmedic_definer;
REVOKE ALL ON FUNCTION poolmedic.cancel_query(
    integer, timestamptz, text, timestamptz, timestamptz, timestamptz, name, name, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION poolmedic.cancel_query(
    integer, timestamptz, text, timestamptz, timestamptz, timestamptz, name, name, text)
    TO poolmedic;

COMMIT;
