"""Variations of what else runs there: one more instance, which has nothing to do with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from bench.diagnosis.record import Record, changed
from bench.diagnosis.variations.sizes import with_sessions
from workflows.models.evidence import ApplicationPage, ContainerState, Evidence, InstanceMetrics, PoolState
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.session import Session, SessionIdentity
from workflows.models.target import Instance
from workflows.ownership import is_own

FIRST_NEW_PID = 3_000_000_000
MOST_BUSY = 0.3
"""Share of its connections that a healthy instance has checked out."""


def add_instance(record: Record, chance: Random) -> Record | None:
    """Another instance with a pool of its own, healthy, little used, and its connections on the server."""
    like = _healthy_model(record)
    if like is None:
        return None
    name = f"{like.name}-beside-{chance.randrange(1000)}"
    size = chance.randint(4, max(4, like.pool_size))
    active = chance.randint(0, int(MOST_BUSY * size))
    instance = like.model_copy(
        update={"name": name, "container": like.container and f"{name}.prod", "pool_size": size}
    )
    pool = PoolState(active=active, idle=size - active, size=size, waiters=0, in_flight=active)
    twin = _Twin(record, like, instance, pool, chance)
    target = record.target.model_copy(update={"instances": (*record.target.instances, instance)})
    return record.with_looks(twin.appear).model_copy(update={"target": target})


def _healthy_model(record: Record) -> Instance | None:
    """One of which every source says something, to be copied."""
    return next((each for each in record.target.instances if _is_seen(record, each.name)), None)


def _is_seen(record: Record, name: str) -> bool:
    return all(
        isinstance(source, Known) and isinstance(source.value.instances.get(name), Known)
        for look in record.looks
        for source in (look.metrics, look.application, look.containers)
    )


@dataclass
class _Twin:
    record: Record
    like: Instance
    instance: Instance
    pool: PoolState
    chance: Random
    resting: dict[int, SessionIdentity] = field(default_factory=dict)
    """Its idle connections: the same ones at every look."""

    def appear(self, look: Evidence) -> Evidence:
        """The look with this instance in every source."""
        name, like = self.instance.name, self.like.name

        def of_metrics(one: InstanceMetrics) -> InstanceMetrics:
            nothing = {
                each: _zero(getattr(one, each))
                for each in ("timeouts", "errors_503", "leaked", "full_seconds")
            }
            least = one.least_active and changed(one.least_active, lambda _fewest: 0)
            return one.model_copy(update={**nothing, "pool": self.pool, "least_active": least})

        def of_page(one: ApplicationPage) -> ApplicationPage:
            own = {
                "status": "healthy",
                "pool": Known[PoolState](value=self.pool, at=look.at),
                "timeouts_total": Known[float](value=0.0, at=look.at),
                "probe_seconds": Known[float](value=0.004, at=look.at),
            }
            return one.model_copy(update=own)

        def of_container(one: ContainerState) -> ContainerState:
            return one.model_copy(update={"id": one.id[::-1]})

        def beside[T](
            parts: dict[str, Known[T] | Unavailable], change: Callable[[T], T]
        ) -> dict[str, object]:
            return {"instances": {**parts, name: changed(parts[like], change)}}

        return look.model_copy(
            update={
                "metrics": changed(
                    look.metrics,
                    lambda whole: whole.model_copy(update=beside(whole.instances, of_metrics)),
                ),
                "application": changed(
                    look.application,
                    lambda whole: whole.model_copy(update=beside(whole.instances, of_page)),
                ),
                "containers": changed(
                    look.containers,
                    lambda whole: whole.model_copy(update=beside(whole.instances, of_container)),
                ),
                "database": changed(
                    look.database, lambda reading: with_sessions(reading, self._sessions(look))
                ),
            }
        )

    def _sessions(self, look: Evidence) -> list[Session]:
        sample = self._sample(look)
        if sample is None:
            return []
        if not self.resting:
            self.resting = {number: self._rest(sample, number, look) for number in range(self.pool.idle)}
        working = [self._work(sample, number, look) for number in range(self.pool.active)]
        return working + [
            Session(identity=each, state_seconds=(look.at - each.state_change).total_seconds())
            for each in self.resting.values()
        ]

    def _rest(self, sample: SessionIdentity, number: int, look: Evidence) -> SessionIdentity:
        """The pool's own: some were used just now, others not for long."""
        since = look.at - timedelta(
            seconds=self.chance.choice((0.2, 3, 40, 900)) * self.chance.uniform(0.5, 1.5)
        )
        return sample.model_copy(
            update={"pid": FIRST_NEW_PID + number, "state": "idle", "state_change": since, "xact_start": None}
        )

    def _work(self, sample: SessionIdentity, number: int, look: Evidence) -> Session:
        seconds = self.chance.uniform(0.001, 0.05)
        since = look.at - timedelta(seconds=seconds)
        pid = FIRST_NEW_PID + self.pool.idle + number
        identity = sample.model_copy(
            update={"pid": pid, "state": "active", "state_change": since, "xact_start": since}
        )
        return Session(identity=identity, state_seconds=seconds, xact_seconds=seconds)

    def _sample(self, look: Evidence) -> SessionIdentity | None:
        """Whose names and start its connections share: the oldest, of a process as old as theirs."""
        reading = value_of(look.database)
        own = (
            [each.identity for each in reading.sessions if is_own(each.identity, self.record.target)]
            if reading
            else []
        )
        return min(own, key=lambda each: each.backend_start, default=None)


def _zero(reading: Known[float] | Unavailable) -> Known[float] | Unavailable:
    return changed(reading, lambda _value: 0.0)
