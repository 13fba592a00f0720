-- PostgreSQL 17 and later.
SELECT num_timed AS timed, num_requested AS requested, stats_reset AS since FROM pg_stat_checkpointer
