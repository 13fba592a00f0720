"""Queues behind a waiting change of a table, and what is planned on them."""

from typing import Any

from tests.unit.plans import proposed
from tests.unit.queues import busy, change, queue, queued, stranger
from tests.unit.scenes import policy
from workflows.models.blocker import Blocker
from workflows.models.evidence import Evidence
from workflows.models.plan import Cancellation, HandOver, Plan
from workflows.models.session import StatementIdentity

READER = 900


DDL = 500


NIGHTLY = stranger(READER, application_name="nightly", usename="shop")


ALLOWED = policy()


def look_at(*blockers: Blocker, count: int = 16, **server: Any) -> Evidence:
    """So many own sessions behind every change among these."""
    behind = [each.pid for each in blockers if each.awaits]
    return queue([*queued(count, *behind), *busy(2)], list(blockers), server)


def cancelled(decided: Plan) -> tuple[StatementIdentity, ...]:
    act = proposed(decided).act
    assert isinstance(act, Cancellation)
    return act.statements


def left_to_people(decided: Plan) -> str:
    assert isinstance(decided.step, HandOver), decided
    return " ".join(decided.left_out)


WAITING = change(DDL, READER)


USUAL = look_at(WAITING, NIGHTLY)
