-- Where the application's role $1 looks for its tables in this database: what the server was told, or its default.
SELECT coalesce(
    (SELECT substr(setting, length('search_path=') + 1)
       FROM pg_db_role_setting AS s, unnest(s.setconfig) AS setting
      WHERE setting LIKE 'search\_path=%'
        AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND (s.setrole = 0 OR s.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1::name))
      ORDER BY s.setrole <> 0 AND s.setdatabase <> 0 DESC, s.setrole <> 0 DESC
      LIMIT 1),
    format('%I, public', $1::name))
