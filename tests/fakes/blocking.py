"""Who stands in front of the simulated application's sessions."""

from collections.abc import Iterable
from datetime import datetime

from tests.fakes.state import Backend
from workflows.models.blocker import CLIENT, GONE, PREPARED, Blocker, LockRequest


def blockers_of(everybody: Iterable[Backend], own: Iterable[Backend], at: datetime) -> tuple[Blocker, ...]:
    """Whoever these sessions wait for, several levels deep, those that wait for nobody first."""
    known = {backend.pid: backend for backend in everybody}
    requests = _requests(known.values())
    listed = {backend.pid for backend in own}
    ahead: set[int] = set()
    todo = [pid for listed_pid in listed for pid in known[listed_pid].blocked_by]
    while todo:
        pid = todo.pop()
        if pid not in ahead:
            ahead.add(pid)
            todo.extend(known[pid].blocked_by if pid in known else ())
    found = [_blocker(pid, known.get(pid), at, requests.get(pid), is_listed=pid in listed) for pid in ahead]
    return tuple(sorted(found, key=lambda each: (each.wait_event_type == "Lock", each.pid)))


def _requests(everybody: Iterable[Backend]) -> dict[int, LockRequest]:
    """What is wanted of each of them: of several a request for a named relation."""
    waiting = [(each.awaits, each.blocked_by) for each in everybody if each.awaits]
    waiting.sort(key=lambda each: each[0].relation is not None)
    return {pid: request for request, ahead in waiting for pid in ahead}


def _blocker(
    pid: int, backend: Backend | None, at: datetime, request: LockRequest | None, *, is_listed: bool
) -> Blocker:
    if backend is None:
        return Blocker(pid=pid, kind=GONE if pid else PREPARED, holds=pid == 0)
    identity = backend.identity(at)
    return Blocker(
        pid=pid,
        kind=backend.kind,
        identity=identity if backend.kind == CLIENT else None,
        query_start=identity.state_change,
        state_seconds=(at - identity.state_change).total_seconds(),
        has_written=backend.has_written,
        wait_event_type=backend.wait[0] if backend.wait else None,
        wait_event=backend.wait[1] if backend.wait else None,
        blocked_by=() if is_listed else backend.blocked_by,
        awaits=backend.awaits,
        holds=backend.holds,
        withholds=request if backend.holds else None,
        statement=backend.statement,
    )
