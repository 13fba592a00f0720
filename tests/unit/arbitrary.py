"""Arbitrary evidence and windows: what no source should say, and may say all the same."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.arbitrary_sessions import queues, sessions
from tests.unit.scenes import NOW
from workflows.models.base import Moment
from workflows.models.blocker import AUTOVACUUM, CLIENT, GONE, Blocker, LockRequest
from workflows.models.evidence import (
    ApplicationPage,
    ApplicationReading,
    ContainersReading,
    ContainerState,
    DatabaseReading,
    Evidence,
    InstanceMetrics,
    MetricsReading,
    PoolState,
    ServerReading,
    StatementReading,
)
from workflows.models.pressure import Checkpoints, ServerPressure
from workflows.models.reading import Known, Unavailable

NAMES = ("web-1", "web-2", "web-3")


def mostly[T](
    usual: st.SearchStrategy[T], odd: st.SearchStrategy[T], times: int = 25
) -> st.SearchStrategy[T]:
    """The odd one once in so many times: otherwise nothing but nonsense would ever be tried."""
    return st.integers(0, times).flatmap(lambda drawn: odd if drawn == times else usual)


def moments() -> st.SearchStrategy[Moment]:
    """Mostly now, sometimes long ago or ahead."""
    near = st.integers(0, 30).map(lambda ago: NOW - timedelta(seconds=ago))
    far = st.integers(-100_000, 100_000).map(lambda ago: NOW - timedelta(seconds=ago))
    return mostly(near, far)


def amounts(most: float = 500) -> st.SearchStrategy[float]:
    """Mostly what an amount can be, sometimes none at all."""
    return mostly(st.floats(0, most), st.floats(allow_nan=True))


def readings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly known."""
    known = st.builds(lambda value, at: Known(value=value, at=at), values, moments())
    return mostly(known, st.just(Unavailable(reason="it did not answer")))


def per_instance(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly every instance; some of them and a stranger at times."""
    every = st.fixed_dictionaries({name: readings(values) for name in NAMES})
    some = st.dictionaries(st.sampled_from((*NAMES, "stranger")), readings(values), max_size=4)
    return mostly(every, some)


def pools() -> st.SearchStrategy[PoolState]:
    """Full, or free, or nonsense."""
    full = st.builds(
        lambda size, waiters: scenes.pool(size, size, waiters),
        mostly(st.integers(20, 24), st.integers(1, 40)),
        st.integers(0, 9),
    )
    free = st.integers(0, scenes.SIZE).map(scenes.pool)
    count = st.integers(-2, 60)
    odd = st.builds(PoolState, active=count, idle=count, size=count, waiters=st.none() | count)
    return mostly(st.one_of(full, full, free), odd)


def blockers() -> st.SearchStrategy[Blocker]:
    """Whoever may stand in front; those above 60 have no session of the target's own."""
    identity = st.builds(
        lambda found, name: found.identity.model_copy(update={"application_name": name}),
        sessions(),
        st.sampled_from(("migration", "shop-api")),
    )
    request = st.builds(
        LockRequest,
        kind=st.sampled_from(("relation", "relation", "transactionid")),
        mode=st.sampled_from(("AccessExclusiveLock", "AccessShareLock")),
    )
    return st.builds(
        Blocker,
        pid=st.sampled_from((0, 1, 2, 3, 60, 61, 62)),
        kind=st.sampled_from((CLIENT, CLIENT, AUTOVACUUM, GONE)),
        identity=st.none() | identity,
        query_start=st.none() | moments(),
        state_seconds=st.none() | amounts(),
        has_written=st.booleans(),
        wait_event_type=st.sampled_from((None, "Lock")),
        blocked_by=queues(),
        awaits=st.none() | request,
        statement=st.sampled_from((None, "ALTER TABLE")),
    )


def servers() -> st.SearchStrategy[ServerReading]:
    """Mostly the right one."""
    return st.builds(
        ServerReading,
        version=st.just(180000),
        system_identifier=mostly(st.just("7300000000000000001"), st.none()),
        in_recovery=mostly(st.just(False), st.just(True)),
        started_at=mostly(st.just(scenes.STARTED), st.just(NOW)),
        max_connections=st.integers(0, 300),
        reserved_connections=st.integers(0, 10),
        connections=st.integers(0, 200),
        can_terminate=st.sampled_from((True, True, True, False)),
        can_cancel=st.sampled_from((True, True, True, False)),
        can_set_timeout=st.booleans(),
        session_timeout=st.sampled_from((None, "60000ms")),
    )


def databases() -> st.SearchStrategy[DatabaseReading]:
    """Sessions, and a total that need not agree with them."""
    return st.builds(
        DatabaseReading,
        server=servers(),
        sessions=(st.lists(sessions(), min_size=18, max_size=30) | st.lists(sessions(), max_size=4)).map(
            tuple
        ),
        sessions_total=mostly(st.integers(50, 75), st.integers(0, 60), 8),
        foreign=st.integers(0, 60),
        statements=readings(st.lists(shapes(), max_size=3).map(tuple)),
        blockers=readings(st.lists(blockers(), max_size=5).map(tuple)),
        pressure=readings(pressures()),
    )


def pressures() -> st.SearchStrategy[ServerPressure]:
    """Statements of others, who mostly run, and need not be among everybody's."""
    counts = st.dictionaries(st.sampled_from(("running", "running", "IO", "Lock")), st.integers(0, 40))
    return st.builds(
        ServerPressure,
        waits=counts,
        others=mostly(counts, st.none()),
        standbys=st.just(()),
        idle_slots=st.just(0),
        kept_bytes=st.none(),
        checkpoints=st.just(Checkpoints(timed=1, requested=0)),
    )


def shapes() -> st.SearchStrategy[StatementReading]:
    """Mostly one that is quick and often called."""
    return st.builds(
        StatementReading,
        query_id=st.sampled_from((7, 7, 8)),
        text=st.just("SELECT $1"),
        calls=mostly(st.just(10_000), st.integers(0, 30), 6),
        mean_seconds=mostly(st.just(0.01), amounts()),
        longest_seconds=st.none() | amounts(),
        deviation_seconds=st.none() | amounts(),
    )


def busy_databases() -> st.SearchStrategy[DatabaseReading]:
    """Most sessions run something, mostly the same, and it is known what is usual for it."""
    active = sessions().map(
        lambda each: each.model_copy(
            update={"identity": each.identity.model_copy(update={"state": "active"}), "wait_event_type": None}
        )
    )
    return st.builds(
        lambda reading, found, known, blocked: reading.model_copy(
            update={"sessions": tuple(found), "statements": known, "blockers": blocked}
        ),
        databases(),
        st.lists(mostly(active, sessions(), 6), min_size=14, max_size=24),
        readings(st.lists(shapes(), min_size=1, max_size=3).map(tuple)),
        readings(st.just(())),
    )


def quiet_pools() -> st.SearchStrategy[PoolState]:
    """Mostly as free as a recovered one."""
    return mostly(st.integers(0, 13).map(scenes.pool), pools())


def pages(states: st.SearchStrategy[PoolState]) -> st.SearchStrategy[ApplicationPage]:
    """What an instance says of itself."""
    return st.builds(
        ApplicationPage,
        status=mostly(st.sampled_from(("healthy", "UP", "")), st.just("unhealthy")),
        pool=readings(states),
        timeouts_total=readings(amounts()),
        generation=st.none(),
        probe_seconds=readings(amounts()),
        started_at=readings(mostly(st.just(scenes.STARTED), moments())),
    )


def applications(
    states: st.SearchStrategy[PoolState] | None = None,
) -> st.SearchStrategy[ApplicationReading]:
    """Every instance or some, with pools of any kind."""
    return st.builds(ApplicationReading, instances=per_instance(pages(pools() if states is None else states)))


def container_states() -> st.SearchStrategy[ContainerState]:
    """Mostly running."""
    return st.builds(
        ContainerState,
        id=st.sampled_from(("aaaa", "bbbb")),
        running=mostly(st.just(True), st.just(False)),
        status=st.just("whatever"),
        started_at=mostly(moments(), st.none()),
        restart_count=st.just(0),
        oom_killed=st.booleans(),
        exit_code=st.just(0),
        image=st.just("shop:1"),
        stop_grace_seconds=amounts(),
    )


def containers() -> st.SearchStrategy[ContainersReading]:
    """Some instances."""
    return st.builds(ContainersReading, instances=per_instance(container_states()))


def metrics() -> st.SearchStrategy[MetricsReading]:
    """Traffic and some instances."""
    instance = st.builds(
        InstanceMetrics,
        pool=pools(),
        wait_p95=readings(amounts()),
        timeouts=readings(amounts()),
        errors_503=readings(amounts()),
        leaked=readings(amounts()),
        full_seconds=readings(amounts()),
        started_at=readings(moments()),
        least_active=st.none() | readings(st.integers(0, 20)),
    )
    return st.builds(
        MetricsReading,
        instances=per_instance(instance),
        request_rate=readings(st.sampled_from((50.0, 90.0, 200.0)) | amounts()),
        usual_rate=readings(st.just(50.0) | amounts()),
        hold_seconds=readings(st.just(0.2) | amounts(1)),
        usual_hold=readings(st.just(0.2) | amounts(1)),
        alert_firing=readings(st.booleans()),
        unexpected=st.sampled_from(((), ("web-9",))),
    )


def evidences() -> st.SearchStrategy[Evidence]:
    """One look at anything."""
    return st.builds(
        Evidence,
        at=st.just(NOW),
        metrics=readings(metrics()),
        application=readings(applications()),
        database=readings(databases() | busy_databases()),
        containers=readings(containers()),
    )
