"""Slow queries for the pure decisions: sessions that run one shape, and what is usual for it."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import known, session
from workflows.models.evidence import Evidence, StatementReading
from workflows.models.session import Session

SHAPE, OTHER = 7, 8


def running(pid: int, seconds: float = 12.0, query_id: int | None = SHAPE, **changes: Any) -> Session:
    """An own session that runs a query for so long."""
    fields = {"query_id": query_id, "reads_only": True, **changes}
    found = session(pid, seconds, "active", **fields)
    return found.model_copy(update={"query_start": found.identity.state_change - timedelta(microseconds=20)})


def slow(count: int, seconds: float = 12.0, first: int = 200, **changes: Any) -> list[Session]:
    """So many of them; the first is the oldest."""
    return [running(first + place, seconds + (count - place) / 100, **changes) for place in range(count)]


def shape(query_id: int = SHAPE, **changes: Any) -> StatementReading:
    """Quick, usually: 20 ms."""
    fields = {
        "query_id": query_id,
        "text": "SELECT * FROM parcels WHERE receiver = $1",
        "calls": 10_000,
        "mean_seconds": 0.02,
        "longest_seconds": 0.4,
        "deviation_seconds": 0.001,
        **changes,
    }
    return StatementReading.model_validate(fields)


def slow_look(
    found: list[Session], *shapes: StatementReading, server: dict[str, Any] | None = None, **changes: Any
) -> Evidence:
    """A full pool at the usual traffic, and these sessions; each shape that is not named is as `shape`."""
    full = scenes.pool(waiters=4)
    fields = {
        "metrics": scenes.metrics(scenes.scraped(full)),
        "application": scenes.application(scenes.page(full)),
        "database": scenes.database(
            found,
            total=scenes.SIZE,
            statements=known(shapes or (shape(), shape(OTHER))),
            blockers=known(()),
            **(server or {}),
        ),
        **changes,
    }
    return scenes.evidence(**fields)
