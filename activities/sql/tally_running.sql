-- How many sessions of the role $1 in the database $2 run the shape $3, and have done so for $4 seconds.
SELECT count(*) AS running
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
   AND usename = $1::name
   AND datname = $2::name
   AND state = 'active'
   AND query_id = $3::bigint
   AND query_start <= clock_timestamp() - $4::float8 * interval '1 second'
