"""Who stands in front of waiting sessions, without any text of a query."""

from workflows.models.base import Model, Moment
from workflows.models.session import SessionIdentity

CLIENT = "client backend"
AUTOVACUUM = "autovacuum worker"
PREPARED = "prepared transaction"
GONE = "gone"


class LockRequest(Model):
    """The lock that a backend waits for, as `pg_locks` shows it."""

    kind: str
    """`locktype`: relation, transactionid, tuple, advisory, …"""
    mode: str
    relation: str | None = None
    """With its schema, where it is one of this database."""


class Blocker(Model):
    """A backend, or a prepared transaction, that others wait behind; its own or anybody's."""

    pid: int
    """0: prepared transactions, which have no backend."""
    kind: str
    """`backend_type`; PREPARED for pid 0, GONE where no backend has the pid any more."""
    identity: SessionIdentity | None = None
    """Of a client backend; what else there is is never signalled."""
    query_start: Moment | None = None
    state_seconds: float | None = None
    """Since `state_change`; of a prepared transaction since it was prepared."""
    has_written: bool = False
    wait_event_type: str | None = None
    wait_event: str | None = None
    blocked_by: tuple[int, ...] = ()
    """Empty for the target's own listed sessions: theirs stands in the session."""
    awaits: LockRequest | None = None
    holds: bool = False
    """It holds what somebody waits for; False: it only stands ahead in the queue."""
    withholds: LockRequest | None = None
    """What somebody waits for that it holds: of several a request for a named relation."""
    statement: str | None = None
    """What it runs or ran last, by its first words, if that is one that changes a table's definition."""
    owner: str | None = None
    """The role of a prepared transaction."""
    prevents_wraparound: bool = False
    """An autovacuum that does not make way for anybody."""
