"""Evidence: what the four sources said, per instance, each with its time or why it is missing."""

from workflows.models.base import Model, Moment
from workflows.models.blocker import Blocker
from workflows.models.index import IndexAdvice
from workflows.models.policy import Option
from workflows.models.pressure import ServerPressure
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.session import Session
from workflows.models.text import Name, Sentence

MOST_SESSIONS = 500
"""Listed of one database."""


class PoolState(Model):
    """One instance's pool at one moment."""

    active: int
    """Connections checked out."""
    idle: int
    """Open connections that nobody has checked out; room that was never opened is not idle."""
    size: int
    """The effective maximum, overflow included."""
    waiters: int | None = None
    """Requests queueing for a connection; None where the application does not say."""
    in_flight: int | None = None
    """Requests under way, those that queue included; None where the application does not say."""

    @property
    def utilization(self) -> float:
        """Checked out / maximum; a pool of size 0 counts as full."""
        return self.active / self.size if self.size else 1.0

    @property
    def abandoned(self) -> int | None:
        """At least so many of those checked out are no request's any more; None where that is not known.

        Of a request that needs no connection it is assumed that it has one, so this says too little.
        """
        if self.waiters is None or self.in_flight is None:
            return None
        return max(self.active - max(self.in_flight - self.waiters, 0), 0)


class InstanceMetrics(Model):
    """One instance in Prometheus; increases over the profile's recent window survive resets."""

    pool: PoolState
    wait_p95: Reading[float]
    """Seconds to get a connection; unavailable when nothing was acquired."""
    timeouts: Reading[float]
    """Increase of acquire timeouts."""
    errors_503: Reading[float]
    leaked: Reading[float]
    """Increase of the application's own leak counter."""
    full_seconds: Reading[float]
    """For how long the pool has been at or above the exhausted threshold without a break."""
    started_at: Reading[Moment]
    """Start of the process."""
    least_active: Reading[int] | None = None
    """The fewest checked out at any scrape within half the policy's leak age: so many at most are held for
    longer. None in readings older than this field."""
    scrape_seconds: float | None = None
    """From one scrape to the next, usually; None where there were not two, or in older readings."""


class MetricsReading(Model):
    """Investigation steps 1 and 4 of the runbook: pool status and traffic."""

    instances: dict[str, Reading[InstanceMetrics]]
    """Every configured instance is a key."""
    request_rate: Reading[float]
    """Requests per second over all instances, now."""
    usual_rate: Reading[float]
    hold_seconds: Reading[float]
    """Mean time a connection is held, now."""
    usual_hold: Reading[float]
    alert_firing: Reading[bool]
    unexpected: tuple[str, ...] = ()
    """Instances in the metrics that the configuration does not know."""
    errors_5xx: Reading[float] | None = None
    """Answers 5xx per second over all instances, now. For people, as the usual one is; None where the profile
    does not count them, or in readings older than this field."""
    usual_errors_5xx: Reading[float] | None = None


class Checkout(Model):
    """A connection that somebody in the application has: the nearest hint to the code that forgot one."""

    borrower: Name
    """What the application calls whoever took it."""
    held_seconds: float


class OwnQuery(Model):
    """One query shape of the application's own query monitor; `text` never holds a literal."""

    text: Sentence
    mean_seconds: float
    calls: int | None = None
    """None where the monitor does not say."""


class ApplicationPage(Model):
    """What one instance says of itself over HTTP; asked now, so always fresh."""

    status: str
    """The health page's own word."""
    checks: dict[str, str] = {}
    """The health page's own checks, each with its word."""
    pool: Reading[PoolState]
    timeouts_total: Reading[float]
    """Acquire timeouts since the process started."""
    generation: int | None = None
    """Raised by the application whenever it has taken a new configuration."""
    probe_seconds: Reading[float]
    """Time of a query through the application's own pool; unavailable when it was not answered."""
    started_at: Reading[Moment]
    checkouts: Reading[tuple[Checkout, ...]] | None = None
    """The few that are held longest. For people, as `queries` is; None where the profile names none, where
    nobody asked, or in readings older than this field."""
    queries: Reading[tuple[OwnQuery, ...]] | None = None
    """The few that are slowest by the application's own query monitor."""


class ApplicationReading(Model):
    """Health, pool monitor and probe, per instance."""

    instances: dict[str, Reading[ApplicationPage]]


class ServerReading(Model):
    """The database server: is it the right one, and how many slots does it have."""

    version: int
    system_identifier: str | None
    in_recovery: bool
    started_at: Moment
    max_connections: int
    reserved_connections: int
    """`superuser_reserved_connections` + `reserved_connections`."""
    connections: int
    """Client backends of everybody."""
    can_terminate: bool
    """The `poolmedic.terminate_session` function exists, may be executed, and its owner has what it needs."""
    can_cancel: bool = False
    """The same of `poolmedic.cancel_query`."""
    can_set_timeout: bool = False
    """The same of `poolmedic.set_session_timeout`, and the role was granted for it."""
    session_timeout: str | None = None
    """`idle_in_transaction_session_timeout` as set for the role in this database (`pg_db_role_setting`);
    None where nothing is set there."""
    reserved_for_roles: int | None = None
    """`reserved_connections` alone: slots for roles with pg_use_reserved_connections; None before 16."""
    uses_reserved: bool = False
    """Our own role is one of these."""
    role_limit: int | None = None
    """`CONNECTION LIMIT` of the application's role, over all databases together; None where it has none."""
    database_limit: int | None = None
    """`CONNECTION LIMIT` of the database, over all roles but superusers; None where it has none."""
    sync_standbys: int | None = None
    """Synchronous standbys that are connected; None where commits wait for none."""
    is_superuser: bool = False
    """Our own login is one, which nothing keeps from anything."""
    lacking: tuple[str, ...] = ()
    """Rights of `deploy/postgres` that are gone, ours and those of the functions' owners: who lacks what."""


class StatementReading(Model):
    """One query shape of `pg_stat_statements`, normalised; `text` never holds a literal."""

    query_id: int
    text: str
    calls: int
    mean_seconds: float
    longest_seconds: float | None = None
    deviation_seconds: float | None = None
    """Standard deviation over all calls; like `longest_seconds` None in readings older than these fields."""
    active_now: int = 0


class Crowd(Model):
    """Client backends of one role under one application name in one state, of all databases of the server."""

    role: Name
    application: Name
    state: Name
    sessions: int
    oldest_seconds: float | None = None
    """Since the oldest of them came into its state; None where the server does not say."""


class DatabaseReading(Model):
    """Investigation steps 2 and 3 of the runbook: sessions and slow queries of the target's own role."""

    server: ServerReading
    sessions: tuple[Session, ...]
    """The target's own client backends, those that rest last, else the oldest state first; cut at 500."""
    sessions_total: int
    foreign: int
    """Client backends of other roles, databases or application names: never listed, never touched."""
    foreign_of_role: int = 0
    """Of them, those of the application's own role: they share its connection limit."""
    statements: Reading[tuple[StatementReading, ...]]
    blockers: Reading[tuple[Blocker, ...]] = Unavailable(reason="who blocks whom was not asked")
    """Everybody that the listed sessions wait behind, several levels deep, cut at 100."""
    pressure: Reading[ServerPressure] = Unavailable(reason="what presses on the server was not asked")

    crowd: Reading[tuple[Crowd, ...]] | None = None
    """Who has the server's connections, by group, the largest first, cut at 15. For people alone: nobody of
    others is touched by it. None in readings older than this field."""

    @property
    def is_cut(self) -> bool:
        """There are more sessions than are listed: what the others do is not known."""
        return MOST_SESSIONS <= len(self.sessions) < self.sessions_total


class LogLine(Model):
    """One line of an application's own log, without credentials and the literals of any statement."""

    at: Moment
    text: Sentence


class ContainerState(Model):
    """One instance's container."""

    id: str
    running: bool
    status: str
    started_at: Moment | None
    restart_count: int
    oom_killed: bool
    exit_code: int
    image: str
    stop_grace_seconds: float
    log: Reading[tuple[LogLine, ...]] | None = None
    """Its last lines about the pool; None where the configuration does not ask for them."""


class ContainersReading(Model):
    """The runtime's view, per instance."""

    instances: dict[str, Reading[ContainerState]]
    barred: dict[Option, str] = {}
    """What cannot be done to them, in whatever state they are, and why; empty in readings older than this
    field."""


class Evidence(Model):
    """One look at everything."""

    at: Moment
    metrics: Reading[MetricsReading]
    application: Reading[ApplicationReading]
    database: Reading[DatabaseReading]
    containers: Reading[ContainersReading]
    index: Reading[IndexAdvice] | None = None
    """What a slow query lacks; None where that was not asked."""

    def pools(self) -> dict[str, Known[PoolState] | Unavailable]:
        """Each instance's pool: what it says itself, else what Prometheus last scraped."""
        own, scraped = self._own_pools(), self._scraped_pools()
        return {
            name: mine if isinstance(mine := own.get(name, _NOT_ASKED), Known) else scraped.get(name, mine)
            for name in own | scraped
        }

    def _own_pools(self) -> dict[str, Known[PoolState] | Unavailable]:
        if isinstance(self.application, Unavailable):
            return {}
        pages = self.application.value.instances
        return {name: page.value.pool if isinstance(page, Known) else page for name, page in pages.items()}

    def _scraped_pools(self) -> dict[str, Known[PoolState] | Unavailable]:
        if isinstance(self.metrics, Unavailable):
            return {}
        scraped = self.metrics.value.instances
        return {
            name: Known(value=metrics.value.pool, at=metrics.at) if isinstance(metrics, Known) else metrics
            for name, metrics in scraped.items()
        }


_NOT_ASKED = Unavailable(reason="the instance was not asked")
