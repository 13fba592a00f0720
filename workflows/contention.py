"""Whether the database holds the application's own work up: then neither size nor restart is the remedy."""

from collections.abc import Iterable

from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import is_own
from workflows.wording import counted, percent

_LOCK_SHARE = 0.3
"""From this share on, waiting for locks explains a full pool."""
_RESOURCE_SHARE = 0.5
"""From this share on, storage, internal locks or a standby do: a busy server always waits for some."""
_RESOURCES = frozenset({"IO", "LWLock", "BufferPin"})


def describe_contention(sessions: Iterable[Session], target: Target) -> str | None:
    """How many of the application's working sessions wait for the database itself; None where few do."""
    working = [each for each in sessions if is_own(each.identity, target) and each.identity.state != "idle"]
    if not working:
        return None
    locked = sum(each.wait_event_type == "Lock" for each in working)
    starved = sum(_waits_for_resource(each) for each in working)
    if locked >= _LOCK_SHARE * len(working):
        return _told(locked, len(working), "locks")
    if starved > _RESOURCE_SHARE * len(working):
        return _told(starved, len(working), "storage, internal locks or a standby")
    return None


def _waits_for_resource(session: Session) -> bool:
    is_active = session.identity.state == "active"
    return is_active and (session.wait_event_type in _RESOURCES or session.wait_event == "SyncRep")


def _told(waiting: int, working: int, what: str) -> str:
    share = percent(waiting / working)
    return f"{counted(waiting, 'working session')} of {working} ({share}) wait for {what} in the database."
