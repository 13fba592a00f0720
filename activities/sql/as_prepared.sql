-- For the rest of this transaction: names are the application's, and a plan is one for any parameters.
SELECT pg_catalog.set_config('search_path', $1, true),
       pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)
