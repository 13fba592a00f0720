"""What is planned on a look: exhausted, free and undersized pools, and acts that were tried."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import NOW, evidence, known, page, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus, Touched
from workflows.models.plan import Plan, Proposal, Termination
from workflows.models.policy import Policy
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.plan import plan

AGO = NOW - timedelta(minutes=1)


def decide(
    look: Evidence,
    *attempts: Attempt,
    subject: Target | None = None,
    rules: Policy | None = None,
    previous: Evidence | None = None,
) -> Plan:
    """The plan for web-1, or another subject, after these attempts."""
    chosen, allowed = subject or target(), rules or policy()
    return plan(diagnose(look, previous, chosen, allowed), look, attempts, chosen, allowed, NOW)


def proposed(decided: Plan) -> Proposal:
    """Its step, which is a proposal."""
    assert isinstance(decided.step, Proposal), decided
    return decided.step


def terminated(decided: Plan) -> Termination:
    """Its act, which ends sessions."""
    act = proposed(decided).act
    assert isinstance(act, Termination)
    return act


def tried(
    proposal: Proposal,
    status: OutcomeStatus = OutcomeStatus.DONE,
    helped: bool | None = False,
    at: Any = AGO,
    changed: int = 0,
    by: str = "poolmedic",
) -> Attempt:
    """What became of a proposal a minute ago."""
    touched = tuple(
        Touched(what=f"session {number}", changed=True, result="ended") for number in range(changed)
    )
    return Attempt(
        proposal=proposal,
        decided_by=by,
        at=at,
        outcome=Outcome(status=status, touched=touched, detail="what happened"),
        helped=helped,
    )


def leak_of(found: list[Session], total: int = 20, **server: Any) -> Evidence:
    """web-1 full, with these sessions; keywords are the server's."""
    return evidence(database=scenes.database(found, total=total, **server))


def undersized_look(**changes: Any) -> Evidence:
    """web-1 full for long with queries that run; keywords replace a part."""
    full = pool(waiters=4)
    fields = {
        "metrics": scenes.metrics(scraped(full, full_seconds=known(400.0))),
        "database": scenes.database(sessions(20, 0.0, "active")),
        **changes,
    }
    return evidence(**fields)


def free_look(active: int = 4, found: Sequence[Session] = ()) -> Evidence:
    """web-1 with so many connections checked out, and these sessions."""
    state = pool(active)
    return evidence(
        application=scenes.application(page(state)),
        metrics=scenes.metrics(scraped(state)),
        database=scenes.database(list(found), total=20),
    )


def two_look(first: int = 20, second: int = 20, **changes: Any) -> Evidence:
    """web-1 and web-2 with so many connections checked out, and a leak that no session may be ended for."""
    states = pool(first, waiters=1), pool(second, waiters=2)
    fields = {
        "application": scenes.application(*(page(state) for state in states)),
        "metrics": scenes.metrics(*(scraped(state) for state in states)),
        "containers": scenes.containers(scenes.container(1), scenes.container(2)),
        "database": scenes.database(sessions(36), total=40, can_terminate=False),
        **changes,
    }
    return evidence(**fields)


FIRST_WAVE = proposed(decide(evidence()))
RESTART = proposed(decide(evidence(database=scenes.database(sessions(18), can_terminate=False))))
