"""Looks at sessions that are plain idle, and what is diagnosed on them."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import (
    evidence,
    known,
    page,
    policy,
    pool,
    scraped,
    session,
    target,
)
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence, PoolState
from workflows.models.policy import Policy
from workflows.models.session import Session
from workflows.models.target import Target

SECOND = timedelta(seconds=1)


FULL = pool(waiters=4)


TWO = target(instances=2)


def idle(count: int, seconds: float = 90.0, **changes: Any) -> list[Session]:
    """Plain idle for that long, every one; pids from 100."""
    return [session(100 + number, seconds, "idle", **changes) for number in range(count)]


def busy(count: int, first: int = 500) -> list[Session]:
    return [session(first + number, 0.0, "active") for number in range(count)]


def look_at(*pools: PoolState, found: list[Session], **changes: Any) -> Evidence:
    """web-1, web-2, ... with these pools, and these sessions."""
    numbers = range(1, len(pools) + 1)
    return evidence(
        application=scenes.application(*(page(state) for state in pools)),
        metrics=scenes.metrics(*(scraped(state, full_seconds=known(400.0)) for state in pools), **changes),
        containers=scenes.containers(*(scenes.container(number) for number in numbers)),
        database=scenes.database(found, total=len(found)),
    )


def twice(
    look: Evidence,
    subject: Target | None = None,
    rules: Policy | None = None,
    earlier: Evidence | None = None,
) -> Diagnosis:
    """The look, and the same 20 s before unless another one is given."""
    return diagnose(look, earlier or scenes.before(look), subject or target(), rules or policy())


def of(diagnosis: Diagnosis) -> Finding:
    return next(found for found in diagnosis.findings if found.cause is Cause.IDLE_LEAK)


def causes(diagnosis: Diagnosis) -> list[Cause]:
    return [found.cause for found in diagnosis.findings]
