"""What is diagnosed first, of a pool that leaks and of one that is busy."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import evidence, known, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Finding
from workflows.models.evidence import Evidence
from workflows.models.policy import Policy
from workflows.models.session import Session

SECOND = timedelta(seconds=1)


def leak_look(found: list[Session], total: int = 20, **changes: Any) -> Evidence:
    """web-1 full, with these sessions."""
    return evidence(database=scenes.database(found, total=total), **changes)


def first(look: Evidence, previous: Evidence | None = None, rules: Policy | None = None) -> Finding:
    """The cause called first for web-1."""
    return diagnose(look, previous, target(), rules or policy()).first


def busy_look(**traffic: Any) -> Evidence:
    """web-1 full for seven minutes with queries that run, traffic as usual unless said otherwise."""
    full = pool(waiters=4)
    return evidence(
        metrics=scenes.metrics(scraped(full, full_seconds=known(420.0)), **traffic),
        database=scenes.database(sessions(20, 0.0, "active")),
    )
