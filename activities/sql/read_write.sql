-- Our role's transactions are read-only unless they say so before anything else.
SET TRANSACTION READ WRITE
