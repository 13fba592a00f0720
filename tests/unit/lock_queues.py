"""Looks at sessions that wait for locks, several levels deep."""

from tests.unit.diagnoses import first
from tests.unit.plans import decide
from tests.unit.queues import (
    busy,
    queue,
    queued,
    seen,
    waiting,
)
from workflows.models.blocker import Blocker
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver
from workflows.models.session import Session


def three_levels(root: Session, *others: Blocker) -> Evidence:
    """Sixteen behind the root: one of them directly, four behind that one, the rest behind all of these."""
    head = waiting(201, root.identity.pid)
    second = queued(4, 201, first=202)
    third = queued(11, 201, 202, 203, 204, 205, first=206)
    sessions = [root, head, *second, *third]
    return queue(sessions, [seen(root), *(seen(each) for each in (head, *second)), *others])


def behind(front: Blocker, count: int = 16, others: int = 0) -> Evidence:
    """So many sessions of the target's own behind somebody else, and some that only work."""
    return queue([*queued(count, front.pid), *busy(others)], [front])


def left_to_people(look: Evidence) -> str:
    """The reasons of the lock queue that is handed over."""
    found, step = first(look), decide(look).step
    assert found.cause is Cause.LOCK
    assert found.sessions == ()
    assert isinstance(step, HandOver), step
    return " ".join(found.reasons)
