-- Everybody may call it unless an administrator took that away, which fails the whole statement.
SELECT system_identifier::text FROM pg_control_system()
