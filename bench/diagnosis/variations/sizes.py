"""Variations of how much there is: larger pools, honest sessions beside, other traffic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import floor
from random import Random

from bench.diagnosis.record import Made, Record, changed
from workflows.models.diagnosis import Cause
from workflows.models.evidence import DatabaseReading, Evidence, InstanceMetrics, MetricsReading, PoolState
from workflows.models.reading import Known, value_of
from workflows.models.session import Session, SessionIdentity
from workflows.models.target import Target
from workflows.ownership import is_own

MOST_HONEST = 0.2
"""Share of the connections checked out that honest work is added to: more would be another cause."""
FIRST_NEW_PID = 900_000_000
LARGEST_PID = 10_000_000
_AMOUNTS = ("timeouts", "errors_503", "leaked")


def enlarge(record: Record, chance: Random) -> Record | None:
    """A pool several times as large, with as many times the sessions, requests and failures.

    Whoever others wait behind stays alone there: another one in front would be another queue.
    """
    factor = chance.choice((2, 3))
    twins = _Twins({pid for look in record.looks for pid in _waited_for(look)}, factor)
    if not all(twins.models(_own(record, look)) for look in record.looks):
        return None

    def of_database(reading: DatabaseReading) -> DatabaseReading:
        own = [each for each in reading.sessions if is_own(each.identity, record.target)]
        return with_sessions(reading, twins.of(own), slots=factor)

    grown = (
        record.with_database(of_database)
        .with_pools(lambda _name, pool: _times(pool, factor))
        .with_metrics(lambda reading: _busier(reading, factor))
        .with_each_metrics(lambda _name, one: _more_failures(one, factor))
    )
    made = {each.pid: each for each in record.truth.sessions}
    new = [Made(pid=pid, start=made[like].start) for pid, like in twins.born.items() if like in made]
    truth = record.truth.model_copy(update={"sessions": (*record.truth.sessions, *new)})
    target = _larger(record, lambda size: size * factor, factor)
    return grown.model_copy(update={"truth": truth, "target": target})


@dataclass
class _Twins:
    """Copies of sessions with process ids of their own, the same ones at every look."""

    fronts: set[int]
    factor: int
    born: dict[int, int] = field(default_factory=dict)
    """By the new process id: of whom it is a copy."""

    def models(self, own: Sequence[Session]) -> list[Session]:
        """Of whom there may be copies."""
        return [each for each in own if each.identity.pid not in self.fronts]

    def of(self, own: Sequence[Session]) -> list[Session]:
        """So many that there are `factor` times as many as before."""
        made = 0
        models = self.models(own)
        copies = []
        while made < (self.factor - 1) * len(own):
            model = models[made % len(models)]
            pid = model.identity.pid + FIRST_NEW_PID + LARGEST_PID * (made // len(models))
            self.born[pid] = model.identity.pid
            identity = model.identity.model_copy(update={"pid": pid})
            copies.append(model.model_copy(update={"identity": identity}))
            made += 1
        return copies


def add_honest(record: Record, chance: Random) -> Record | None:
    """A few more connections, in as much larger pools, on which honest requests work."""
    least = min((pool.active for look in record.looks for pool in _pools(look)), default=0)
    more = chance.randint(1, max(floor(MOST_HONEST * least), 1))
    sample = next((each for look in record.looks for each in _own(record, look)), None)
    if least < 4 or sample is None:
        return None
    count = more * len(record.target.instances)

    def of_look(look: Evidence) -> Evidence:
        added = [_working(sample.identity, number, look, chance) for number in range(count)]
        return look.model_copy(
            update={"database": changed(look.database, lambda reading: with_sessions(reading, added))}
        )

    def of_pool(_name: str, pool: PoolState) -> PoolState:
        requests = None if pool.in_flight is None else pool.in_flight + more
        counts = {"active": pool.active + more, "size": pool.size + more, "in_flight": requests}
        return pool.model_copy(update=counts)

    return (
        record.with_looks(of_look)
        .with_pools(of_pool)
        .model_copy(update={"target": _larger(record, lambda size: size + more)})
    )


def add_strangers(record: Record, chance: Random) -> Record:
    """More sessions of others on the server, which are counted and never listed."""
    more = chance.randint(1, 25)

    def of_database(reading: DatabaseReading) -> DatabaseReading:
        server = reading.server
        slots = {
            "connections": server.connections + more,
            "max_connections": server.max_connections + 2 * more,
        }
        return reading.model_copy(
            update={"foreign": reading.foreign + more, "server": server.model_copy(update=slots)}
        )

    return record.with_database(of_database)


def change_traffic(record: Record, chance: Random) -> Record | None:
    """More or fewer requests, within what is usual; of a spike, still far above it."""
    spike = record.policy.thresholds.spike_factor
    ratios = [_ratio(look) for look in record.looks]
    known = [ratio for ratio in ratios if ratio is not None]
    if not known:
        return None
    if record.truth.cause is Cause.SPIKE:
        lowest, highest = 1.3 * spike / min(known), 1.5
    else:
        lowest, highest = 0.5, 0.8 * spike / max(known)
    if lowest >= highest:
        return None
    by = chance.uniform(lowest, highest)
    return record.with_metrics(
        lambda reading: reading.model_copy(
            update={"request_rate": changed(reading.request_rate, lambda rate: rate * by)}
        )
    )


def _ratio(look: Evidence) -> float | None:
    metrics = value_of(look.metrics)
    if metrics is None:
        return None
    rate, usual = value_of(metrics.request_rate), value_of(metrics.usual_rate)
    return rate / usual if rate and usual else None


def _times(pool: PoolState, factor: int) -> PoolState:
    counts = {name: getattr(pool, name) * factor for name in ("active", "idle", "size")}
    told = {
        name: count * factor
        for name in ("waiters", "in_flight")
        if (count := getattr(pool, name)) is not None
    }
    return pool.model_copy(update={**counts, **told})


def _busier(reading: MetricsReading, factor: int) -> MetricsReading:
    return reading.model_copy(
        update={
            name: changed(getattr(reading, name), lambda rate: rate * factor)
            for name in ("request_rate", "usual_rate")
        }
    )


def _more_failures(one: InstanceMetrics, factor: int) -> InstanceMetrics:
    least = one.least_active and changed(one.least_active, lambda fewest: fewest * factor)
    counts = {name: changed(getattr(one, name), lambda count: count * factor) for name in _AMOUNTS}
    return one.model_copy(update={**counts, "least_active": least})


def _larger(record: Record, grow: Callable[[int], int], factor: float = 1.0) -> Target:
    target = record.target
    instances = tuple(
        each.model_copy(update={"pool_size": grow(each.pool_size)}) for each in target.instances
    )
    rate = target.usual.request_rate
    usual = target.usual.model_copy(update={"request_rate": rate and rate * factor})
    return target.model_copy(update={"instances": instances, "usual": usual})


def with_sessions(reading: DatabaseReading, added: list[Session], slots: int = 1) -> DatabaseReading:
    server = reading.server
    counts = {
        "connections": server.connections + len(added),
        "max_connections": server.max_connections * slots + len(added),
    }
    return reading.model_copy(
        update={
            "sessions": (*reading.sessions, *added),
            "sessions_total": reading.sessions_total + len(added),
            "server": server.model_copy(update=counts),
        }
    )


def _waited_for(look: Evidence) -> set[int]:
    reading = value_of(look.database)
    if reading is None:
        return set()
    ahead = [pid for each in reading.sessions for pid in each.blocked_by]
    blockers = value_of(reading.blockers) or ()
    return {*ahead, *(each.pid for each in blockers), *(pid for each in blockers for pid in each.blocked_by)}


def _pools(look: Evidence) -> list[PoolState]:
    return [pool.value for pool in look.pools().values() if isinstance(pool, Known)]


def _own(record: Record, look: Evidence) -> list[Session]:
    reading = value_of(look.database)
    return [each for each in reading.sessions if is_own(each.identity, record.target)] if reading else []


def _working(like: SessionIdentity, number: int, look: Evidence, chance: Random) -> Session:
    """A request that just now works, in a connection that is there for long."""
    seconds = chance.uniform(0.001, 0.05)
    since = look.at - timedelta(seconds=seconds)
    identity = like.model_copy(
        update={
            "pid": 2 * FIRST_NEW_PID + number,
            "state": "active",
            "state_change": since,
            "xact_start": since,
        }
    )
    return Session(identity=identity, state_seconds=seconds, xact_seconds=seconds)
