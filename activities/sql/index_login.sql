-- Where the login of deploy/postgres/index.sql got in.
SELECT current_database() AS dbname, pg_is_in_recovery() AS in_recovery
