-- True only if this very session, still exactly so, was told to end. $9: only while it has not written.
SELECT poolmedic.terminate_session(
           $1::int, $2::timestamptz, $3::text, $4::timestamptz, $5::timestamptz, $6::name, $7::name, $8::text)
  FROM pg_stat_activity AS s
 WHERE s.pid = $1::int
   AND (NOT $9::boolean OR s.backend_xid IS NULL)
