-- The rights poolmedic needs on one database, and no more.
--
-- Apply it as a superuser, once in every database that an application of yours uses:
--
--     psql -X -v ON_ERROR_STOP=1 --single-transaction -d shop -f poolmedic.sql
--     psql -X -d shop -c "INSERT INTO poolmedic.application_role (role) VALUES ('shop_app')"
--     psql -X -d shop -c "\password poolmedic"
--
-- It can be applied again at any time. README.md beside it says what each right is for.

-- The role that poolmedic logs in as. It sees every session and ends none by itself.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'poolmedic') THEN
        CREATE ROLE poolmedic LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'poolmedic_definer') THEN
        CREATE ROLE poolmedic_definer NOLOGIN;
    END IF;
    -- PostgreSQL 16 and later: a login even when the application has taken every ordinary slot.
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
        GRANT pg_use_reserved_connections TO poolmedic;
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
GRANT pg_read_all_stats, pg_signal_backend TO poolmedic_definer;

CREATE SCHEMA IF NOT EXISTS poolmedic AUTHORIZATION poolmedic_definer;
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

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace = 'poolmedic'::pg_catalog.regnamespace
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO poolmedic_definer', function);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO poolmedic', function);
    END LOOP;
END
$$;
