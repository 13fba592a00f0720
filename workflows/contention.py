"""Whether the database holds the application's own work up: then neither size nor restart is the remedy."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import is_own
from workflows.wording import counted, percent

LOCK_SHARE = 0.3
"""From this share on, waiting for locks explains a full pool."""
RESOURCE_SHARE = 0.5
"""From this share on, storage, internal locks or a standby do: a busy server always waits for some."""
RESOURCES = frozenset({"IO", "LWLock", "BufferPin"})
RUNNING = "running"
"""How a backend at work is counted that PostgreSQL shows no wait event of."""
_SHARED_READS = frozenset({"BufferIO", "BufferIo"})
"""Of the type IPC: storage that another backend reads (spelled otherwise since 17)."""
_READS = frozenset({"DataFileRead", "DataFilePrefetch", "AioIoCompletion", "AioIoUringExecution"})
"""Of the type IO: data that is read from storage; the last two since 18, of whatever is read or written."""
_RESOURCE_EVENTS = _SHARED_READS | {"SyncRep"}
"""Of the type IPC: these, and a standby."""


@dataclass(frozen=True)
class Waits:
    """What the application's working sessions wait for in the database."""

    working: int
    """Own sessions that are not plain idle, and no maintenance."""
    locked: int
    """Of them, waiting for locks of other sessions."""
    starved: Mapping[str, int]
    """Of them, by wait event: active, and waiting for storage, internal locks or a standby."""
    running: int
    """Of them, active, and waiting for nothing that PostgreSQL shows: on a processor, or for want of one."""

    @property
    def starved_share(self) -> float:
        """Of the working sessions; 0 where none works."""
        return sum(self.starved.values()) / self.working if self.working else 0.0

    @property
    def are_locked(self) -> bool:
        """Waiting for locks explains a full pool."""
        return self.working > 0 and self.locked >= LOCK_SHARE * self.working

    @property
    def are_starved(self) -> bool:
        """Waiting for the server itself explains a full pool."""
        return self.starved_share > RESOURCE_SHARE

    @property
    def starvation(self) -> str:
        """How many wait for storage, internal locks or a standby."""
        told = ", ".join(f"{event} {count}" for event, count in Counter(self.starved).most_common())
        share = _told(sum(self.starved.values()), self.working, "storage, internal locks or a standby")
        return f"{share[:-1]}: {told}." if told else share


def waits_of(sessions: Iterable[Session], target: Target) -> Waits:
    """Of the target's own sessions; nobody else's count."""
    working = working_sessions(sessions, target)
    return Waits(
        working=len(working),
        locked=sum(waits_for_lock(each) for each in working),
        starved=Counter(wait_of(each) for each in working if _waits_for_resource(each)),
        running=sum(_runs(each) for each in working),
    )


def describe_contention(sessions: Iterable[Session], target: Target) -> str | None:
    """How many of the application's working sessions wait for the database itself; None where few do."""
    waits = waits_of(sessions, target)
    if waits.are_locked:
        return _told(waits.locked, waits.working, "locks")
    return waits.starvation if waits.are_starved else None


def wait_of(session: Session) -> str:
    """By type and name, as PostgreSQL has them; `running` where it waits for nothing."""
    if session.wait_event_type is None:
        return RUNNING
    return f"{session.wait_event_type}/{session.wait_event}"


def working_sessions(sessions: Iterable[Session], target: Target) -> list[Session]:
    """The application's own that do not only rest in the pool, and work for requests.

    A migration that waits for the requests before it holds nobody up by that.
    """
    own = (each for each in sessions if is_own(each.identity, target))
    return [each for each in own if each.identity.state != "idle" and each.in_progress is None]


def waits_for_lock(session: Session) -> bool:
    """Whether it waits for a lock that another transaction, or a queue, keeps from it."""
    return session.wait_event_type == "Lock"


def waits_to_read(session: Session) -> bool:
    """Whether it waits for data from storage, that it asked for itself or that another backend did."""
    return session.wait_event in _READS | _SHARED_READS


def _waits_for_resource(session: Session) -> bool:
    is_active = session.identity.state == "active"
    return is_active and (session.wait_event_type in RESOURCES or session.wait_event in _RESOURCE_EVENTS)


def _runs(session: Session) -> bool:
    return session.identity.state == "active" and session.wait_event_type is None


def _told(waiting: int, working: int, what: str) -> str:
    share = percent(waiting / working) if working else "none"
    return f"{counted(waiting, 'working session')} of {working} ({share}) wait for {what} in the database."
