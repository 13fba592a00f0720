"""What the application, the database and the engine would say of the world."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tests.fakes.blocking import blockers_of
from tests.fakes.changes import FIRST_IDLE_PID
from tests.fakes.prometheus import since_start
from tests.fakes.state import JUST_NOW, App, Backend, State
from tests.fakes.world import World
from workflows.models.blocker import CLIENT
from workflows.models.evidence import (
    MOST_SESSIONS,
    ApplicationPage,
    Checkout,
    ContainerState,
    DatabaseReading,
    OwnQuery,
    ServerReading,
    StatementReading,
)
from workflows.models.pressure import Checkpoints, ServerPressure
from workflows.models.reading import Known, Unavailable
from workflows.models.session import SessionIdentity
from workflows.models.target import Database, Instance

SERVER = 180000
OLDER_SERVER = 150000
"""One that reserves no slots for roles."""
USUAL_QUERY = 4711
SLOW_QUERY = 4712
SLOW_STATEMENT = StatementReading(
    query_id=SLOW_QUERY,
    text="SELECT * FROM parcels WHERE receiver = $1",
    calls=200_000,
    mean_seconds=0.003,
    longest_seconds=0.05,
    deviation_seconds=0.001,
)
"""Usually quick, by an index."""
BORROWER, OWN_QUERY, MOST_TOLD = "/orders", "SELECT * FROM orders WHERE id = $1", 5
"""What the application says of itself: who takes its connections, and for what."""


def read_page(
    world: World, name: str, at: datetime, *, hints: bool = False
) -> Known[ApplicationPage] | Unavailable:
    """The instance's own health, pool and probe."""
    state = world.state(at)
    app = state.apps[name]
    if reason := state.is_blind("application", name):
        return Unavailable(reason=reason)
    if not app.running:
        return Unavailable(reason="connection refused")
    page = ApplicationPage(
        status="healthy" if app.served == 1 else "unhealthy",
        pool=Known(value=app.pool, at=at),
        timeouts_total=Known(value=since_start(world, name, at), at=at),
        generation=app.generation,
        probe_seconds=_probe(app, at),
        started_at=Known(value=app.started_at, at=at),
    )
    return Known(value=page.model_copy(update=_hints(app, at) if hints else {}), at=at)


def _hints(app: App, at: datetime) -> dict[str, object]:
    held = (Checkout(borrower=BORROWER, held_seconds=app.hold),) * min(app.pool.active, MOST_TOLD)
    query = OwnQuery(text=OWN_QUERY, mean_seconds=app.hold)
    return {"checkouts": Known(value=held, at=at), "queries": Known(value=(query,), at=at)}


def _probe(app: App, at: datetime) -> Known[float] | Unavailable:
    if app.served < 1 or app.free == 0:
        return Unavailable(reason="no connection within 5 s")
    return Known(value=0.01, at=at)


def read_container(world: World, instance: Instance, at: datetime) -> Known[ContainerState] | Unavailable:
    """The instance's container."""
    state, name = world.state(at), instance.name
    app = state.apps[name]
    if instance.container is None:
        return Unavailable(reason=f"{name} has no container in the configuration")
    if reason := state.is_blind("containers", name):
        return Unavailable(reason=reason)
    found = ContainerState(
        id=app.container_id,
        running=app.running,
        status="running" if app.running else "exited",
        started_at=app.started_at,
        restart_count=0,
        oom_killed=False,
        exit_code=0 if app.running else 137,
        image="covetpy-app:test",
        stop_grace_seconds=app.stop_grace,
    )
    return Known(value=found, at=at)


def read_sessions(world: World, database: Database, at: datetime) -> DatabaseReading:
    """`pg_stat_activity`, cut to the target's own sessions, and the server's numbers."""
    state = world.state(at)
    everybody = [*state.backends, *_traffic(state, database, at)]
    own = sorted(
        (backend for backend in everybody if is_own(backend, database)),
        key=lambda backend: (backend.state == "idle", backend.identity(at).state_change),
    )
    return DatabaseReading(
        server=ServerReading(
            version=SERVER if state.reserved_for_roles is not None else OLDER_SERVER,
            system_identifier="7300000000000000001",
            in_recovery=state.in_recovery,
            started_at=world.began - timedelta(days=30),
            max_connections=state.max_connections,
            reserved_connections=state.reserved_connections,
            connections=len(everybody) + 1,
            can_terminate=state.can_terminate,
            can_cancel=state.can_cancel,
            can_set_timeout=state.can_set_timeout,
            session_timeout=state.session_timeout,
            reserved_for_roles=state.reserved_for_roles,
            uses_reserved=state.uses_reserved,
            role_limit=state.role_limit,
            database_limit=state.database_limit,
            sync_standbys=state.sync_standbys,
            is_superuser=state.is_superuser,
            lacking=state.lacking,
        ),
        sessions=tuple(backend.session(at) for backend in own[:MOST_SESSIONS]),
        sessions_total=len(own),
        foreign=len(everybody) - len(own),
        foreign_of_role=sum(
            each.usename == database.role and not is_own(each, database) for each in everybody
        ),
        statements=Known(value=(_usual_statement(state), SLOW_STATEMENT), at=at),
        blockers=Known(value=blockers_of(everybody, own, at), at=at),
        pressure=Known(value=_pressure(everybody, database), at=at),
    )


def _pressure(everybody: Iterable[Backend], database: Database) -> ServerPressure:
    """A server without standbys and slots, whose checkpoints come in time."""
    at_work = [each for each in everybody if each.state == "active" and each.kind == CLIENT]
    strangers = [each for each in at_work if not is_own(each, database)]
    checkpoints = Checkpoints(timed=100, requested=1)
    return ServerPressure(
        waits=_waits(at_work),
        others=_waits(strangers),
        standbys=(),
        idle_slots=0,
        kept_bytes=None,
        checkpoints=checkpoints,
    )


def _waits(at_work: Iterable[Backend]) -> dict[str, int]:
    return Counter(each.wait[0] if each.wait else "running" for each in at_work)


def is_own(backend: Backend | SessionIdentity, database: Database) -> bool:
    """Of the target's role, database and application names."""
    return (
        backend.usename == database.role
        and backend.datname == database.dbname
        and backend.application_name in database.application_names
    )


def _traffic(state: State, database: Database, at: datetime) -> Iterator[Backend]:
    """The sessions of the pool that work, wait or rest: each changes its state all the time."""
    for number, app in enumerate(state.apps.values()):
        first = FIRST_IDLE_PID + 1000 * (number + 1)
        for place in range(app.busy + app.pool.idle):
            is_busy = place < app.busy
            since = _since_taken(app, place)
            yield Backend(
                pid=first + place,
                backend_start=app.started_at,
                state=("idle in transaction" if app.waits else "active") if is_busy else "idle",
                state_change=at,
                xact_start=at - since if is_busy else None,
                usename=database.role,
                datname=database.dbname,
                application_name=database.application_names[0],
                query_id=USUAL_QUERY,
                renews=True,
                waits=state.holdup,
                rests=since if is_busy and app.waits else JUST_NOW,
            )


def _since_taken(app: App, place: int) -> timedelta:
    """Since the request took this connection: where requests wait, they do so in turn."""
    return timedelta(seconds=app.holds * (place + 0.5) / app.busy if app.waits else app.hold / 2)


def _usual_statement(state: State) -> StatementReading:
    return StatementReading(
        query_id=USUAL_QUERY,
        text="SELECT * FROM orders WHERE id = $1",
        calls=1_000_000,
        mean_seconds=state.usual_hold / 2,
        active_now=sum(app.busy for app in state.apps.values()),
    )
