-- Optional, after poolmedic.sql: lets poolmedic, once a person has approved it, set one timeout for the
-- sessions of an application's role: idle_in_transaction_session_timeout, in this database.
--
-- Apply it as a superuser, once in every database that an application of yours uses, PostgreSQL 16 or later:
--
--     psql -X -v ON_ERROR_STOP=1 -d shop -f session_timeout.sql &&
--     psql -X -d shop -c "GRANT shop_app TO poolmedic_configurer WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
--
-- It can be applied again at any time. README.md beside it says what each right is for.

BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    strange text;
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        RAISE EXCEPTION 'PostgreSQL % is too old', current_setting('server_version')
            USING HINT = 'Before 16 the right to set this timeout is the right to change every role. '
                         'Set it yourself: ALTER ROLE ... IN DATABASE ... SET '
                         'idle_in_transaction_session_timeout = ''60s''.';
    END IF;
    -- As in poolmedic.sql: only a superuser can leave the mark of a role that we made.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'poolmedic_configurer') THEN
        CREATE ROLE poolmedic_configurer;
        ALTER ROLE poolmedic_configurer SET poolmedic.made_as = 'poolmedic_configurer';
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
    IF NOT EXISTS (SELECT FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
                    WHERE n.nspname = 'poolmedic' AND r.rolname = 'poolmedic_definer') THEN
        RAISE EXCEPTION 'there is no schema poolmedic of poolmedic_definer in this database'
            USING HINT = 'Apply poolmedic.sql first.';
    END IF;
    SELECT string_agg(format('%I', m.rolname), ', ') INTO strange
      FROM pg_auth_members AS held
      JOIN pg_roles AS r ON r.oid = held.roleid
      JOIN pg_roles AS m ON m.oid = held.member
     WHERE r.rolname = 'poolmedic_configurer'
       AND NOT m.rolsuper;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'nobody but a superuser may act as poolmedic_configurer, and somebody may: %', strange
            USING HINT = 'Nothing was changed. REVOKE the role from them, with CASCADE, '
                         'and apply this file again.';
    END IF;
END
$$;

-- The owner of the function. Nobody can log in as it, and what it may change are only roles granted to it.
ALTER ROLE poolmedic_configurer NOLOGIN CREATEROLE;
REVOKE ALL ON SCHEMA poolmedic FROM poolmedic_configurer;
REVOKE ALL ON poolmedic.application_role FROM poolmedic_configurer;
GRANT USAGE ON SCHEMA poolmedic TO poolmedic_configurer;
GRANT SELECT ON poolmedic.application_role TO poolmedic_configurer;

-- Sets the timeout for new sessions of the role in this database, and says whether it did.
-- expected: what is set now, as pg_db_role_setting has it, NULL for nothing; if it is another one, false.
-- setting: so many milliseconds, from 10 seconds to a day; NULL takes the timeout away again.
CREATE OR REPLACE FUNCTION poolmedic.set_session_timeout(role name, setting integer, expected text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present text;
    is_allowed boolean;
    is_done boolean := false;
BEGIN
    SELECT NOT r.rolsuper AND NOT r.rolreplication
           AND r.rolname NOT IN ('poolmedic', 'poolmedic_definer', 'poolmedic_configurer')
      INTO is_allowed
      FROM pg_roles AS r
      JOIN poolmedic.application_role AS listed ON listed.role = r.rolname
     WHERE r.rolname = set_session_timeout.role;
    SELECT split_part(each, '=', 2) INTO present
      FROM pg_db_role_setting AS s
      JOIN pg_roles AS r ON r.oid = s.setrole
      JOIN pg_database AS d ON d.oid = s.setdatabase
     CROSS JOIN unnest(s.setconfig) AS each
     WHERE r.rolname = set_session_timeout.role
       AND d.datname = current_database()
       AND split_part(each, '=', 1) = 'idle_in_transaction_session_timeout';
    IF coalesce(is_allowed, false) AND present IS NOT DISTINCT FROM expected
       AND (setting IS NULL OR setting BETWEEN 10000 AND 86400000) THEN
        IF setting IS NULL THEN
            EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET idle_in_transaction_session_timeout',
                           set_session_timeout.role, current_database());
        ELSE
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                           set_session_timeout.role, current_database(), setting || 'ms');
        END IF;
        is_done := true;
    END IF;
    RAISE LOG 'poolmedic %', json_build_object(
        'request', 'set_session_timeout', 'by', session_user, 'done', is_done,
        'role', set_session_timeout.role, 'setting', setting, 'expected', expected, 'present', present);
    RETURN is_done;
END
$$;

ALTER FUNCTION poolmedic.set_session_timeout(name, integer, text) OWNER TO poolmedic_configurer;
DO $$
DECLARE
    revocation text;
BEGIN
    FOR revocation IN
        SELECT DISTINCT format('REVOKE ALL ON FUNCTION %s FROM %s CASCADE', p.oid::regprocedure,
                               coalesce(quote_ident(r.rolname), 'PUBLIC'))
          FROM pg_proc AS p
         CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS entry
          LEFT JOIN pg_roles AS r ON r.oid = entry.grantee
         WHERE p.oid = 'poolmedic.set_session_timeout(name, integer, text)'::regprocedure
           AND entry.grantee <> p.proowner
    LOOP
        EXECUTE revocation;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION poolmedic.set_session_timeout(name, integer, text) TO poolmedic;

COMMIT;
