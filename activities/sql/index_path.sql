-- Where the application's role $1 looks for its tables in this database: what the server was told, or its default.
SELECT coalesce(
    (SELECT pg_catalog.substr(setting, pg_catalog.length('search_path=') + 1)
       FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS setting
      WHERE setting LIKE 'search\_path=%'
        AND (s.setdatabase = 0
             OR s.setdatabase = (SELECT oid FROM pg_catalog.pg_database
                                  WHERE datname = pg_catalog.current_database()))
        AND (s.setrole = 0
             OR s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1::pg_catalog.name))
      ORDER BY s.setrole <> 0 AND s.setdatabase <> 0 DESC, s.setrole <> 0 DESC
      LIMIT 1),
    pg_catalog.format('%I, public', $1::pg_catalog.name))
