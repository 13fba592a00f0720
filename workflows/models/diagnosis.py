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
    UNDERSIZED = "undersized"
    SPIKE = "spike"
    LOST_CAPACITY = "lost-capacity"
    UNKNOWN = "unknown"


class Finding(Model):
    """One cause, how sure, and the numbers that say so."""

    cause: Cause
    confidence: Share
    reasons: tuple[str, ...]
    instances: tuple[str, ...] = ()
    """The exhausted instances it explains."""
    sessions: tuple[Session, ...] = ()
    """Leak: the leaked sessions, oldest first."""
    share: Share = 0.0
    """Leak: which part of the connections checked out there it certainly holds."""
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
