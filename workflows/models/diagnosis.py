"""A diagnosis: ranked causes, each with its reasons in numbers."""

from enum import StrEnum

from workflows.models.base import Duration, Model
from workflows.models.evidence import PoolState
from workflows.models.policy import Share
from workflows.models.reading import Reading
from workflows.models.session import Session


class Cause(StrEnum):
    """Why the pool is exhausted; `healthy` when it is not, `unknown` when nothing fits."""

    HEALTHY = "healthy"
    LEAK = "leak"
    LOCK = "lock"
    DDL_QUEUE = "ddl"
    SLOW = "slow"
    IDLE_LEAK = "idle-leak"
    HOLD = "hold"
    UNDERSIZED = "undersized"
    SPIKE = "spike"
    LOST_CAPACITY = "lost-capacity"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


QUEUES = frozenset({Cause.LOCK, Cause.DDL_QUEUE})
"""Somebody is in front, and whoever is waiting may have got through meanwhile."""

PASSING = QUEUES | {Cause.SLOW}
"""What was seen may be over by the time somebody has decided."""


class Finding(Model):
    """One cause, how sure, and the numbers that say so."""

    cause: Cause
    confidence: Share
    reasons: tuple[str, ...]
    instances: tuple[str, ...] = ()
    """The exhausted instances it explains."""
    sessions: tuple[Session, ...] = ()
    """Leak: the leaked sessions, oldest first; lock: the forgotten session that the others wait behind;
    slow: those whose statements take so long, the longest first."""
    query_id: int | None = None
    """Slow: the shape of these statements."""
    share: Share = 0.0
    """Leak, idle leak, hold, slow: which part of the connections checked out there it holds at least.

    Of an idle leak on several instances, that of the one where it is the least.
    """
    doubts: tuple[str, ...] = ()
    """Why a person has to judge it before anything is done about it."""
    ripe_in: Duration | None = None
    """Suspected, and certain or dismissed after this time: look again then, do not act now."""

    @property
    def stage(self) -> tuple[Cause, bool]:
        """What makes it another finding for people: the cause, and that a suspicion has become certain."""
        return self.cause, self.ripe_in is None


class Diagnosis(Model):
    """What is wrong, most likely first; never empty."""

    findings: tuple[Finding, ...]
    pools: dict[str, Reading[PoolState]]
    missing: tuple[str, ...] = ()
    """What could not be read, and why: a sentence each."""

    @property
    def first(self) -> Finding:
        """The cause to act on."""
        return self.findings[0]
