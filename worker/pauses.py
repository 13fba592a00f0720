"""Tells Prometheus since when acts are paused: a forgotten pause would only be met in an incident."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import structlog
from prometheus_client import Gauge

from worker.databases import Databases
from workflows.ledger import paused_since

EVERY = 600.0
"""Seconds between two rounds; each is a query per database."""
AGAIN = 60.0
"""Seconds until the next round where one could not tell, as before the worker works."""
_log = structlog.get_logger("poolmedic.worker")


@asynccontextmanager
async def measured_pauses(
    databases: Databases, names: Iterable[str], gauge: Gauge, every: float = EVERY
) -> AsyncIterator[None]:
    """For as long as the block lasts, which does not wait for it."""
    rounds = asyncio.create_task(_go_on(databases, sorted(set(names)), gauge, every))
    try:
        yield
    finally:
        rounds.cancel()
        await asyncio.wait({rounds})


async def _go_on(databases: Databases, names: list[str], gauge: Gauge, every: float) -> None:
    while True:
        are_known = [await _measure(databases, name, gauge) for name in names]
        await asyncio.sleep(every if all(are_known) else min(every, AGAIN))


async def _measure(databases: Databases, name: str, gauge: Gauge) -> bool:
    """Whether it is known; without a series where it is not: an old one would remind of what is over."""
    try:
        ledger = await databases.known(name)
    except Exception:  # noqa: BLE001 - whatever it is, the next round may do, and incidents go on
        _log.exception("it is not known whether acts are paused", database=name)
        ledger = None
    if ledger is None:
        with suppress(KeyError):
            gauge.remove(name)
        return False
    since = paused_since(ledger)
    gauge.labels(name).set(since.timestamp() if since else 0)
    return True
