"""Acts between a real Temporal and a real PostgreSQL: they wait, are given up, and lose their worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from activities import beating
from activities.warm_connection import fetch_value
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.act_crew import Crew, of_its_own
from tests.fakes.indexes import TABLE
from tests.ports.container_stage import USUAL, RealContainers
from tests.ports.database_stage import RealDatabase
from tests.ports.index_stage import RealIndexes
from tests.ports.test_containers import seen_now
from tests.ports.test_database import identities
from tests.ports.test_indexes import NAME, creation
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Termination
from workflows.options import ACT
from workflows.payloads import converter

LONGER_THAN_A_HEART_MAY_PAUSE = (ACT["heartbeat_timeout"] or timedelta()) + timedelta(seconds=2)


@pytest.fixture
async def client(temporal_server: Temporal) -> Client:
    return await Client.connect(temporal_server.address, data_converter=converter)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def stage(postgres_server: Postgres, stack: AsyncExitStack) -> RealDatabase:
    stage = RealDatabase(postgres_server, stack)
    stage.target = of_its_own(stage.target)
    return stage


@pytest.fixture
async def crew(client: Client, stack: AsyncExitStack, stage: RealDatabase) -> Crew:
    crew = Crew(client, stack, stage.port.terminate_sessions)
    await crew.start()
    return crew


async def leaked(stage: RealDatabase, number: int) -> Termination:
    return Termination(sessions=await identities(stage, [await stage.leak() for _ in range(number)]))


async def once(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it holds, within twenty seconds."""
    for _ in range(400):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never held")


async def is_begun(stage: RealIndexes) -> bool:
    return NAME in await stage.names()


class Stopping:
    """The second session of a wave is about to be asked: there the act stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_reached, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._asked = 0
        monkeypatch.setattr("activities.termination.fetch_value", self._fetch)

    async def _fetch(self, *arguments: Any) -> Any:
        self._asked += 1
        if self._asked == 2:
            self.is_reached.set()
            await self.may_go_on.wait()
        return await fetch_value(*arguments)


async def in_mid_wave(
    crew: Crew, stage: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> tuple[Stopping, Termination, WorkflowHandle[Any, Outcome]]:
    """One of three sessions was told to end, and the next one is about to be asked."""
    stopping = Stopping(monkeypatch)
    act = await leaked(stage, 3)
    running = await crew.begin(stage.target, act)
    await stopping.is_reached.wait()
    return stopping, act, running


async def test_an_act_that_waits_for_the_connection_is_not_taken_for_lost(
    crew: Crew, stage: RealDatabase
) -> None:
    """Another target on the same server reads it meanwhile, or it is slow to let us in."""
    act = await leaked(stage, 2)

    async with stage.medic.connection(stage.target.database).lend():
        running = await crew.begin(stage.target, act)
        await asyncio.sleep(LONGER_THAN_A_HEART_MAY_PAUSE.total_seconds())
        assert stage.ended() == []

    outcome = await running.result()
    assert outcome.status is OutcomeStatus.DONE
    assert sorted(stage.ended()) == sorted(each.pid for each in act.sessions)
    assert await crew.is_permit_free(stage.target)


@pytest.mark.parametrize(
    ("permission", "status", "restarts"),
    [(0.5, OutcomeStatus.DENIED, 0), (beating.LONGEST_PERMISSION, OutcomeStatus.DONE, 1)],
)
async def test_a_restart_that_waits_long_for_a_thread_with_its_permit_in_hand_is_not_done(
    client: Client,
    stack: AsyncExitStack,
    stack_state: State,
    docker_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    permission: float,
    status: OutcomeStatus,
    restarts: int,
) -> None:
    """A slow engine has every thread; meanwhile the pool may get free, or somebody silence the alert."""
    monkeypatch.setattr(beating, "LONGEST_PERMISSION", permission)
    stage = RealContainers(stack_state, docker_engine, stack)
    await stage.run(USUAL)
    target, act, is_free = of_its_own(stage.target), seen_now(stage), Event()
    threads = stack.enter_context(ThreadPoolExecutor(1))
    crew = Crew(client, stack, stage.port.restart_container, threads=threads)
    await crew.start()
    stack.callback(is_free.set)
    threads.submit(is_free.wait)

    running = await crew.begin(target, act)
    await once(lambda: crew.is_permitted(target))
    await asyncio.sleep(1)
    is_free.set()
    outcome = await running.result()

    assert (outcome.status, stage.restarts()) == (status, restarts)
    assert ("it had to wait for a free thread" in outcome.detail) is (status is OutcomeStatus.DENIED)
    known = await crew.known(target)
    assert known is not None
    assert (known.permits, len(known.done)) == ((), restarts)


async def test_an_act_that_waits_in_mid_wave_is_not_taken_for_lost(
    crew: Crew, stage: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, _, running = await in_mid_wave(crew, stage, monkeypatch)
    await asyncio.sleep(LONGER_THAN_A_HEART_MAY_PAUSE.total_seconds())
    stopping.may_go_on.set()

    assert (await running.result()).status is OutcomeStatus.DONE


async def test_an_act_whose_workflow_is_gone_ends_nothing_more(
    crew: Crew, stage: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, act, running = await in_mid_wave(crew, stage, monkeypatch)

    await running.terminate("a test")
    await once(lambda: crew.is_permit_free(stage.target))
    stopping.may_go_on.set()
    await crew.replace()

    assert stage.ended() == [act.sessions[0].pid]


async def test_a_worker_told_to_end_in_mid_wave_tells_what_it_touched(
    crew: Crew, stage: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, act, running = await in_mid_wave(crew, stage, monkeypatch)

    await crew.replace()
    outcome = await running.result()

    assert outcome.status is OutcomeStatus.UNKNOWN
    assert outcome.detail == "its worker was told to end in the middle of the act"
    assert [each.what for each in outcome.touched] == [str(each) for each in act.sessions]
    assert [each.result for each in outcome.touched] == [
        "told to end",
        "asked to end; no answer heard",
        "not reached yet, or not heard of any more",
    ]
    assert stage.ended() == [act.sessions[0].pid]
    assert await crew.is_permit_free(stage.target)


@pytest.mark.parametrize(
    ("is_read", "status", "result"),
    [
        (False, OutcomeStatus.NOTHING, "not created, its invalid rest dropped"),
        (True, OutcomeStatus.PARTLY, "left INVALID"),
    ],
)
async def test_a_worker_told_to_end_while_it_creates_an_index_tells_what_it_left(
    client: Client,
    stack: AsyncExitStack,
    postgres_server: Postgres,
    is_read: bool,
    status: OutcomeStatus,
    result: str,
) -> None:
    stage = RealIndexes(postgres_server, stack)
    await stage.open()
    crew = Crew(client, stack, stage.port.create_index)
    await crew.start()
    reader = await stage.connect()
    await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await reader.fetchval(f"SELECT count(*) FROM {TABLE} WHERE id = 1" if is_read else "SELECT 1")  # noqa: S608
    running = await crew.begin(of_its_own(stage.target), creation(stage))
    await once(lambda: is_begun(stage))
    await crew.replace()
    outcome = await running.result()

    assert outcome.status is status
    assert [each.result for each in outcome.touched] == [result]
    assert outcome.touched[0].what == f"index {NAME} on public.{TABLE}"
    assert outcome.detail.startswith("its worker was told to end in the middle of it")
    assert await stage.names() == ({NAME: False} if is_read else {})
