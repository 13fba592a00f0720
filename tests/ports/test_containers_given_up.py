"""Acts on containers that are given up: no thread goes on to touch, and what was touched is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails

from activities.resizing import Resizing
from deploy.local.engine import Engine
from deploy.local.state import State
from tests.ports import examples
from tests.ports.container_stage import POOL_SIZE, USUAL, Behaviour, ContainerStage, RealContainers
from tests.ports.fake_stages import FakeContainerStage
from tests.ports.test_containers import BIG, seen_now
from worker.process import EXTRA_SECONDS
from workflows.models.outcome import OutcomeStatus, Touched
from workflows.models.plan import Resize
from workflows.ports.requests import ResizeRequest, RestartRequest

TOLD_TO_END = ActivityCancellationDetails(worker_shutdown=True)


@pytest.fixture
async def real(stack_state: State, docker_engine: Engine) -> AsyncIterator[RealContainers]:
    async with AsyncExitStack() as stack:
        yield RealContainers(stack_state, docker_engine, stack)


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, real: RealContainers) -> ContainerStage:
    return FakeContainerStage() if request.param == "fake" else real


def resizing(stage: ContainerStage) -> ResizeRequest:
    names = [instance.name for instance in stage.target.instances]
    sizes, baseline = dict.fromkeys(names, BIG), dict.fromkeys(names, POOL_SIZE)
    act = Resize(sizes=sizes, baseline=baseline, lasts=timedelta(hours=1))
    return ResizeRequest(target=stage.target, act=act)


async def test_one_that_is_given_up_before_it_begins_touches_nothing(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    environment = examples.environment()
    environment.cancel(TOLD_TO_END)
    asked = RestartRequest(target=stage.target, act=seen_now(stage))
    outcomes = [
        environment.run(stage.port.restart_container, asked),
        environment.run(stage.port.resize_pool, resizing(stage)),
    ]

    assert not any(touched.changed for each in outcomes for touched in each.touched)
    assert all(each.detail.startswith("its worker was told to end") for each in outcomes)
    assert stage.restarts() == 0


async def test_a_restart_that_is_given_up_while_the_container_stops_is_told_before_its_worker_leaves(
    real: RealContainers,
) -> None:
    await real.run(Behaviour(seconds_to_stop=9))
    environment = examples.environment()
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear(touched: tuple[Touched, ...]) -> None:
        if touched:
            loop.call_soon_threadsafe(asked.set)

    environment.on_heartbeat = hear
    request = RestartRequest(target=real.target, act=seen_now(real))
    running = asyncio.create_task(asyncio.to_thread(environment.run, real.port.restart_container, request))
    await asked.wait()
    environment.cancel(TOLD_TO_END)
    began = time.monotonic()
    outcome = await running

    assert time.monotonic() - began < EXTRA_SECONDS
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert [(each.changed, each.result) for each in outcome.touched] == [
        (True, "restart asked for; no answer heard")
    ]


@pytest.mark.parametrize(
    ("when", "result"),
    [("_await_size", f"{POOL_SIZE} -> {BIG}"), ("_write", f"{BIG} being written; no answer heard")],
)
async def test_a_resize_that_is_given_up_half_way_leaves_the_other_instances(
    real: RealContainers, monkeypatch: pytest.MonkeyPatch, when: str, result: str
) -> None:
    """After the first has taken it, or before it has."""
    await real.run(USUAL if when == "_await_size" else Behaviour(is_deaf=True), USUAL)
    environment, step = examples.environment(), getattr(Resizing, when)

    def give_up_after(*arguments: Any) -> Any:
        done = step(*arguments)
        environment.cancel(TOLD_TO_END)
        return done

    monkeypatch.setattr(Resizing, when, give_up_after)
    outcome = await asyncio.to_thread(environment.run, real.port.resize_pool, resizing(real))

    assert outcome.status is OutcomeStatus.UNKNOWN
    first, second = outcome.touched
    assert (first.changed, second.changed, second.result) == (True, False, "not reached")
    assert first.result.startswith(result)
