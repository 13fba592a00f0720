"""The contract of the port Containers, on the fake and on the real engine."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from deploy.local.engine import Engine
from deploy.local.state import State
from tests.ports import examples
from tests.ports.container_stage import POOL_SIZE, USUAL, Behaviour, ContainerStage, RealContainers
from tests.ports.engine_proxy import EngineProxy
from tests.ports.fake_stages import FakeContainerStage
from tests.ports.socket_proxies import LISTED, exactly
from workflows.errors import PreconditionGone, SourceUnavailable
from workflows.models.evidence import ContainerState
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Resize, Restart
from workflows.models.reading import Known
from workflows.ports.requests import ResizeRequest, RestartRequest

BIG = 2 * POOL_SIZE


@pytest.fixture(params=["fake", "real", "behind a socket proxy"])
async def stage(
    request: pytest.FixtureRequest, stack_state: State, docker_engine: Engine
) -> AsyncIterator[ContainerStage]:
    """The proxy lets through the list of docs/installing.md, and nothing else."""
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield FakeContainerStage()
        elif request.param == "real":
            yield RealContainers(stack_state, docker_engine, stack)
        else:
            proxy = stack.enter_context(EngineProxy.before(docker_engine.address, exactly(LISTED)))
            yield RealContainers(stack_state, docker_engine, stack, through=proxy.address)


def read(stage: ContainerStage, number: int = 0) -> ContainerState:
    seen = stage.port.read_containers(examples.look(stage.target))
    reading = seen.instances[stage.target.instances[number].name]
    assert isinstance(reading, Known)
    return reading.value


def seen_now(stage: ContainerStage) -> Restart:
    instance, state = stage.target.instances[0], read(stage)
    assert state.started_at is not None
    return Restart(
        instance=instance.name,
        container=instance.container or "",
        container_id=state.id,
        started_at=state.started_at,
    )


def restart(stage: ContainerStage, act: Restart) -> Outcome:
    request = RestartRequest(target=stage.target, act=act)
    try:
        return examples.environment().run(stage.port.restart_container, request)
    except PreconditionGone as gone:
        # The workflow makes the same of it.
        return Outcome(status=OutcomeStatus.NOTHING, detail=gone.message)


def resize(
    stage: ContainerStage, size: int, baseline: int = POOL_SIZE, replaces: int | None = None
) -> Outcome:
    names = [instance.name for instance in stage.target.instances]
    act = Resize(
        sizes=dict.fromkeys(names, size),
        baseline=dict.fromkeys(names, baseline),
        lasts=timedelta(hours=1),
        replaces={} if replaces is None else dict.fromkeys(names, replaces),
    )
    return examples.environment().run(stage.port.resize_pool, ResizeRequest(target=stage.target, act=act))


async def test_reads_what_runs(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    state = read(stage)
    assert state.running
    assert state.started_at is not None
    assert state.id
    assert state.stop_grace_seconds == 10
    assert not state.oom_killed


async def test_an_engine_that_is_gone_is_unavailable(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    act = seen_now(stage)
    stage.disappear()
    with pytest.raises(SourceUnavailable):
        read(stage)
    with pytest.raises(SourceUnavailable):
        restart(stage, act)
    with pytest.raises(SourceUnavailable):
        resize(stage, BIG)


async def test_restarts_once_and_waits_for_health(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    act = seen_now(stage)
    outcome = restart(stage, act)
    assert outcome.status is OutcomeStatus.DONE
    assert [touched.changed for touched in outcome.touched] == [True]
    assert "healthy" in outcome.touched[0].result
    now = read(stage)
    assert now.started_at is not None
    assert now.started_at > act.started_at
    assert now.id == act.container_id
    again = restart(stage, act)
    assert again.status is OutcomeStatus.NOTHING
    assert stage.restarts() == 1


async def test_a_container_somebody_else_restarted_is_left_alone(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    act = seen_now(stage)
    stage.restart()
    before = stage.restarts()
    assert restart(stage, act).status is OutcomeStatus.NOTHING
    assert stage.restarts() == before


async def test_another_container_of_the_same_name_is_left_alone(stage: ContainerStage) -> None:
    await stage.run(USUAL)
    act = seen_now(stage).model_copy(update={"container_id": "0" * 64})
    assert restart(stage, act).status is OutcomeStatus.NOTHING
    assert stage.restarts() == 0


async def test_a_resize_takes_effect_everywhere_and_again_changes_nothing(stage: ContainerStage) -> None:
    await stage.run(USUAL, USUAL)
    outcome = resize(stage, BIG)
    assert outcome.status is OutcomeStatus.DONE
    assert [touched.changed for touched in outcome.touched] == [True, True]
    assert stage.sizes() == [BIG, BIG]
    again = resize(stage, BIG)
    assert again.status is OutcomeStatus.DONE
    assert [touched.changed for touched in again.touched] == [False, False]
    with pytest.raises(PreconditionGone, match=f"{BIG} connections"):
        resize(stage, POOL_SIZE, replaces=BIG - 1)
    assert stage.sizes() == [BIG, BIG]
    assert resize(stage, POOL_SIZE, replaces=BIG).status is OutcomeStatus.DONE
    assert stage.sizes() == [POOL_SIZE, POOL_SIZE]


async def test_a_size_that_is_not_taken_is_no_success(
    stage: ContainerStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.resizing.SECONDS_TO_APPLY", 1.0)
    await stage.run(Behaviour(is_deaf=True))
    outcome = resize(stage, BIG)
    assert outcome.status is OutcomeStatus.FAILED
    assert not any(touched.changed for touched in outcome.touched)
    assert stage.sizes() == [POOL_SIZE]
