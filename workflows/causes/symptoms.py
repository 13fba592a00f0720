"""What one look shows, as the causes ask for it: fresh, per instance, in numbers, or why it is missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflows.causes.trust import lost_slots, trusted
from workflows.exhaustion import is_exhausted
from workflows.models.evidence import (
    ApplicationPage,
    ContainerState,
    DatabaseReading,
    Evidence,
    InstanceMetrics,
    MetricsReading,
    PoolState,
)
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.target import Instance, Target
from workflows.readings import containers_of, fresh, metrics_of, number, pages_of, pools_of


@dataclass(frozen=True)
class Symptoms:
    """Only what is fresh and believed; everything else is a sentence in `missing`."""

    target: Target
    policy: Policy
    readings: Mapping[str, Known[PoolState] | Unavailable]
    """Each configured instance's pool, as a reading."""
    pages: Mapping[str, ApplicationPage]
    metrics: Mapping[str, InstanceMetrics]
    traffic: MetricsReading | None
    containers: Mapping[str, ContainerState]
    database: DatabaseReading | None
    earlier: DatabaseReading | None
    """The database in the look before, if that was fresh then and from the same server process."""
    earlier_pools: Mapping[str, PoolState]
    """The pools in that look, those that could be read."""
    lost_slots: int
    """Connections the pools count as checked out and the server does not have."""
    missing: tuple[str, ...]
    awaits_rising: bool = True
    """Whether hold times that have begun to rise are looked at twice."""

    @property
    def is_first(self) -> bool:
        """Nothing is known of a look before."""
        return self.earlier is None and not self.earlier_pools

    @property
    def pools(self) -> dict[str, PoolState]:
        """The pools that could be read."""
        return {name: pool.value for name, pool in self.readings.items() if isinstance(pool, Known)}

    @property
    def exhausted(self) -> tuple[str, ...]:
        """Names of the exhausted instances, the fullest first."""
        return self._fullest_first(
            name
            for name, pool in self.pools.items()
            if is_exhausted(pool, self.policy, fails=self._fails(name))
        )

    @property
    def crowded(self) -> tuple[str, ...]:
        """Names of the instances that are fuller than recovery allows, the fullest first."""
        limit = self.policy.clear_window.utilization
        return self._fullest_first(name for name, pool in self.pools.items() if pool.utilization >= limit)

    def checked_out(self, names: Iterable[str]) -> int:
        """Connections checked out on these instances."""
        return sum(self.pools[name].active for name in names)

    def abandoned(self, names: Iterable[str]) -> int | None:
        """At least so many connections checked out there are no request's; None where that is not known."""
        counts = [self.pools[name].abandoned for name in names]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def usual_hold(self) -> float | None:
        """Seconds a connection is usually held: measured, else configured."""
        measured = number(self.traffic.usual_hold) if self.traffic else None
        return self.target.usual.hold_seconds if measured is None else measured

    @property
    def usual_rate(self) -> float | None:
        """Usual requests per second: measured, else configured."""
        measured = number(self.traffic.usual_rate) if self.traffic else None
        return self.target.usual.request_rate if measured is None else measured

    @property
    def traffic_ratio(self) -> float | None:
        """How many times the usual requests come now."""
        rate, usual = number(self.traffic.request_rate) if self.traffic else None, self.usual_rate
        return None if rate is None or not usual else rate / usual

    @property
    def hold_now(self) -> float | None:
        """Seconds that connections were held which came back lately."""
        return number(self.traffic.hold_seconds) if self.traffic else None

    @property
    def hold_ratio(self) -> float | None:
        """How many times the usual connections are held now."""
        now, usual = self.hold_now, self.usual_hold
        return None if now is None or not usual else now / usual

    def elsewhere(self, names: Iterable[str], *, held: bool = False) -> int:
        """The most that the other instances can have checked out; `held`: for longer than the leak age."""
        own = set(names)
        stopped = {name for name, container in self.containers.items() if not container.running}
        return sum(
            self._most(other, held=held) for other in self.target.instances if other.name not in own | stopped
        )

    def _most(self, instance: Instance, *, held: bool) -> int:
        """What is held all the time is checked out at every scrape: no more than the fewest at any."""
        pool, metrics = self.pools.get(instance.name), self.metrics.get(instance.name)
        now = pool.active if pool else instance.pool_size
        least = metrics.least_active if held and metrics else None
        return min(now, least.value) if isinstance(least, Known) else now

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Instances in the metrics that the configuration does not know, and nobody asked."""
        return self.traffic.unexpected if self.traffic else ()

    def _fails(self, name: str) -> bool:
        page, metrics = self.pages.get(name), self.metrics.get(name)
        times_out = bool(metrics and number(metrics.timeouts))
        return times_out or bool(page and isinstance(page.probe_seconds, Unavailable))

    def _fullest_first(self, names: Iterable[str]) -> tuple[str, ...]:
        pools = self.pools
        return tuple(sorted(names, key=lambda name: (-pools[name].utilization, -(pools[name].waiters or 0))))


def observe(
    evidence: Evidence,
    previous: Evidence | None,
    target: Target,
    policy: Policy,
    *,
    awaits_rising: bool = True,
) -> Symptoms:
    """Sort the evidence into what can be relied on and what is missing."""
    readings = pools_of(evidence, target, policy)
    pages = pages_of(evidence.application, target, policy, evidence.at)
    metrics = metrics_of(evidence, target, policy)
    containers = containers_of(evidence, target, policy)
    traffic = fresh(evidence.metrics, evidence.at, policy.thresholds.fresh_for)
    database = trusted(evidence, previous, target, policy)
    before = pools_of(previous, target, policy) if previous else {}
    return Symptoms(
        target=target,
        policy=policy,
        readings=readings,
        pages=_known(pages),
        metrics=_known(metrics),
        traffic=value_of(traffic),
        containers=_known(containers),
        database=value_of(database),
        earlier=_earlier(value_of(database), previous, target, policy),
        earlier_pools=_known(before),
        lost_slots=lost_slots(evidence, target, policy) if isinstance(database, Known) else 0,
        missing=(
            *_missing("pool", readings),
            *_missing("application page", pages),
            *_missing("metrics", metrics),
            *_missing("container", _expected(containers, target)),
            *_missing_of_database(database),
            *_unexpected(traffic),
        ),
        awaits_rising=awaits_rising,
    )


def _expected[T](containers: Mapping[str, T], target: Target) -> dict[str, T]:
    return {name: state for name, state in containers.items() if target.instance(name).container}


def _earlier(
    now: DatabaseReading | None, previous: Evidence | None, target: Target, policy: Policy
) -> DatabaseReading | None:
    before = value_of(trusted(previous, None, target, policy)) if previous else None
    is_same = now is not None and before is not None and now.server.started_at == before.server.started_at
    return before if is_same else None


def _known[T](readings: Mapping[str, Known[T] | Unavailable]) -> dict[str, T]:
    return {name: reading.value for name, reading in readings.items() if isinstance(reading, Known)}


def _missing[T](what: str, readings: Mapping[str, Known[T] | Unavailable]) -> list[str]:
    reasons = {name: reading.reason for name, reading in readings.items() if isinstance(reading, Unavailable)}
    if len(readings) > 1 and len(reasons) == len(readings) and len(set(reasons.values())) == 1:
        return [f"{what} of every instance: {next(iter(reasons.values()))}"]
    return [f"{what} of {name}: {reason}" for name, reason in reasons.items()]


def _missing_of_database(database: Known[DatabaseReading] | Unavailable) -> list[str]:
    if isinstance(database, Unavailable):
        return [f"database: {database.reason}"]
    reading = database.value
    listed_of = f"{len(reading.sessions)} of {reading.sessions_total} sessions"
    return [f"database: {listed_of} are listed, so a person decides"] if reading.is_cut else []


def _unexpected(traffic: Known[MetricsReading] | Unavailable) -> list[str]:
    names = traffic.value.unexpected if isinstance(traffic, Known) else ()
    return [f"{name}: in the metrics, not in the configuration, so it was not asked" for name in names]
