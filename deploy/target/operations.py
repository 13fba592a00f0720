"""Pages for those who run the application: metrics, health, pool, queries. None takes a connection."""

import os
from datetime import UTC, datetime

from covet import Covet
from covet.core.http import JSONResponse, Request, Response
from covet.database.monitoring.query_monitor import get_query_monitor
from covet.monitoring.enhanced_health import get_health_check
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from . import metrics
from .ledger import describe
from .pool import Pool

SHOWN_CHECKOUTS = 50
NOT_THIS_APPLICATION = 101.0  # per cent of disk and memory: the machine is shared, and has alerts of its own


class PoolView:
    """The pool's numbers alone, so that a health check of an exhausted pool needs no connection."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def get_stats(self) -> dict[str, int]:
        taken = self.pool.checked_out
        size = self.pool.slots
        return {
            "active": taken,
            "idle": max(size - taken, 0),
            "size": size,
            "leaked": len(self.pool.ledger.overdue),
            "waiting": self.pool.ledger.waiting,
        }


def add_operations(app: Covet, pool: Pool, instance: str) -> None:
    started_at = datetime.now(UTC).isoformat()
    follow(pool)
    health = get_health_check()
    health.disk_threshold = health.memory_threshold = NOT_THIS_APPLICATION + 10
    health.set_database_pool(PoolView(pool))
    health.mark_startup_complete()

    @app.get("/metrics")
    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    @app.get("/health")
    async def show_health(_request: Request) -> Response:
        return JSONResponse(await health.health())

    @app.get("/pool")
    async def show_pool(_request: Request) -> Response:
        identity = {"instance": instance, "pid": os.getpid(), "started_at": started_at}
        return JSONResponse({**identity, **describe_pool(pool)})

    @app.get("/queries")
    async def show_queries(_request: Request) -> Response:
        monitor = get_query_monitor()
        shapes = monitor.get_top_slow_queries(limit=20)
        return JSONResponse(
            {"totals": monitor.get_metrics(), "slowest": shapes, "report": monitor.generate_report()}
        )


def follow(pool: Pool) -> None:
    """Let the gauges read the pool whenever they are asked."""
    metrics.active.set_function(lambda: pool.checked_out)
    metrics.idle.set_function(lambda: pool.idle)
    metrics.pool_size.set_function(lambda: pool.slots)
    metrics.waiters.set_function(lambda: pool.ledger.waiting)
    metrics.oldest_checkout.set_function(lambda: pool.ledger.oldest)
    metrics.generation.set_function(lambda: pool.generation)


def describe_pool(pool: Pool) -> dict[str, object]:
    ledger = pool.ledger
    oldest_first = sorted(ledger.leases.values(), key=lambda lease: lease.since)
    return {
        "generation": pool.generation,
        "configured": pool.size.model_dump(),
        "size": pool.slots,
        "checked_out": pool.checked_out,
        "slots_taken": pool.slots_taken,
        "idle": pool.idle,
        "waiting": ledger.waiting,
        "requests_in_progress": metrics.count_in_progress(),
        "acquired_total": ledger.acquired,
        "timeouts_total": ledger.timeouts,
        "oldest_checkout_seconds": ledger.oldest,
        "slot_returns_on_kill": pool.reaps_dead,
        "checkouts": [describe(lease) for lease in oldest_first[:SHOWN_CHECKOUTS]],
        "dashboard": ledger.monitor.generate_dashboard(),
    }
