"""Acts that could begin only long after they had asked whether they may, on the fakes and the real things."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, override

import pytest
from temporalio.worker import ActivityOutboundInterceptor

from activities import beating
from activities.beating import Heart
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.ports import examples
from tests.ports.container_stage import POOL_SIZE, USUAL, ContainerStage, RealContainers
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeContainerStage, FakeDatabaseStage
from tests.ports.index_stage import FakeIndexStage, IndexStage, RealIndexes
from tests.ports.test_containers import seen_now
from tests.ports.test_containers_given_up import resizing
from tests.ports.test_database import identities
from tests.ports.test_given_up import end, limit
from tests.ports.test_indexes import creation
from tests.ports.test_slow_queries import running
from workflows.models.outcome import Outcome
from workflows.models.plan import Cancellation
from workflows.ports.requests import ActRequest, CancelRequest, CreateIndexRequest, RestartRequest

type Port = Callable[[Any], Awaitable[Outcome] | Outcome]


@pytest.fixture(params=["fake", "real"])
def is_real(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "real")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def database(is_real: bool, postgres_server: Postgres, stack: AsyncExitStack) -> DatabaseStage:
    return RealDatabase(postgres_server, stack) if is_real else FakeDatabaseStage()


@pytest.fixture
async def indexes(is_real: bool, postgres_server: Postgres, stack: AsyncExitStack) -> IndexStage:
    stage = RealIndexes(postgres_server, stack) if is_real else FakeIndexStage()
    await stage.open()
    return stage


@pytest.fixture
async def containers(
    is_real: bool, stack_state: State, docker_engine: Engine, stack: AsyncExitStack
) -> ContainerStage:
    stage = RealContainers(stack_state, docker_engine, stack) if is_real else FakeContainerStage()
    await stage.run(USUAL)
    return stage


class Silent(ActivityOutboundInterceptor):
    """Nobody listens."""

    def __init__(self) -> None:
        pass

    @override
    def heartbeat(self, *details: Any) -> None:
        """It goes nowhere."""


async def comes_too_late(monkeypatch: pytest.MonkeyPatch, port: Port, request: ActRequest) -> None:
    """By the rule of a permission that is no good from the beginning."""
    monkeypatch.setattr(beating, "LONGEST_PERMISSION", -1.0)
    heart = Heart(Silent())

    async def act() -> None:
        async with heart.beating():
            if asyncio.iscoroutinefunction(port):
                await port(request)
            else:
                await asyncio.to_thread(port, request)

    with suppress(asyncio.CancelledError):
        await examples.environment().run(act)
    assert heart.too_late is not None
    assert heart.too_late.endswith("nothing was touched")


async def test_no_session_is_ended_and_no_timeout_is_set(
    database: DatabaseStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = await identities(database, [await database.leak()])

    await comes_too_late(monkeypatch, database.port.terminate_sessions, end(database, sessions))
    await comes_too_late(monkeypatch, database.port.set_session_timeout, limit(database, sessions))

    assert database.ended() == []
    assert sessions[0].pid in await database.alive()
    reading = await database.port.read_database(examples.look(database.target))
    assert reading.server.session_timeout is None


async def test_no_statement_is_cancelled(database: DatabaseStage, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = await database.run()
    act = Cancellation(statements=((await running(database))[pid][0],), query_id=4712)
    request = CancelRequest(target=database.target, act=act)

    await comes_too_late(monkeypatch, database.port.cancel_queries, request)

    assert database.cancelled() == []


async def test_no_index_is_created(indexes: IndexStage, monkeypatch: pytest.MonkeyPatch) -> None:
    request = CreateIndexRequest(target=indexes.target, act=creation(indexes))
    await comes_too_late(monkeypatch, indexes.port.create_index, request)
    assert await indexes.names() == {}


async def test_no_container_is_restarted_and_no_pool_resized(
    containers: ContainerStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart = RestartRequest(target=containers.target, act=seen_now(containers))

    await comes_too_late(monkeypatch, containers.port.restart_container, restart)
    await comes_too_late(monkeypatch, containers.port.resize_pool, resizing(containers))

    assert containers.restarts() == 0
    assert containers.sizes() == [POOL_SIZE]
