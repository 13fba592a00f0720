"""Lock queues for the pure decisions: who waits behind whom, and who stands in front."""

from typing import Any

from tests.unit import scenes
from tests.unit.scenes import known, session
from workflows.models.blocker import CLIENT, Blocker, LockRequest
from workflows.models.evidence import DatabaseReading, Evidence
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session

ON_ROW = LockRequest(kind="transactionid", mode="ShareLock")
ON_TABLE = LockRequest(kind="relation", mode="AccessExclusiveLock", relation="public.orders")
ROOT = 100


def waiting(pid: int, *behind: int, seconds: float = 5.0, **changes: Any) -> Session:
    """An own session that waits behind these."""
    wait = {"wait_event_type": "Lock", "wait_event": "transactionid", "blocked_by": behind}
    return session(pid, seconds, "active", **{**wait, **changes})


def queued(count: int, *behind: int, first: int = 200) -> list[Session]:
    """So many of them behind the same ones."""
    return [waiting(first + number, *behind) for number in range(count)]


def busy(count: int, first: int = 700) -> list[Session]:
    """Own sessions that work and wait for nobody."""
    return [session(first + number, 0.1, "active") for number in range(count)]


def seen(found: Session, **changes: Any) -> Blocker:
    """An own session as one in front."""
    fields = {
        "pid": found.identity.pid,
        "kind": CLIENT,
        "identity": found.identity,
        "query_start": found.identity.state_change,
        "state_seconds": found.state_seconds,
        "has_written": found.has_written,
        "wait_event_type": found.wait_event_type,
        "holds": True,
    }
    return Blocker.model_validate({**fields, **changes})


def stranger(pid: int, seconds: float = 90.0, state: str = "idle in transaction", **changes: Any) -> Blocker:
    """Somebody of whom the sessions of the target know nothing; keywords of an identity go there."""
    names = {"usename": "billing", "application_name": "billing-api"}
    of_identity = ("usename", "datname", "application_name")
    identity = {name: changes.pop(name) for name in of_identity if name in changes}
    return seen(session(pid, seconds, state, **{**names, **identity}), **changes)


def change(pid: int, *behind: int, seconds: float = 60.0, **changes: Any) -> Blocker:
    """A migration with the application's role that waits to change a table, behind these."""
    fields = {
        "usename": "shop",
        "application_name": "migration",
        "wait_event_type": "Lock",
        "blocked_by": behind,
        "awaits": ON_TABLE,
        "holds": False,
        "statement": "ALTER TABLE",
    }
    return stranger(pid, seconds, "active", **{**fields, **changes})


def queue(
    sessions: list[Session],
    blockers: list[Blocker] | Unavailable,
    server: dict[str, Any] | None = None,
    **changes: Any,
) -> Evidence:
    """A full pool, and these sessions and whoever stands in front of them."""
    found = blockers if isinstance(blockers, Unavailable) else known(tuple(blockers))
    full = scenes.pool(waiters=4)
    fields = {
        "metrics": scenes.metrics(scenes.scraped(full)),
        "application": scenes.application(scenes.page(full)),
        "database": scenes.database(sessions, total=scenes.SIZE, blockers=found, **(server or {})),
        **changes,
    }
    return scenes.evidence(**fields)


def reading_in(look: Evidence) -> DatabaseReading:
    """What PostgreSQL showed in it."""
    assert isinstance(look.database, Known)
    return look.database.value


def blockers_in(look: Evidence) -> tuple[Blocker, ...]:
    """Whoever stands in front in it."""
    blockers = reading_in(look).blockers
    assert isinstance(blockers, Known)
    return blockers.value


def leaked(pid: int = ROOT, seconds: float = 90.0, **changes: Any) -> Session:
    """An own session that holds a lock and is idle in transaction, for longer than the leak's age."""
    return session(pid, seconds, **changes)
