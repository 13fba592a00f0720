"""Whoever stands in front of a lock queue, as a person is told of it."""

from workflows.blocking import Queue
from workflows.models.blocker import AUTOVACUUM, GONE, PREPARED, Blocker
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import IDLE_IN_TRANSACTION, is_own
from workflows.wording import span

_UNKNOWN_AGE = "for an unknown time"


def describe_front(queue: Queue, pid: int) -> str:
    """Who it is: pid, application name, role, state, for how long; or what else than a session it is."""
    session, blocker = queue.own.get(pid), queue.blockers.get(pid)
    if blocker is None:
        return _describe_session(session) if session else f"pid {pid}, of which nothing else is known"
    age = _UNKNOWN_AGE if blocker.state_seconds is None else f"for {span(blocker.state_seconds)}"
    if blocker.kind == PREPARED:
        return f"a prepared transaction of {blocker.owner or 'an unknown role'} (prepared {age})"
    if blocker.kind == AUTOVACUUM:
        return f"pid {pid}, autovacuum{' to prevent wraparound' if blocker.prevents_wraparound else ''}"
    if blocker.identity is None:
        return f"pid {pid}, {'gone meanwhile' if blocker.kind == GONE else blocker.kind}"
    return f"pid {pid} ({_names(blocker)}, {_doing(blocker)} {age})"


def why_left_alone(queue: Queue, pid: int, target: Target) -> str:
    """Why this is for people, and what they would look at."""
    session, blocker = queue.own.get(pid), queue.blockers.get(pid)
    identity = session.identity if session else blocker.identity if blocker else None
    if identity is None:
        return _WHY.get(blocker.kind if blocker else GONE, "It is no session of an application.")
    if not is_own(identity, target):
        return "It is not the target's own: its owner decides."
    if identity.state not in IDLE_IN_TRANSACTION:
        return "It is the target's own and at work: what it does, and for how long yet, a person must judge."
    return "It is the target's own and idle in a transaction, but not for long enough to be called forgotten."


_WHY = {
    PREPARED: "Only COMMIT PREPARED or ROLLBACK PREPARED ends it; pg_prepared_xacts has its name.",
    AUTOVACUUM: "It maintains the table, and what it does would only have to be done again.",
    GONE: "It was there for a moment only, or there were too many to be read.",
}


def _describe_session(session: Session) -> str:
    identity = session.identity
    names = f"{identity.application_name}, {identity.usename}"
    return f"pid {identity.pid} ({names}, {identity.state} for {span(session.state_seconds)})"


def _names(blocker: Blocker) -> str:
    identity = blocker.identity
    return f"{identity.application_name or 'no application name'}, {identity.usename}" if identity else ""


def _doing(blocker: Blocker) -> str:
    request = blocker.awaits
    if request is None:
        return blocker.identity.state if blocker.identity else ""
    where = f" on {request.relation}" if request.relation else ""
    return f"{blocker.statement or 'a statement'}, waits for {request.mode}{where}"
