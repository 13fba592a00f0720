-- A login that may create indexes on an application's tables: optional, beside poolmedic.sql.
--
-- Apply it as a superuser, once per server, and make the login a member of the role that owns the tables:
--
--     psql -X -v ON_ERROR_STOP=1 -d shop -f index.sql
--     psql -X -d shop -c "GRANT shop_owner TO poolmedic_index WITH INHERIT TRUE, SET FALSE"
--     psql -X -d shop -c '\password poolmedic_index'
--
-- PostgreSQL 15 knows neither INHERIT nor SET (a syntax error): there the second line ends after
-- poolmedic_index, and there alone. Never make it a member of a superuser, nor of a role that is a member of
-- one: this file refuses that, and poolmedic refuses such a login.
--
-- Whoever holds its password may do whatever that owner may: PostgreSQL knows no smaller right to create an
-- index, and CREATE INDEX CONCURRENTLY cannot be wrapped into a function. So may functions of the application,
-- which run while a query's plan is read, in a transaction that cannot write (README.md). Without this login
-- poolmedic creates none, and everything else works.

BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    strange text;
BEGIN
    -- As in poolmedic.sql: only a superuser can leave the mark of a role that we made.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'poolmedic_index') THEN
        CREATE ROLE poolmedic_index LOGIN CONNECTION LIMIT 4;
        ALTER ROLE poolmedic_index SET poolmedic.made_as = 'poolmedic_index';
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
        GRANT pg_use_reserved_connections TO poolmedic_index;
    END IF;
END
$$;

-- Whoever was given the role can act as it.
DO $$
DECLARE
    strange text;
BEGIN
    SELECT string_agg(format('%I', m.rolname), ', ') INTO strange
      FROM pg_auth_members AS held
      JOIN pg_roles AS r ON r.oid = held.roleid
      JOIN pg_roles AS m ON m.oid = held.member
     WHERE r.rolname = 'poolmedic_index'
       AND NOT m.rolsuper;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'nobody but a superuser may hold the role poolmedic_index, and somebody does: %', strange
            USING HINT = 'Nothing was changed. Find out who did that, then REVOKE the role from them, '
                         'with CASCADE, and apply this file again.';
    END IF;
END
$$;

-- While a plan is read, functions of the application have its rights.
DO $$
DECLARE
    superusers text;
BEGIN
    SELECT string_agg(format('%I', r.rolname), ', ' ORDER BY r.rolname) INTO superusers
      FROM pg_roles AS r
     WHERE r.rolsuper AND pg_has_role('poolmedic_index', r.oid, 'MEMBER');
    IF superusers IS NOT NULL THEN
        RAISE EXCEPTION 'poolmedic_index is a member of a superuser: %', superusers
            USING HINT = 'Nothing was changed. Functions of the application would run with that right while '
                         'poolmedic reads the plan of a query. REVOKE it, make poolmedic_index a member of the '
                         'role that owns the tables alone, and apply this file again.';
    END IF;
END
$$;

ALTER ROLE poolmedic_index SET search_path = pg_catalog, pg_temp;
ALTER ROLE poolmedic_index SET idle_in_transaction_session_timeout = '10s';

COMMIT;
