-- How many the prepared query takes.
SELECT pg_catalog.cardinality(parameter_types) FROM pg_catalog.pg_prepared_statements WHERE name = 'slow_query'
