"""Acts between a real Temporal and a real PostgreSQL: they wait, are given up, and lose their worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.alertmanager import NoAlertmanager
from activities.permits import Permits
from activities.warm_connection import fetch_value
from deploy.local.postgres import Postgres
from deploy.local.temporal import Temporal
from tests.e2e.act_workflow import OneAct
from tests.fakes import cases
from tests.fakes.indexes import TABLE
from tests.ports.database_stage import RealDatabase
from tests.ports.index_stage import RealIndexes
from tests.ports.test_database import identities
from tests.ports.test_indexes import NAME, creation
from worker.databases import Databases
from worker.incident_part import HEARTBEAT
from workflows.database import Database
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Act, Termination
from workflows.models.target import Target
from workflows.options import ACT
from workflows.payloads import converter
from workflows.sandbox import runner

LONGER_THAN_A_HEART_MAY_PAUSE = (ACT["heartbeat_timeout"] or timedelta()) + timedelta(seconds=2)


class Crew:
    """One worker after the other, as a deployment replaces them."""

    def __init__(self, client: Client, stack: AsyncExitStack, *acts: Callable[..., Any]) -> None:
        self.client = client
        self._stack = stack
        self._acts = acts
        self._queue = f"acts-{uuid4().hex}"
        self._worker: Worker

    async def start(self) -> None:
        self._worker = await self._stack.enter_async_context(
            Worker(
                self.client,
                task_queue=self._queue,
                workflows=[OneAct, Database],
                activities=self._acts,
                interceptors=[Permits(self.client, NoAlertmanager())],
                workflow_runner=runner(),
                max_heartbeat_throttle_interval=HEARTBEAT,
                default_heartbeat_throttle_interval=HEARTBEAT,
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
                graceful_shutdown_timeout=timedelta(seconds=0.5),
            )
        )

    async def replace(self) -> None:
        """It is told to end, gently, and another one is started."""
        await self._worker.shutdown()
        await self.start()

    async def begin(self, target: Target, act: Act) -> WorkflowHandle[Any, Outcome]:
        case = cases.case(target, cases.policy(), cases.alert(target, datetime.now(UTC)))
        return await self.client.start_workflow(
            OneAct.run, args=[case, act], id=f"act-{uuid4().hex}", task_queue=self._queue
        )

    async def is_permit_free(self, target: Target) -> bool:
        known = await Databases(self.client, self._queue).known(target.database.name)
        return known is not None and known.permits == ()


@pytest.fixture
async def client(temporal_server: Temporal) -> Client:
    return await Client.connect(temporal_server.address, data_converter=converter)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def of_its_own(target: Target) -> Target:
    """With a ledger that no other test knows."""
    database = target.database.model_copy(update={"name": f"main-{uuid4().hex[:8]}"})
    return target.model_copy(update={"database": database})


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
