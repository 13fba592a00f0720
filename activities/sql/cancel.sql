-- True only if this very statement, of a session that is still exactly so, was told to stop.
-- $10, $11: only while it waits for a lock, only while it has not written.
SELECT poolmedic.cancel_query(
           $1::int, $2::timestamptz, $3::text, $4::timestamptz, $5::timestamptz, $6::timestamptz,
           $7::name, $8::name, $9::text)
  FROM pg_stat_activity AS s
 WHERE s.pid = $1::int
   AND (NOT $10::boolean OR s.wait_event_type IS NOT DISTINCT FROM 'Lock')
   AND (NOT $11::boolean OR s.backend_xid IS NULL)
