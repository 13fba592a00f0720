"""Whose a session is, and whether it may be looked upon as leaked at all."""

from collections.abc import Iterable

from workflows.models.session import Session, SessionIdentity, StatementIdentity
from workflows.models.target import Target

IDLE_IN_TRANSACTION = frozenset({"idle in transaction", "idle in transaction (aborted)"})


def is_own(identity: SessionIdentity, target: Target) -> bool:
    """Of the target's own role, database and application name, all three."""
    database = target.database
    return (
        identity.usename == database.role
        and identity.datname == database.dbname
        and identity.application_name in database.application_names
    )


def is_of_role(identity: SessionIdentity, target: Target) -> bool:
    """Of the target's own role and database, whatever it calls itself: a migration has a name of its own."""
    return (identity.usename, identity.datname) == (target.database.role, target.database.dbname)


def can_be_leaked(session: Session, target: Target) -> bool:
    """Own, idle in a transaction, no migration or maintenance, and not waiting for a standby."""
    return (
        is_own(session.identity, target)
        and session.identity.state in IDLE_IN_TRANSACTION
        and session.in_progress is None
        and session.wait_event != "SyncRep"
    )


def plainly_idle(sessions: Iterable[Session], target: Target) -> dict[SessionIdentity, Session]:
    """Own ones outside any transaction, each once: a pool's own, or checked out; no pid tells which."""
    return {
        session.identity: session
        for session in sessions
        if is_own(session.identity, target) and session.identity.state == "idle"
    }


def leakable(sessions: Iterable[Session], target: Target) -> dict[SessionIdentity, Session]:
    """Those that can be leaked, each once; of two readings of one, that in which it loses something."""
    found: dict[SessionIdentity, Session] = {}
    for session in sessions:
        known = found.get(session.identity)
        if can_be_leaked(session, target) and not (known and known.loses_something):
            found[session.identity] = session
    return found


def at_stake(sessions: Iterable[Session], target: Target) -> list[SessionIdentity]:
    """Own ones that would lose work or a lock with the process that has them, whatever they do now."""
    return [each.identity for each in sessions if is_own(each.identity, target) and each.loses_something]


def cancellable(sessions: Iterable[Session], target: Target) -> dict[StatementIdentity, Session]:
    """Own ones that run a statement: no migration or maintenance, in no queue, not waiting for a standby."""
    found = {}
    for session in sessions:
        is_running = session.identity.state == "active" and session.in_progress is None
        is_waiting = session.wait_event_type == "Lock" or session.wait_event == "SyncRep"
        if is_own(session.identity, target) and is_running and not is_waiting and session.statement:
            found[session.statement] = session
    return found
