"""Evidence for the pure decisions: a target of two instances, and one look at it, each part replaceable."""

from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.models.base import Model
from workflows.models.evidence import (
    ApplicationPage,
    ApplicationReading,
    ContainersReading,
    ContainerState,
    DatabaseReading,
    Evidence,
    InstanceMetrics,
    MetricsReading,
    PoolState,
    ServerReading,
)
from workflows.models.policy import Mode, Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session, SessionIdentity
from workflows.models.target import Target

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
STARTED = NOW - timedelta(hours=5)
SIZE = 20
GONE = Unavailable(reason="connection refused")


def known[T](value: T, at: datetime = NOW) -> Known[T]:
    """A reading of now."""
    return Known(value=value, at=at)


def target(instances: int = 1, **changes: Any) -> Target:
    """`shop`, with instances web-1, web-2, ... of 20 connections each."""
    return Target.model_validate(
        {
            "name": "shop",
            "matchers": {"service": "shop"},
            "profile": "covetpy",
            "selector": {"service": "shop"},
            "instances": [
                {
                    "name": f"web-{number}",
                    "url": f"http://127.0.0.1:{8000 + number}",
                    "container": f"shop-{number}",
                    "pool_size": SIZE,
                }
                for number in range(1, instances + 1)
            ],
            "database": {
                "name": "main",
                "dsn": "SHOP_DSN",
                "dbname": "shop",
                "role": "shop",
                "application_names": ["shop-api"],
            },
            "routes": {"l1": ["a"], "l2": ["b"], "l3": ["c"]},
            "reload": {"file": "/run/pool.json"},
            **changes,
        }
    )


def with_database(base: Target, **changes: Any) -> Target:
    """The same target with another database section."""
    return base.model_copy(update={"database": base.database.model_copy(update=changes)})


def with_instance(base: Target, which: str, /, **changes: Any) -> Target:
    """The same target with one instance changed."""
    instances = tuple(
        each.model_copy(update=changes) if each.name == which else each for each in base.instances
    )
    return base.model_copy(update={"instances": instances})


def policy(**changes: Any) -> Policy:
    """Mode auto, with somebody who may approve."""
    return Policy.model_validate({"mode": Mode.AUTO, "approval": {"approvers": ["ada"]}, **changes})


def pool(active: int = SIZE, size: int = SIZE, waiters: int | None = 0) -> PoolState:
    """A full pool, unless said otherwise."""
    return PoolState(active=active, idle=max(size - active, 0), size=size, waiters=waiters)


def page(state: PoolState | None = None, **changes: Any) -> ApplicationPage:
    """An instance that answers."""
    fields = {
        "status": "healthy",
        "pool": known(state or pool()),
        "timeouts_total": known(3.0),
        "probe_seconds": known(0.004),
        "started_at": known(STARTED),
        **changes,
    }
    return ApplicationPage.model_validate(fields)


def application(*pages: ApplicationPage | Unavailable, at: datetime = NOW) -> Known[ApplicationReading]:
    """web-1, web-2, ... as they answered."""
    return known(
        ApplicationReading(
            instances={
                f"web-{number}": each if isinstance(each, Unavailable) else known(each, at)
                for number, each in enumerate(pages, 1)
            }
        ),
        at,
    )


def scraped(state: PoolState | None = None, **changes: Any) -> InstanceMetrics:
    """An instance as Prometheus last saw it."""
    fields = {
        "pool": state or pool(),
        "wait_p95": GONE,
        "timeouts": known(0.0),
        "errors_503": known(0.0),
        "leaked": known(0.0),
        "full_seconds": known(40.0),
        "started_at": known(STARTED),
        **changes,
    }
    return InstanceMetrics.model_validate(fields)


def metrics(*instances: InstanceMetrics | Unavailable, **changes: Any) -> Known[MetricsReading]:
    """web-1, web-2, ... and traffic as usual."""
    fields = {
        "instances": {
            f"web-{number}": each if isinstance(each, Unavailable) else known(each)
            for number, each in enumerate(instances, 1)
        },
        "request_rate": known(50.0),
        "usual_rate": known(50.0),
        "hold_seconds": known(0.2),
        "usual_hold": known(0.2),
        "alert_firing": known(True),
        **changes,
    }
    return known(MetricsReading.model_validate(fields))


def session(pid: int, seconds: float = 90.0, state: str = "idle in transaction", **changes: Any) -> Session:
    """An own session in this state for so long; keywords of its identity go to its identity."""
    since = NOW - timedelta(seconds=seconds)
    identity = {
        "pid": pid,
        "backend_start": STARTED,
        "state": state,
        "state_change": since,
        "xact_start": since,
        "usename": "shop",
        "datname": "shop",
        "application_name": "shop-api",
    }
    identity |= {name: changes.pop(name) for name in list(changes) if name in identity}
    return Session(identity=SessionIdentity.model_validate(identity), state_seconds=seconds, **changes)


def sessions(
    count: int, seconds: float = 90.0, state: str = "idle in transaction", **changes: Any
) -> list[Session]:
    """So many of them, pids from 100; the first is the oldest."""
    return [session(100 + number, seconds + count - number, state, **changes) for number in range(count)]


def database(found: list[Session], total: int = SIZE, **changes: Any) -> Known[DatabaseReading]:
    """What PostgreSQL shows; keywords of the server go to the server."""
    server = {
        "version": 180000,
        "system_identifier": "7300000000000000001",
        "in_recovery": False,
        "started_at": STARTED,
        "max_connections": 100,
        "reserved_connections": 3,
        "connections": total + 5,
        "can_terminate": True,
        "can_cancel": True,
        "can_set_timeout": True,
    }
    server |= {name: changes.pop(name) for name in list(changes) if name in ServerReading.model_fields}
    fields = {
        "server": ServerReading.model_validate(server),
        "sessions": tuple(found),
        "sessions_total": total,
        "foreign": 5,
        "statements": GONE,
        **changes,
    }
    return known(DatabaseReading.model_validate(fields))


def container(number: int = 1, **changes: Any) -> ContainerState:
    """A running container."""
    fields = {
        "id": f"{number:064x}",
        "running": True,
        "status": "running",
        "started_at": STARTED,
        "restart_count": 0,
        "oom_killed": False,
        "exit_code": 0,
        "image": "shop:1",
        "stop_grace_seconds": 10.0,
        **changes,
    }
    return ContainerState.model_validate(fields)


def containers(*states: ContainerState | Unavailable, **changes: Any) -> Known[ContainersReading]:
    """The containers of web-1, web-2, ..."""
    instances = {
        f"web-{number}": each if isinstance(each, Unavailable) else known(each)
        for number, each in enumerate(states, 1)
    }
    return known(ContainersReading.model_validate({"instances": instances, **changes}))


def evidence(**changes: Any) -> Evidence:
    """One instance, full, requests waiting, eighteen sessions leaked; keywords replace a part."""
    full = pool(waiters=4)
    fields = {
        "at": NOW,
        "metrics": metrics(scraped(full)),
        "application": application(page(full)),
        "database": database(sessions(18)),
        "containers": containers(container()),
        **changes,
    }
    return Evidence.model_validate(fields)


def before(look: Evidence, seconds: float = 20.0) -> Evidence:
    """The same look, as it would have been so many seconds before: only the readings' times differ."""
    ago = timedelta(seconds=seconds)
    return Evidence.model_validate({**_move(look, ago).__dict__, "at": look.at - ago})


def _move(value: Any, ago: timedelta) -> Any:
    if isinstance(value, dict):
        return {name: _move(each, ago) for name, each in value.items()}
    if not isinstance(value, Model):
        return value
    moved = {name: _move(getattr(value, name), ago) for name in type(value).model_fields}
    if isinstance(value, Known):
        moved["at"] = value.at - ago
    return value.model_copy(update=moved)
