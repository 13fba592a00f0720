-- When all of the numbers were last taken back to nothing; there from PostgreSQL 14 on.
SELECT stats_reset::text AS began FROM {schema}.pg_stat_statements_info
