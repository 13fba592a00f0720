"""The simulated application and its database at one moment: frozen values, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from tests.fakes.quiet import Quiet
from workflows.models.blocker import CLIENT, LockRequest
from workflows.models.evidence import PoolState
from workflows.models.index import IndexAdvice
from workflows.models.policy import Option
from workflows.models.session import Session, SessionIdentity, StatementIdentity

ACQUIRE_TIMEOUT = 5.0
"""Seconds a request waits for a connection before it is answered with 503."""
JUST_NOW = timedelta(milliseconds=200)


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A session on the server; one that `renews` runs a statement all the time."""

    pid: int
    backend_start: datetime
    state: str
    state_change: datetime
    xact_start: datetime | None
    usename: str
    datname: str
    application_name: str
    has_written: bool = False
    holds_advisory_lock: bool = False
    in_progress: str | None = None
    query_id: int | None = None
    reads_only: bool = False
    renews: bool = False
    rests: timedelta = JUST_NOW
    """Since its last statement, where it renews."""
    waits: tuple[str, str] | None = None
    """What its statement waits for, where it is active."""
    blocked_by: tuple[int, ...] = ()
    awaits: LockRequest | None = None
    holds: bool = True
    """What those behind it wait for; False where it only stands ahead of them in a queue."""
    statement: str | None = None
    heeds_cancel: bool = True
    """Whether its statement stops when it is told to."""
    kind: str = CLIENT

    def identity(self, at: datetime) -> SessionIdentity:
        """What `pg_stat_activity` would show at that moment."""
        return SessionIdentity(
            pid=self.pid,
            backend_start=self.backend_start,
            state=self.state,
            state_change=self._changed(at),
            xact_start=self.xact_start,
            usename=self.usename,
            datname=self.datname,
            application_name=self.application_name,
        )

    def statement_identity(self, at: datetime) -> StatementIdentity:
        """The same with its statement, which began when its state did."""
        return StatementIdentity(**self.identity(at).model_dump(), query_start=self._changed(at))

    def session(self, at: datetime) -> Session:
        """The same with its ages."""
        began, waits = self.xact_start, self.wait
        return Session(
            identity=self.identity(at),
            state_seconds=(at - self._changed(at)).total_seconds(),
            xact_seconds=None if began is None else (at - began).total_seconds(),
            has_written=self.has_written,
            holds_advisory_lock=self.holds_advisory_lock,
            in_progress=self.in_progress,
            query_id=self.query_id,
            query_start=self._changed(at),
            reads_only=self.reads_only,
            wait_event_type=waits[0] if waits else None,
            wait_event=waits[1] if waits else None,
            blocked_by=self.blocked_by,
        )

    @property
    def wait(self) -> tuple[str, str] | None:
        """For a lock, for its client, or for what its statement waits for."""
        if self.blocked_by:
            return "Lock", self.awaits.kind if self.awaits else "transactionid"
        return self.waits if self.state == "active" else ("Client", "ClientRead")

    def _changed(self, at: datetime) -> datetime:
        return at - self.rests if self.renews else self.state_change


@dataclass(frozen=True, kw_only=True)
class App:
    """One instance: `rate` requests per second want a connection for `hold` seconds each."""

    name: str
    size: int
    asked_for: int | None = None
    """By its file, where the program has not read that since."""
    rate: float
    hold: float
    container_id: str
    started_at: datetime
    generation: int = 1
    running: bool = True
    reloads: bool = True
    """Whether the signal to take a new size is heard."""
    returns_slot: bool = True
    """Whether the pool notices that a session was ended by the server."""
    stop_grace: float = 10.0
    leaks_on_start: int = 0
    """Connections that the program loses again as soon as it has started."""
    leaks_in_transaction: bool = True
    """Whether those are forgotten inside a transaction."""
    waits: float = 0.0
    """Seconds that every request waits for somebody slow while it holds its connection."""
    leaked: tuple[Backend, ...] = ()
    leaked_total: int = 0
    tells_requests: bool = True
    """Whether it tells how many requests are under way."""
    lost: int = 0
    """Slots whose session is gone, and which the pool still counts as checked out."""

    @property
    def wanted(self) -> float:
        """Connections that the traffic keeps busy, if it gets them."""
        return self.rate * self.holds

    @property
    def holds(self) -> float:
        """Seconds that a request keeps its connection in all."""
        return self.hold + self.waits

    @property
    def free(self) -> int:
        """Slots that are left for the traffic."""
        return max(0, self.size - len(self.leaked) - self.lost)

    @property
    def busy(self) -> int:
        """Slots that the traffic holds."""
        return min(self.free, ceil(self.wanted))

    @property
    def served(self) -> float:
        """Share of the requests that get a connection in time."""
        return min(1.0, self.free / self.wanted) if self.wanted else 1.0

    @property
    def refused_per_second(self) -> float:
        """Acquire timeouts, each answered with 503."""
        return self.rate * (1 - self.served) if self.running else 0.0

    @property
    def wait_p95(self) -> float | None:
        """Seconds; None when nobody got a connection, or nobody asked."""
        if not self.rate or not self.free or not self.running:
            return None
        return 0.004 if self.served == 1 else 0.95 * ACQUIRE_TIMEOUT

    @property
    def pool(self) -> PoolState:
        """The pool as the application counts it."""
        active = len(self.leaked) + self.lost + self.busy
        waiters = 0 if self.served == 1 else ceil(self.refused_per_second * ACQUIRE_TIMEOUT)
        queued = sum(each.state == "active" for each in self.leaked)
        return PoolState(
            active=active,
            idle=max(0, self.size - active),
            size=self.size,
            waiters=waiters,
            in_flight=self.busy + waiters + queued if self.tells_requests else None,
        )


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything at one moment."""

    apps: Mapping[str, App]
    usual_rate: float
    usual_hold: float
    bystanders: tuple[Backend, ...] = ()
    """Sessions that hold no slot of the pool: foreign ones, migrations, honest long work."""
    blind: Mapping[str, str] = field(default_factory=dict)
    """Source, or `source/instance`, that does not answer, and why."""
    silence: str | None = None
    """Of the target's alert, whatever its labels."""
    quiet: tuple[Quiet, ...] = ()
    max_connections: int = 100
    reserved_connections: int = 6
    reserved_for_roles: int | None = 3
    uses_reserved: bool = True
    can_terminate: bool = True
    can_cancel: bool = True
    can_set_timeout: bool = True
    is_superuser: bool = False
    lacking: tuple[str, ...] = ()
    barred: Mapping[Option, str] = field(default_factory=dict)
    """What cannot be done to the containers, and why."""
    session_timeout: str | None = None
    role_limit: int | None = None
    database_limit: int | None = None
    sync_standbys: int | None = None
    holdup: tuple[str, str] | None = None
    """Wait event type and wait event of every statement that runs."""
    in_recovery: bool = False
    advice: IndexAdvice | None = None
    """The index that the slow query lacks."""
    indexes: tuple[str, ...] = ()
    """Names of those that were created."""
    invalid: tuple[str, ...] = ()
    """Names of those that are left half-made by somebody."""
    old_calls: int = 0
    """Of the slow query, under way and older than its index."""

    def is_blind(self, source: str, instance: str) -> str | None:
        """Why this source says nothing of this instance."""
        return self.blind.get(source) or self.blind.get(f"{source}/{instance}")

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Every session with an identity that lasts."""
        return tuple(backend for app in self.apps.values() for backend in app.leaked) + self.bystanders
