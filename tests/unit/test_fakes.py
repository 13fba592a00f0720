"""The simulated world obeys cause and effect; what it cannot do, no workflow test can prove."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import cases, changes
from tests.fakes.database import FakeDatabase
from tests.fakes.ports import FakeApplication, FakeContainers, FakeMetrics
from tests.fakes.world import World
from workflows.errors import PreconditionGone, SourceRefused, SourceUnavailable
from workflows.models.evidence import PoolState
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import Restart, Termination
from workflows.models.reading import Known, Unavailable
from workflows.models.session import SessionIdentity
from workflows.models.verdict import InstanceWindow
from workflows.ports.requests import Look, RestartRequest, TerminateRequest, WindowLook

LOOK = Look(target=cases.target(), policy=cases.policy(), alert_name=cases.ALERT)
NOW = datetime.now(UTC)


@pytest.fixture
def world() -> World:
    made = World(LOOK.target)
    made.clock = lambda: NOW
    return made


async def pool_of(world: World) -> PoolState:
    page = (await FakeApplication(world).read_application(LOOK)).instances["orders-1"]
    assert isinstance(page, Known)
    assert isinstance(page.value.pool, Known)
    return page.value.pool.value


async def leaked(world: World) -> tuple[SessionIdentity, ...]:
    sessions = (await FakeDatabase(world).read_database(LOOK)).sessions
    return tuple(one.identity for one in sessions if one.identity.pid in range(1001, 1011))


async def window_of(world: World, minutes: float) -> InstanceWindow:
    look = WindowLook(
        target=world.target, since=NOW - timedelta(minutes=minutes), until=NOW, step=timedelta(seconds=15)
    )
    window = (await FakeMetrics(world).read_window(look)).instances["orders-1"]
    assert isinstance(window, Known)
    return window.value


async def test_leaks_take_slots_and_requests_wait_for_what_is_left(world: World) -> None:
    assert (await pool_of(world)).active == 2
    world.leak(9, NOW - timedelta(minutes=2))
    pool = await pool_of(world)
    assert (pool.active, pool.idle, pool.waiters) == (10, 0, 50)
    timeouts = (await window_of(world, 2)).timeouts
    assert isinstance(timeouts, Known)
    assert timeouts.value == pytest.approx(1200)


@pytest.mark.parametrize(("returns", "active"), [(True, 2), (False, 10)])
async def test_an_ended_session_gives_its_slot_back_where_the_pool_notices(
    world: World, returns: bool, active: int
) -> None:
    world.happens(changes.change_app("orders-1", returns_slot=returns), world.began)
    world.leak(10, NOW - timedelta(minutes=2))
    request = TerminateRequest(target=world.target, act=Termination(sessions=await leaked(world)))
    outcome = await FakeDatabase(world).terminate_sessions(request)
    assert outcome.status is OutcomeStatus.DONE
    assert world.kinds() == ["end"] * 10
    assert (await pool_of(world)).active == active


NAMES = {"usename", "datname", "application_name"}


@pytest.mark.parametrize("field", SessionIdentity.model_fields)
async def test_only_the_very_session_is_ended(world: World, field: str) -> None:
    world.leak(1, NOW - timedelta(minutes=2))
    (identity,) = await leaked(world)
    value = getattr(identity, field)
    other = value + (timedelta(seconds=1) if isinstance(value, datetime) else value * 0 or type(value)(1))
    request = TerminateRequest(
        target=world.target, act=Termination(sessions=(identity.model_copy(update={field: other}),))
    )
    if field in NAMES:
        with pytest.raises(SourceRefused):
            await FakeDatabase(world).terminate_sessions(request)
    else:
        outcome = await FakeDatabase(world).terminate_sessions(request)
        assert outcome.status is OutcomeStatus.NOTHING
    assert not world.acts


async def test_bystanders_are_never_ended_even_when_named_exactly(world: World) -> None:
    world.add_bystanders()
    foreign = [
        one.identity(NOW) for one in world.state(NOW).bystanders if one.application_name != "orders-api"
    ]
    migration = [one.identity(NOW) for one in world.state(NOW).bystanders if one.in_progress]
    for session in foreign:
        request = TerminateRequest(target=world.target, act=Termination(sessions=(session,)))
        with pytest.raises(SourceRefused):
            await FakeDatabase(world).terminate_sessions(request)
    request = TerminateRequest(target=world.target, act=Termination(sessions=tuple(migration)))
    assert (await FakeDatabase(world).terminate_sessions(request)).status is OutcomeStatus.NOTHING
    assert len(world.state(NOW).bystanders) == 6


async def test_a_restart_empties_the_pool_once(world: World) -> None:
    world.leak(10, NOW - timedelta(minutes=2))
    act = Restart(
        instance="orders-1",
        container="orders-app-1",
        container_id="orders-app-1-id",
        started_at=world.state(NOW).apps["orders-1"].started_at,
    )
    request = RestartRequest(target=world.target, act=act)
    FakeContainers(world).restart_container(request)
    assert (await pool_of(world)).active == 2
    with pytest.raises(PreconditionGone):
        FakeContainers(world).restart_container(request)
    assert world.kinds() == ["restart"]


async def test_a_break_at_the_end_of_the_window_shows(world: World) -> None:
    assert (await window_of(world, 5)).utilization_max == pytest.approx(0.2)
    world.leak(10, NOW - timedelta(seconds=8))
    window = await window_of(world, 5)
    assert window.utilization_max == 1.0
    assert isinstance(window.timeouts, Known)
    assert window.timeouts.value > 0


async def test_what_a_clock_has_not_reached_has_not_happened(world: World) -> None:
    world.leak(10, NOW + timedelta(minutes=1))
    assert (await pool_of(world)).active == 2
    world.clock = lambda: NOW + timedelta(minutes=1)
    assert (await pool_of(world)).active == 10


async def test_a_blind_source_gives_no_value(world: World) -> None:
    world.happens(changes.blind("metrics", "down"), NOW - timedelta(minutes=10))
    metrics = await FakeMetrics(world).read_metrics(LOOK)
    assert metrics.instances == {"orders-1": Unavailable(reason="down")}
    assert isinstance(metrics.alert_firing, Unavailable)
    world.script.fail("read_database", times=1)
    with pytest.raises(SourceUnavailable):
        await FakeDatabase(world).read_database(LOOK)
    assert (await FakeDatabase(world).read_database(LOOK)).sessions_total == 10


async def test_what_is_forgotten_outside_a_transaction_is_plain_idle(world: World) -> None:
    world.leak(9, NOW - timedelta(minutes=2), in_transaction=False)
    reading = await FakeDatabase(world).read_database(LOOK)
    old = [each for each in reading.sessions if each.state_seconds > 60]
    assert [(each.identity.state, each.identity.xact_start) for each in old] == [("idle", None)] * 9
    assert (await pool_of(world)).active == 10


async def test_who_waits_for_somebody_slow_holds_a_connection_in_turn(world: World) -> None:
    world.happens(changes.wait_elsewhere("orders-1", timedelta(seconds=3)), NOW - timedelta(minutes=2))
    pool = await pool_of(world)
    before = (await FakeDatabase(world).read_database(LOOK)).sessions
    world.clock = lambda: NOW + timedelta(seconds=1)
    after = (await FakeDatabase(world).read_database(LOOK)).sessions

    assert (pool.active, pool.idle) == (10, 0)
    assert pool.waiters
    assert {each.identity.state for each in before} == {"idle in transaction"}
    assert 0 < min(each.state_seconds for each in before) < max(each.state_seconds for each in before) < 3.1
    assert {each.identity.pid for each in before} == {each.identity.pid for each in after}
    assert not {each.identity for each in before} & {each.identity for each in after}
