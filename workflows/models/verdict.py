"""A verdict: the five success criteria of the runbook, judged from measurements after the fix."""

from enum import StrEnum

from workflows.models.base import Model, Moment
from workflows.models.reading import Reading


class InstanceWindow(Model):
    """One instance over the clear window, by one range query; increases survive counter resets."""

    samples: int
    first_at: Moment
    last_at: Moment
    longest_gap_seconds: float
    """Between two samples, and between the window's ends and the nearest sample."""
    utilization_max: float
    wait_p95_max: Reading[float]
    """Seconds, from acquisitions inside the window only; unavailable when there were none."""
    timeouts: Reading[float]
    errors_503: Reading[float]


class WindowReading(Model):
    """What Prometheus saw of every configured instance between the fix and now."""

    since: Moment
    until: Moment
    instances: dict[str, Reading[InstanceWindow]]
    request_rate: Reading[float]
    """Mean requests per second over the window, all instances."""
    usual_rate: Reading[float]
    alert_firing: Reading[bool] | None = None
    """At the window's end; None in readings older than this field."""
    unexpected: tuple[str, ...] = ()
    """Instances seen in the window that the configuration does not know."""


class State(StrEnum):
    """The three answers; missing, stale or NaN readings are never `recovered`."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not recovered"
    INCONCLUSIVE = "inconclusive"


class Criterion(Model):
    """One line of the runbook's success criteria."""

    name: str
    state: State
    measured: str
    limit: str


class Verdict(Model):
    """All criteria together; recovered only if every one is."""

    state: State
    criteria: tuple[Criterion, ...]
    since: Moment
    until: Moment

    @property
    def unmet(self) -> tuple[str, ...]:
        """Names of the criteria that were not met, or could not be told."""
        return tuple(each.name for each in self.criteria if each.state is not State.RECOVERED)
