"""What presses on the database server, in sentences a database administrator starts from. Pure."""

from collections.abc import Iterator

from workflows.contention import RESOURCE_SHARE, RESOURCES
from workflows.models.pressure import Checkpoints, ServerPressure, Standby
from workflows.wording import counted, listed, percent, size, span

_MUCH = 2**30
"""Bytes of log from which on it is worth a word."""
_MANY_CHECKPOINTS = 10
"""So few say nothing of what is usual on a server."""


def describe_pressure(pressure: ServerPressure) -> tuple[str, ...]:
    """Who waits for what on the whole server, then only what is out of the ordinary."""
    return tuple(_describe(pressure))


def is_starved(pressure: ServerPressure) -> bool:
    """More than half of everybody's statements at work wait for storage or internal locks."""
    starved = sum(count for kind, count in pressure.waits.items() if kind in RESOURCES)
    return starved > RESOURCE_SHARE * sum(pressure.waits.values())


def _describe(pressure: ServerPressure) -> Iterator[str]:
    waits = listed(f"{kind} {count}" for kind, count in pressure.waits.items())
    total = sum(pressure.waits.values())
    by_wait = f", by wait: {waits}" if waits else ""
    yield f"On the whole server {counted(total, 'statement')} at work{by_wait}."
    if pressure.standbys:
        yield f"Standbys: {listed(map(_standby, pressure.standbys))}."
    if pressure.idle_slots and (pressure.kept_bytes or 0) >= _MUCH:
        yield (
            f"For {counted(pressure.idle_slots, 'replication slot')} without a reader "
            f"({listed(pressure.slot_names)}) {size(pressure.kept_bytes or 0)} of log is kept: find out who "
            "reads it, before the disk is full."
        )
    yield from _checkpoints(pressure.checkpoints)


def _standby(standby: Standby) -> str:
    kind = "synchronous" if standby.is_sync else "asynchronous"
    behind = (
        "behind by an unknown amount"
        if standby.behind_bytes is None
        else f"{size(standby.behind_bytes)} behind"
    )
    age = "" if standby.behind_seconds is None else f" ({span(standby.behind_seconds)})"
    return f"{kind}, {standby.state}, {behind}{age}"


def _checkpoints(checkpoints: Checkpoints) -> Iterator[str]:
    total = checkpoints.timed + checkpoints.requested
    if total < _MANY_CHECKPOINTS or checkpoints.requested <= checkpoints.timed:
        return
    since = f" since {checkpoints.since:%Y-%m-%d %H:%M}" if checkpoints.since else ""
    share = percent(checkpoints.requested / total)
    yield (
        f"{checkpoints.requested} of {total} checkpoints{since} ({share}) were begun early, mostly because "
        "max_wal_size was full: each makes the writes after it dearer."
    )
