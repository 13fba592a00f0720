"""Variations of how long things have lasted: older faults, older processes, other hold times."""

from datetime import timedelta
from random import Random

from bench.diagnosis.record import Made, Record, changed
from workflows.models.blocker import Blocker
from workflows.models.diagnosis import Cause
from workflows.models.evidence import (
    ApplicationPage,
    ContainerState,
    DatabaseReading,
    InstanceMetrics,
    MetricsReading,
)
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.session import Session, SessionIdentity

_MADE_TO_STAND = frozenset({Cause.LEAK, Cause.IDLE_LEAK, Cause.LOCK, Cause.DDL_QUEUE})
_FULL_FOR_LONG = _MADE_TO_STAND | {
    Cause.UNDERSIZED,
    Cause.SPIKE,
    Cause.DEGRADED,
    Cause.HOLD,
    Cause.LOST_CAPACITY,
}


def age(record: Record, chance: Random) -> Record | None:
    """What the fault left has stood so for longer, and the pool has been full for as long."""
    if record.truth.cause not in _FULL_FOR_LONG:
        return None
    by = timedelta(seconds=chance.choice((5, 60, 600, 7_200)) * chance.uniform(0.5, 1.5))
    made = set(record.truth.sessions)

    def of_session(session: Session) -> Session:
        return _older_session(session, by) if Made.of(session.identity) in made else session

    def of_blocker(blocker: Blocker) -> Blocker:
        is_made = blocker.identity is not None and Made.of(blocker.identity) in made
        return _older_blocker(blocker, by) if is_made else blocker

    def of_database(reading: DatabaseReading) -> DatabaseReading:
        blockers = changed(reading.blockers, lambda found: tuple(map(of_blocker, found)))
        return reading.model_copy(
            update={"sessions": tuple(map(of_session, reading.sessions)), "blockers": blockers}
        )

    def of_instance(name: str, one: InstanceMetrics) -> InstanceMetrics:
        if name not in record.truth.instances:
            return one
        full = changed(one.full_seconds, lambda seconds: seconds + by.total_seconds() if seconds else seconds)
        return one.model_copy(update={"full_seconds": full})

    older = record.with_database(of_database).with_each_metrics(of_instance)
    return started_earlier(older, timedelta(days=1) + by)


def age_processes(record: Record, chance: Random) -> Record:
    """Server, containers and processes were started long ago, and the pool's connections with them."""
    return started_earlier(record, timedelta(seconds=chance.uniform(3_600, 90 * 86_400)))


def started_earlier(record: Record, by: timedelta) -> Record:
    """Everything that was ever started, so much earlier; what it does now is as it was."""

    def of_database(reading: DatabaseReading) -> DatabaseReading:
        server = reading.server.model_copy(update={"started_at": reading.server.started_at - by})
        sessions = tuple(
            each.model_copy(update={"identity": _connected_earlier(each.identity, by)})
            for each in reading.sessions
        )
        blockers = changed(
            reading.blockers,
            lambda found: tuple(
                each.model_copy(update={"identity": each.identity and _connected_earlier(each.identity, by)})
                for each in found
            ),
        )
        return reading.model_copy(update={"server": server, "sessions": sessions, "blockers": blockers})

    def of_container(_name: str, one: ContainerState) -> ContainerState:
        return one.model_copy(update={"started_at": one.started_at and one.started_at - by})

    def of_page(_name: str, one: ApplicationPage) -> ApplicationPage:
        return one.model_copy(update={"started_at": changed(one.started_at, lambda at: at - by)})

    def of_instance(_name: str, one: InstanceMetrics) -> InstanceMetrics:
        return one.model_copy(update={"started_at": changed(one.started_at, lambda at: at - by)})

    seconds = int(by.total_seconds())
    by = timedelta(seconds=seconds)
    made = tuple(Made(pid=each.pid, start=each.start - seconds) for each in record.truth.sessions)
    return (
        record.with_database(of_database)
        .with_each_container(of_container)
        .with_each_page(of_page)
        .with_each_metrics(of_instance)
        .model_copy(update={"truth": record.truth.model_copy(update={"sessions": made})})
    )


def change_holds(record: Record, chance: Random) -> Record | None:
    """Requests keep connections for longer or shorter, now and usually, as far as that explains nothing."""
    youngest = min(_ages_of_made(record), default=None)
    holds = [hold for look in record.looks if (hold := _longest_hold(look.metrics)) is not None]
    if record.truth.cause is Cause.HOLD or not holds:
        return None
    highest = 2.0
    if youngest is not None:
        highest = min(highest, 0.5 * youngest / (record.policy.thresholds.leak_hold_factor * max(holds)))
    if highest <= 0.5:
        return None
    by = chance.uniform(0.5, highest)
    hold = record.target.usual.hold_seconds
    usual = record.target.usual.model_copy(update={"hold_seconds": hold and hold * by})
    longer = record.with_metrics(
        lambda reading: reading.model_copy(
            update={
                name: changed(getattr(reading, name), lambda seconds: seconds * by)
                for name in ("hold_seconds", "usual_hold")
            }
        )
    )
    return longer.model_copy(update={"target": record.target.model_copy(update={"usual": usual})})


def _ages_of_made(record: Record) -> list[float]:
    made = set(record.truth.sessions)
    readings = [reading for look in record.looks if (reading := value_of(look.database)) is not None]
    return [
        each.state_seconds
        for reading in readings
        for each in reading.sessions
        if Made.of(each.identity) in made
    ]


def _longest_hold(metrics: Known[MetricsReading] | Unavailable) -> float | None:
    reading = value_of(metrics)
    if reading is None:
        return None
    known = [value_of(reading.hold_seconds), value_of(reading.usual_hold)]
    return max((hold for hold in known if hold is not None), default=None)


def _older_session(session: Session, by: timedelta) -> Session:
    seconds = session.xact_seconds
    return session.model_copy(
        update={
            "identity": _older(session.identity, by),
            "state_seconds": session.state_seconds + by.total_seconds(),
            "xact_seconds": None if seconds is None else seconds + by.total_seconds(),
        }
    )


def _older_blocker(blocker: Blocker, by: timedelta) -> Blocker:
    seconds = blocker.state_seconds
    return blocker.model_copy(
        update={
            "identity": blocker.identity and _older(blocker.identity, by),
            "query_start": blocker.query_start and blocker.query_start - by,
            "state_seconds": None if seconds is None else seconds + by.total_seconds(),
        }
    )


def _older(identity: SessionIdentity, by: timedelta) -> SessionIdentity:
    return identity.model_copy(
        update={
            "state_change": identity.state_change - by,
            "xact_start": identity.xact_start and identity.xact_start - by,
        }
    )


def _connected_earlier(identity: SessionIdentity, by: timedelta) -> SessionIdentity:
    return identity.model_copy(update={"backend_start": identity.backend_start - by})
