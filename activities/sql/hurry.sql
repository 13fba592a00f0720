-- For the rest of this transaction: what is only worth having at once is given up soon.
SELECT set_config('statement_timeout', $1::text, true)
