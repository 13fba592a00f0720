"""What a remedy is chosen from: one finding, the evidence it rests on, what was tried."""

from dataclasses import dataclass
from functools import cached_property

from workflows.attempts import describe_exhaustion
from workflows.means import lacking_for
from workflows.models.base import Moment
from workflows.models.diagnosis import Diagnosis, Finding
from workflows.models.evidence import ContainerState, DatabaseReading, Evidence, PoolState
from workflows.models.outcome import Attempt
from workflows.models.plan import Act, Proposal
from workflows.models.policy import Option, Permission, Policy
from workflows.models.reading import Known, value_of
from workflows.models.target import Target
from workflows.readings import containers_of, fresh


@dataclass(frozen=True)
class Situation:
    """A remedy proposes its act, or says in a sentence why it is left out."""

    diagnosis: Diagnosis
    finding: Finding
    evidence: Evidence
    attempts: tuple[Attempt, ...]
    target: Target
    policy: Policy
    now: Moment
    is_handed_over: bool = False
    """People were asked to take over: nothing but leaked sessions is touched under their hands unasked."""
    resizes_alone: bool = False
    """A run that began when the policy could allow a resize alone."""
    awaits_nowhere: bool = False
    """A run that began when a restart was waited for where no instance has a container."""
    counts_together: bool = False
    """A run that began when an attempt that touched nothing counted as a try."""

    @cached_property
    def pools(self) -> dict[str, PoolState]:
        """The pools that could be read."""
        return {name: pool.value for name, pool in self.diagnosis.pools.items() if isinstance(pool, Known)}

    @cached_property
    def database(self) -> DatabaseReading | None:
        """Fresh or nothing. Whether it is the right server, the diagnosis has judged."""
        return value_of(fresh(self.evidence.database, self.evidence.at, self.policy.thresholds.fresh_for))

    @cached_property
    def containers(self) -> dict[str, ContainerState]:
        """The containers that could be read."""
        found = containers_of(self.evidence, self.target, self.policy)
        return {name: state.value for name, state in found.items() if isinstance(state, Known)}

    @cached_property
    def unexpected(self) -> tuple[str, ...]:
        """Instances in the metrics that the configuration does not know."""
        metrics = fresh(self.evidence.metrics, self.evidence.at, self.policy.thresholds.fresh_for)
        return metrics.value.unexpected if isinstance(metrics, Known) else ()

    @cached_property
    def barred(self) -> dict[Option, str]:
        """What the containers' runtime bars, and why."""
        found = fresh(self.evidence.containers, self.evidence.at, self.policy.thresholds.fresh_for)
        return found.value.barred if isinstance(found, Known) else {}

    def lacking(self, option: Option) -> str | None:
        """Why it cannot be done here, whatever is wrong."""
        server = self.database.server if self.database else None
        return lacking_for(option, self.target, server, self.barred)

    def exhaustion(self, tries: tuple[Attempt, ...]) -> str | None:
        """Why these attempts forbid another."""
        return describe_exhaustion(tries, self.policy, counts_together=self.counts_together)

    def is_forbidden(self, option: Option) -> bool:
        """Whether the policy never allows it."""
        return self.policy.permission(option) is Permission.NEVER

    def propose(self, act: Act, effect: str, risk: str, *, asks: bool = False) -> Proposal:
        """The proposal; `asks` has a person approve whatever the policy allows alone, and so do doubts."""
        allowed = self.policy.permission(act.option)
        is_under_hands = self.is_handed_over and act.option is not Option.TERMINATE
        is_cut = self.database is not None and self.database.is_cut
        asks = asks or is_under_hands or is_cut or bool(self.finding.doubts)
        return Proposal(
            act=act,
            cause=self.finding.cause,
            why=" ".join(self.finding.reasons),
            effect=effect,
            risk=risk,
            permission=Permission.APPROVAL if asks else allowed,
        )
