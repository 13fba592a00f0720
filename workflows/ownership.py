"""Whose a session is, and whether it may be looked upon as leaked at all."""

from collections.abc import Iterable

from workflows.models.session import Session, SessionIdentity
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


def can_be_leaked(session: Session, target: Target) -> bool:
    """Own, idle in a transaction, no migration or maintenance, and not waiting for a standby."""
    return (
        is_own(session.identity, target)
        and session.identity.state in IDLE_IN_TRANSACTION
        and session.in_progress is None
        and session.wait_event != "SyncRep"
    )


def leakable(sessions: Iterable[Session], target: Target) -> dict[SessionIdentity, Session]:
    """Those that can be leaked, each once; of two readings of one, that in which it loses something."""
    found: dict[SessionIdentity, Session] = {}
    for session in sessions:
        known = found.get(session.identity)
        if can_be_leaked(session, target) and not (known and known.loses_something):
            found[session.identity] = session
    return found
