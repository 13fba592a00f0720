"""Keeps open, for as long as the worker runs, what must be open before it is needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import structlog

PAUSE = 60.0
"""Seconds between two rounds."""
PAUSE_OF_REHEARSALS = 600.0
"""What was planned is forgotten now and then, by a new connection or a change of the server's catalogues."""
_log = structlog.get_logger("poolmedic.worker")

type Warm = Callable[[], Awaitable[Mapping[str, str]]]
"""One round: why, by secret's name, for every database that could not be reached."""
type Rehearse = Callable[[], Awaitable[None]]


@asynccontextmanager
async def kept_warm(
    warm: Warm, rehearse: Rehearse, every: float = PAUSE, rehearsed_every: float = PAUSE_OF_REHEARSALS
) -> AsyncIterator[None]:
    """One round before the block, and one after every pause until it ends; rehearsals beside the block."""
    rounds = asyncio.create_task(_go_on(warm, _tell(frozenset(), await warm()), every))
    rehearsals = asyncio.create_task(_go_on_rehearsing(rehearse, rehearsed_every))
    try:
        yield
    finally:
        rounds.cancel()
        rehearsals.cancel()
        await asyncio.wait({rounds, rehearsals})


async def _go_on(warm: Warm, cold: frozenset[str], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        with _told("the databases could not be looked after; the next try follows", every):
            cold = _tell(cold, await warm())


async def _go_on_rehearsing(rehearse: Rehearse, every: float) -> None:
    while True:
        with _told("what is asked in an incident could not be rehearsed; the next try follows", every):
            await rehearse()
        await asyncio.sleep(every)


@contextmanager
def _told(what: str, seconds: float) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, the next round may do, and incidents go on
        _log.exception(what, seconds=seconds)


def _tell(before: frozenset[str], failed: Mapping[str, str]) -> frozenset[str]:
    """Logs what has changed since the round before; the names that are out of reach now."""
    for name in sorted(failed.keys() - before):
        _log.warning("database not reached; it is tried again and again", secret=name, reason=failed[name])
    for name in sorted(before - failed.keys()):
        _log.info("database reached again", secret=name)
    return frozenset(failed)
