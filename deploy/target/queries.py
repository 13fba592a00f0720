"""Statements of the application, run so that covet's query monitor knows how long they took."""

import time

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from covet.database.monitoring.query_monitor import get_query_monitor

ORDERS = 2_000
ORDER = "SELECT id, customer, amount_cents, status FROM orders WHERE id = $1"
CENT = 1
TAKE = "UPDATE orders SET amount_cents = amount_cents - $2 WHERE id = $1 AND amount_cents >= $2 RETURNING id"
GIVE = "UPDATE orders SET amount_cents = amount_cents + $2 WHERE id = $1 RETURNING id"
HOLD = "SELECT pg_sleep($1)"
PING = "SELECT 1 AS alive"
CUSTOMERS = 97
CUSTOMER = """
SELECT customer, count(*) AS orders,
       sum((SELECT count(*) FROM parcels WHERE parcels.order_id = orders.id))::int AS parcels
  FROM orders WHERE customer = $1 GROUP BY customer"""
REPORTS = (
    "SELECT status, count(*) AS orders FROM orders GROUP BY status ORDER BY orders DESC LIMIT 1",
    "SELECT customer, sum(amount_cents) AS cents FROM orders GROUP BY customer ORDER BY cents DESC LIMIT 1",
    "SELECT max(placed_at)::text AS newest, count(*) AS orders FROM orders WHERE status <> 'cancelled'",
)
COUNT_REPORT = "UPDATE orders SET reports = reports + 1 WHERE id = $1 RETURNING reports"


async def fetch(connection: PoolConnectionProxy, sql: str, *args: object) -> asyncpg.Record | None:
    """Run a statement that returns at most one row. The monitor is told the text, never the arguments."""
    started = time.monotonic()
    error: str | None = None
    try:
        return await connection.fetchrow(sql, *args)
    except Exception as exc:
        error = type(exc).__name__
        raise
    finally:
        elapsed = (time.monotonic() - started) * 1000
        await get_query_monitor().track_query(sql, elapsed, success=error is None, error=error)
