-- PostgreSQL 16 and earlier.
SELECT checkpoints_timed AS timed, checkpoints_req AS requested, stats_reset AS since FROM pg_stat_bgwriter
