-- True only if exactly this was set before, and $2 milliseconds are now.
SELECT poolmedic.set_session_timeout($1::name, $2::int, $3::text)
