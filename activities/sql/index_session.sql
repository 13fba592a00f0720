-- Whether this very session of that login ($1 pid, $2 its start, $3 its role) is one of this database.
SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE pid = $1::int AND backend_start = $2 AND usename = $3::name AND datname = current_database())
