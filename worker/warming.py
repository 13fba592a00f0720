"""Keeps open, for as long as the worker runs, what must be open before it is needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

PAUSE = 60.0
"""Seconds between two rounds."""
_log = structlog.get_logger("poolmedic.worker")

type Warm = Callable[[], Awaitable[Mapping[str, str]]]
"""One round: why, by secret's name, for every database that could not be reached."""


@asynccontextmanager
async def kept_warm(warm: Warm, every: float = PAUSE) -> AsyncIterator[None]:
    """One round before the block, and one after every pause until it ends."""
    rounds = asyncio.create_task(_go_on(warm, _tell(frozenset(), await warm()), every))
    try:
        yield
    finally:
        rounds.cancel()
        await asyncio.wait({rounds})


async def _go_on(warm: Warm, cold: frozenset[str], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            cold = _tell(cold, await warm())
        except Exception:  # noqa: BLE001 - whatever it is, the next round may do, and incidents go on
            _log.exception("the databases could not be looked after; the next try follows", seconds=every)


def _tell(before: frozenset[str], failed: Mapping[str, str]) -> frozenset[str]:
    """Logs what has changed since the round before; the names that are out of reach now."""
    for name in sorted(failed.keys() - before):
        _log.warning("database not reached; it is tried again and again", secret=name, reason=failed[name])
    for name in sorted(before - failed.keys()):
        _log.info("database reached again", secret=name)
    return frozenset(failed)
