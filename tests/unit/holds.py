"""Looks at requests that wait while they hold connections, and what is diagnosed on them."""

from typing import Any

from tests.unit import scenes
from tests.unit.scenes import evidence, known, policy, pool, scraped, session, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence
from workflows.models.session import Session
from workflows.models.target import Target

FULL = pool(waiters=4)


SLOW = {"hold_seconds": known(2.1), "usual_hold": known(0.2)}
"""Connections come back, after ten times the usual time."""


def waiting(count: int, longest: float = 2.0, **changes: Any) -> list[Session]:
    """Idle in transaction for up to that long, one more than the other; pids from 100."""
    step = longest / count
    return [session(100 + number, longest - number * step, **changes) for number in range(count)]


def busy(count: int) -> list[Session]:
    return [session(500 + number, 0.0, "active") for number in range(count)]


def look_at(found: list[Session], **traffic: Any) -> Evidence:
    """web-1, full for minutes, with these sessions."""
    return evidence(
        metrics=scenes.metrics(scraped(FULL, full_seconds=known(400.0)), **traffic),
        database=scenes.database(found, total=max(len(found), 20)),
    )


def causes(look: Evidence, previous: Evidence | None = None) -> list[Cause]:
    return [found.cause for found in told(look, previous).findings]


def is_called(look: Evidence, previous: Evidence | None = None, subject: Target | None = None) -> bool:
    """Whether it is a hold, and not only the suspicion of one."""
    found = diagnose(look, previous, subject or target(), policy()).findings
    return any(each.cause is Cause.HOLD and each.ripe_in is None for each in found)


def told(look: Evidence, previous: Evidence | None = None) -> Diagnosis:
    return diagnose(look, previous, target(), policy())


def of(diagnosis: Diagnosis) -> Finding:
    return next(found for found in diagnosis.findings if found.cause is Cause.HOLD)
