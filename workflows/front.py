"""Whoever stands in front of a lock queue, as a person is told of it."""

from workflows.blocking import Queue
from workflows.models.blocker import AUTOVACUUM, GONE, PREPARED, Blocker, LockRequest
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import IDLE_IN_TRANSACTION, is_own
from workflows.wording import span

_UNKNOWN_AGE = "for an unknown time"


def describe_front(queue: Queue, pid: int) -> str:
    """Who it is, for how long, the change of a table it ran last, and what others want of what it holds."""
    session, blocker = queue.own.get(pid), queue.blockers.get(pid)
    if blocker is None:
        return _describe_session(session) if session else f"pid {pid}, of which nothing else is known"
    age = _UNKNOWN_AGE if blocker.state_seconds is None else f"for {span(blocker.state_seconds)}"
    if blocker.kind == PREPARED:
        owner = blocker.owner or "an unknown role"
        return f"a prepared transaction of {owner} (prepared {age}{_withheld(blocker)})"
    if blocker.kind == AUTOVACUUM:
        why = " to prevent wraparound" if blocker.prevents_wraparound else ""
        return f"pid {pid}, autovacuum{why}{_withheld(blocker)}"
    if blocker.identity is None:
        return f"pid {pid}, {'gone meanwhile' if blocker.kind == GONE else blocker.kind}"
    if blocker.awaits:
        return f"pid {pid} ({_names(blocker)}, {_waiting(blocker, blocker.awaits)} {age})"
    told = f"{blocker.identity.state} {age}{_last(blocker)}{_withheld(blocker)}"
    return f"pid {pid} ({_names(blocker)}, {told})"


def risk_of_ending(blocker: Blocker) -> str:
    """What else is lost by its end, where it last changed a table's definition; empty where it did not."""
    if blocker.statement is None:
        return ""
    return f"Its last statement was {blocker.statement}: a migration is rolled back, and has to be run again."


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


def _waiting(blocker: Blocker, request: LockRequest) -> str:
    return f"{blocker.statement or 'a statement'}, waits for {_lock(request)}"


def _last(blocker: Blocker) -> str:
    return f", last statement {blocker.statement}" if blocker.statement else ""


def _withheld(blocker: Blocker) -> str:
    """Of a row, a transaction or anything else but a table, the mode tells nobody anything."""
    request = blocker.withholds
    is_of_table = request is not None and request.kind == "relation" and request.relation is not None
    return f", in the way of {_lock(request)}" if request and is_of_table else ""


def _lock(request: LockRequest) -> str:
    return f"{request.mode} on {request.relation}" if request.relation else request.mode
