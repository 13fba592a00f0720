-- True only if this very session, still exactly so, was told to end.
SELECT poolmedic.terminate_session(
           $1::int, $2::timestamptz, $3::text, $4::timestamptz, $5::timestamptz, $6::name, $7::name, $8::text)
