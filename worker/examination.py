"""`poolmedic diagnose`: the investigation, diagnosis and plan of an incident, now, and without one.

Nothing here can act: it reads, and decides by the same pure functions as the workflow.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from worker.check import LONGEST
from worker.progress import Progress
from worker.wiring import Sources
from workflows import guard
from workflows.diagnosis import diagnose
from workflows.errors import PoolmedicError
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.plan import Healthy, LookAgain, Plan, Proposal
from workflows.models.policy import Mode, Option, Permission, Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.outlook import Further, what_follows
from workflows.plan import plan
from workflows.ports.requests import Look, QueryLook
from workflows.wording import span

SHORTEST_PAUSE = timedelta(seconds=1)
NEEDS_INCIDENT = {
    "acts per hour": "only an incident knows what was done lately",
    "cooldown": "only an incident knows when something was done last",
    "earlier attempts": "only an incident knows what was tried",
    "least first": "only an incident knows whose statement was told to stop",
}
"""Guards that cannot be asked without an incident, and why."""
_NOT_IN_OBSERVE = Unavailable(
    reason="in mode observe nobody logs in as the owner of tables, which planning the query would need"
)


class Found(IntEnum):
    """What an examination came to, as the command's exit code; 1 and 2 are failures of the command."""

    HEALTHY = 0
    STEP = 3
    """A cause, and a step that the plan names."""
    PEOPLE = 4
    """A cause, and nothing that the tool may or can do."""
    SUSPICION = 5
    """It looks like something, and another look has to tell."""
    UNKNOWN = 6
    """No cause fits, or what would tell it could not be read."""


@dataclass(frozen=True)
class Examination:
    """What was seen and concluded; `guards` are empty where no act is proposed."""

    target: Target
    policy: Policy
    evidence: Evidence
    looks: int
    diagnosis: Diagnosis
    plan: Plan
    guards: Mapping[str, str | None]
    """Of each guard that could be asked, why it refuses now, or None."""
    further: tuple[Further, ...] = ()
    """What may come after the act."""

    @property
    def found(self) -> Found:
        """In one word."""
        if isinstance(self.plan.step, Healthy):
            return Found.HEALTHY
        if isinstance(self.plan.step, Proposal):
            return Found.STEP
        if self.diagnosis.first.cause is Cause.UNKNOWN:
            return Found.UNKNOWN
        return Found.SUSPICION if isinstance(self.plan.step, LookAgain) else Found.PEOPLE


async def examine(sources: Sources, look: Look, progress: Progress, *, most_looks: int = 2) -> Examination:
    """Look once, and where that only raises a suspicion once more, when it is certain or dismissed."""
    evidence, previous, looks = await investigate(sources, look, progress), None, 1
    diagnosis, planned = _conclude(evidence, previous, look)
    while isinstance(planned.step, LookAgain) and looks < most_looks:
        pause = max(planned.step.after, SHORTEST_PAUSE)
        await progress.pause(pause.total_seconds(), f"One look cannot tell: {planned.step.why}")
        previous, looks = evidence, looks + 1
        evidence = await investigate(sources, look, progress)
        diagnosis, planned = _conclude(evidence, previous, look)
    guards = await _ask_guards(sources, look, evidence, planned, progress)
    if isinstance(planned.step, Proposal):
        evidence = await _explain(sources, look, evidence, diagnosis, progress)
    further = what_follows(planned, diagnosis, evidence, look.target, look.policy)
    return Examination(look.target, look.policy, evidence, looks, diagnosis, planned, guards, further)


def _conclude(evidence: Evidence, previous: Evidence | None, look: Look) -> tuple[Diagnosis, Plan]:
    diagnosis = diagnose(evidence, previous, look.target, look.policy)
    return diagnosis, plan(diagnosis, evidence, (), look.target, look.policy, evidence.at)


async def _explain(
    sources: Sources, look: Look, evidence: Evidence, diagnosis: Diagnosis, progress: Progress
) -> Evidence:
    """With the index that a slow query lacks, which an incident looks for only once it has to."""
    query = diagnosis.first.query_id
    may_not = look.policy.permission(Option.INDEX) is Permission.NEVER
    if query is None or may_not or look.target.database.index_dsn is None:
        return evidence
    if look.policy.mode is Mode.OBSERVE:
        return evidence.model_copy(update={"index": _NOT_IN_OBSERVE})
    asked = sources.indexes.advise_index(QueryLook(target=look.target, query_id=query))
    return evidence.model_copy(update={"index": await _read("plan of the slow query", asked, progress)})


async def investigate(sources: Sources, look: Look, progress: Progress) -> Evidence:
    """All four sources side by side; one that fails or does not answer does not stop the others."""
    with_hints = look.model_copy(update={"hints": True})
    metrics, application, database, containers = await asyncio.gather(
        _read("metrics", sources.metrics.read_metrics(look), progress),
        _read("application", sources.application.read_application(with_hints), progress),
        _read("database", sources.database.read_database(look), progress),
        _read("containers", asyncio.to_thread(sources.containers.read_containers, look), progress),
    )
    return Evidence(
        at=datetime.now(UTC),
        metrics=metrics,
        application=application,
        database=database,
        containers=containers,
    )


async def _read[T](source: str, answer: Awaitable[T], progress: Progress) -> Known[T] | Unavailable:
    try:
        with progress.asking(source):
            async with asyncio.timeout(LONGEST):
                return Known(value=await answer, at=datetime.now(UTC))
    except PoolmedicError as error:
        return Unavailable(reason=error.message)
    except TimeoutError:
        return Unavailable(reason=f"no answer within {span(LONGEST)}")


async def _ask_guards(
    sources: Sources, look: Look, evidence: Evidence, planned: Plan, progress: Progress
) -> dict[str, str | None]:
    """As right before the act: the application is looked at once more, and Alertmanager is asked."""
    if not isinstance(planned.step, Proposal):
        return {}
    proposal = planned.step
    pages, silence = await asyncio.gather(
        _read("application", sources.application.read_application(look), progress),
        _read("silences", sources.alerts.read_silence(look), progress),
    )
    now = datetime.now(UTC)
    facts = guard.Facts(
        target=look.target,
        policy=look.policy,
        evidence=evidence,
        pages=pages,
        silence=silence,
        attempts=(),
        approved_by=None,
        now=now,
    )
    asked = {name: ask for name, ask in guard.GUARDS.items() if name not in NEEDS_INCIDENT}
    return {name: ask(proposal, facts) for name, ask in asked.items()}
