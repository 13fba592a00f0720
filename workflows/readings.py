"""Which readings say something about now: fresh ones, with a number that can be one."""

from collections.abc import Callable
from datetime import timedelta
from math import isfinite

from workflows.models.base import Moment
from workflows.models.evidence import (
    ApplicationPage,
    ApplicationReading,
    ContainerState,
    Evidence,
    InstanceMetrics,
    PoolState,
)
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.wording import span

_NOT_LISTED = Unavailable(reason="the source did not mention this instance")


def fresh[T](reading: Known[T] | Unavailable, now: Moment, limit: timedelta) -> Known[T] | Unavailable:
    """The reading, or why it does not count: too old, or dated so far ahead that a clock is wrong."""
    if isinstance(reading, Unavailable):
        return reading
    age = now - reading.at
    if age > limit:
        return Unavailable(reason=f"the last reading is {span(age)} old, more than {span(limit)}")
    if -age > limit:
        return Unavailable(reason=f"the reading is dated {span(-age)} ahead: the clocks disagree")
    return reading


def number(reading: Known[float] | Unavailable) -> float | None:
    """A measured amount; None where there is none, or none that an amount can be."""
    if isinstance(reading, Unavailable) or not isfinite(reading.value) or reading.value < 0:
        return None
    return reading.value


def pages_of(
    reading: Known[ApplicationReading] | Unavailable, target: Target, policy: Policy, now: Moment
) -> dict[str, Known[ApplicationPage] | Unavailable]:
    """What every configured instance says of itself, if it says it now."""
    return _of_every(reading, lambda whole: whole.instances, target, policy, now)


def metrics_of(
    evidence: Evidence, target: Target, policy: Policy
) -> dict[str, Known[InstanceMetrics] | Unavailable]:
    """What was last scraped of every configured instance."""
    return _of_every(evidence.metrics, lambda whole: whole.instances, target, policy, evidence.at)


def containers_of(
    evidence: Evidence, target: Target, policy: Policy
) -> dict[str, Known[ContainerState] | Unavailable]:
    """The container of every configured instance."""
    return _of_every(evidence.containers, lambda whole: whole.instances, target, policy, evidence.at)


def pool_on(
    page: Known[ApplicationPage] | Unavailable, policy: Policy, now: Moment
) -> Known[PoolState] | Unavailable:
    """The pool as one instance's page shows it."""
    if isinstance(page, Unavailable):
        return page
    return fresh(page.value.pool, now, policy.thresholds.fresh_for)


def pools_of(evidence: Evidence, target: Target, policy: Policy) -> dict[str, Known[PoolState] | Unavailable]:
    """Each configured instance's pool: what it says itself, else what was scraped, if that is fresh."""
    scraped = metrics_of(evidence, target, policy)
    pages = pages_of(evidence.application, target, policy, evidence.at)
    return {name: _either(pool_on(page, policy, evidence.at), scraped[name]) for name, page in pages.items()}


def _either(
    own: Known[PoolState] | Unavailable, scraped: Known[InstanceMetrics] | Unavailable
) -> Known[PoolState] | Unavailable:
    if isinstance(own, Known):
        return own
    if isinstance(scraped, Known):
        return Known(value=scraped.value.pool, at=scraped.at)
    return Unavailable(reason=f"the application: {own.reason}; the metrics: {scraped.reason}")


def _of_every[Whole, Part](
    reading: Known[Whole] | Unavailable,
    parts: Callable[[Whole], dict[str, Known[Part] | Unavailable]],
    target: Target,
    policy: Policy,
    now: Moment,
) -> dict[str, Known[Part] | Unavailable]:
    limit = policy.thresholds.fresh_for
    whole = fresh(reading, now, limit)
    if isinstance(whole, Unavailable):
        return {instance.name: whole for instance in target.instances}
    found = parts(whole.value)
    return {
        instance.name: fresh(found.get(instance.name, _NOT_LISTED), now, limit)
        for instance in target.instances
    }
