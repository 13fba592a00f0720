-- True only if this very statement, of a session that is still exactly so, was told to stop.
SELECT poolmedic.cancel_query(
           $1::int, $2::timestamptz, $3::text, $4::timestamptz, $5::timestamptz, $6::timestamptz,
           $7::name, $8::name, $9::text)
