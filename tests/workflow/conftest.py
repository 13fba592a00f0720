"""One Temporal server for all workflow tests, and a stage per test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from deploy.local.temporal import find_program
from tests.fakes import cases
from tests.fakes.world import World
from tests.replay import recording
from tests.workflow.stage import RunningIncident, Stage, Theatre, fresh_name
from workflows import attributes
from workflows.payloads import converter
from workflows.sandbox import runner

DYNAMIC_CONFIG = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    # Without it every skip waits up to a second for the next tick.
    'history.timerProcessorMaxTimeShift="1ms"',
    "history.transferProcessorMaxPollRPS=1000",
    # Twenty people at once are the workflow's matter here, not the server's default of ten updates at a time.
    "history.maxInFlightUpdates=100",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Recording is asked for, never done by the way."""
    parser.addoption(recording.OPTION, action="store_true", help="write missing histories for replay")


type OpenStage = Callable[..., Awaitable[Stage]]


@pytest.fixture(scope="session")
async def theatre() -> AsyncIterator[Theatre]:
    """The real dev server, with time skipping switched on."""
    arguments = [part for line in DYNAMIC_CONFIG for part in ("--dynamic-config-value", line)]
    async with await WorkflowEnvironment.start_local(
        data_converter=converter,
        dev_server_existing_path=str(find_program()),
        dev_server_extra_args=arguments,
        search_attributes=attributes.ALL,
        identity="stage",
    ) as environment:
        yield Theatre.open(environment.client)


@pytest.fixture
async def open_stage(theatre: Theatre, request: pytest.FixtureRequest) -> AsyncIterator[OpenStage]:
    """Makes stages: `rate` and `hold` are the traffic, other keywords change the target."""
    async with AsyncExitStack() as stack:

        async def make(
            rate: float = 20.0,
            hold: float = 0.1,
            workflow_runner: Any = None,
            *,
            with_permits: bool = False,
            **changes: Any,
        ) -> Stage:
            subject = cases.target(fresh_name(), **changes)
            world = World(subject, rate=rate, hold=hold)
            stage = await Stage.open(
                theatre, stack, workflow_runner or runner(), subject, world, with_permits=with_permits
            )
            if request.config.getoption(recording.OPTION, default=False):
                stack.push_async_callback(recording.record, stage, request.node.name)
            return stage

        yield make


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """One instance with a pool of ten, of which the usual traffic keeps two busy."""
    return await open_stage()


@pytest.fixture
async def undersized(open_stage: OpenStage) -> Stage:
    """Ten connections wanted, eight there: only a person may enlarge the pool."""
    return await open_stage(pool_size=8, rate=100.0)


@pytest.fixture
async def waiting(undersized: Stage) -> RunningIncident:
    """An incident that has asked."""
    incident = await undersized.incident()
    await incident.asked()
    return incident


@pytest.fixture
async def shop(open_stage: OpenStage) -> Stage:
    """One of two applications of a database."""
    return await open_stage()


@pytest.fixture
async def billing(open_stage: OpenStage) -> Stage:
    """The other one."""
    return await open_stage()
