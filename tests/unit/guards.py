"""Acts as the plan proposes them, and the guard asked about one with each fact replaceable."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import NOW, evidence, known, page, policy, pool, scraped, sessions, target
from workflows import guard
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus
from workflows.models.plan import Proposal
from workflows.models.policy import Policy
from workflows.models.target import Target
from workflows.plan import plan

SUFFERING = pool(waiters=4)
PAGES = scenes.application(page(SUFFERING))
NOBODY = known(None)


def propose(look: Evidence, rules: Policy | None = None, subject: Target | None = None) -> Proposal:
    """What the plan proposes on this look."""
    chosen, allowed = subject or target(), rules or policy()
    step = plan(diagnose(look, None, chosen, allowed), look, (), chosen, allowed, NOW).step
    assert isinstance(step, Proposal)
    return step


def undersized() -> Evidence:
    """web-1 full for long with queries that run."""
    return evidence(
        metrics=scenes.metrics(scraped(SUFFERING, full_seconds=known(400.0))),
        database=scenes.database(sessions(20, 0.0, "active")),
    )


def no_right() -> Evidence:
    """A leak on a server that lets poolmedic end no session."""
    return evidence(database=scenes.database(sessions(18), can_terminate=False))


WAVE = propose(evidence())
RESTART = propose(no_right())
RESIZE = propose(undersized())


def check(proposal: Proposal = WAVE, **changes: Any) -> str | None:
    """The guard's refusal, or None; keywords replace a fact."""
    facts: dict[str, Any] = {
        "evidence": evidence(),
        "pages": PAGES,
        "silence": NOBODY,
        "attempts": (),
        "target": target(),
        "policy": policy(),
        "now": NOW,
        **changes,
    }
    return guard.check(proposal, **facts)


def tried(
    proposal: Proposal = WAVE,
    ago: float = 60.0,
    status: OutcomeStatus = OutcomeStatus.DONE,
    helped: bool | None = True,
) -> Attempt:
    """The proposal as an act so many seconds ago."""
    return Attempt(
        proposal=proposal,
        decided_by="poolmedic",
        at=NOW - timedelta(seconds=ago),
        outcome=Outcome(status=status),
        helped=helped,
    )
