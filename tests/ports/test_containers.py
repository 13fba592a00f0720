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
from workflows.errors import NotPermitted, PreconditionGone, SourceUnavailable
from workflows.models.evidence import ContainerState
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Resize, Restart
from workflows.models.reading import Known
from workflows.ports.requests import Look, ResizeRequest, RestartRequest

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


def restart(stage: ContainerStage, act: Restart, guard: Look | None = None) -> Outcome:
    request = RestartRequest(target=stage.target, act=act, guard=guard)
    try:
        return examples.environment().run(stage.port.restart_container, request)
    except PreconditionGone as gone:
        # The workflow makes the same of it.
        return Outcome(status=OutcomeStatus.NOTHING, detail=gone.message)


def resize(
    stage: ContainerStage,
    size: int,
    baseline: int = POOL_SIZE,
    replaces: int | None = None,
    guard: Look | None = None,
) -> Outcome:
    names = [instance.name for instance in stage.target.instances]
    act = Resize(
        sizes=dict.fromkeys(names, size),
        baseline=dict.fromkeys(names, baseline),
        lasts=timedelta(hours=1),
        replaces={} if replaces is None else dict.fromkeys(names, replaces),
    )
    request = ResizeRequest(target=stage.target, act=act, guard=guard)
    return examples.environment().run(stage.port.resize_pool, request)


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
    assert outcome.restarted_at == now.started_at
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


FREE, NEARLY_FREE, TELLS_NOTHING = Behaviour(active=3), Behaviour(active=14), Behaviour(active=None)


async def test_an_instance_whose_pool_is_free_by_now_is_not_restarted(stage: ContainerStage) -> None:
    await stage.run(FREE)
    outcome = restart(stage, seen_now(stage), examples.look(stage.target))
    assert outcome.status is OutcomeStatus.NOTHING
    assert outcome.touched == ()
    assert f"3 of {POOL_SIZE} connections checked out (15.0 %)" in outcome.detail
    assert stage.restarts() == 0


@pytest.mark.parametrize("behaviour", [USUAL, NEARLY_FREE, TELLS_NOTHING])
async def test_one_that_is_full_or_not_plainly_free_or_cannot_be_looked_at_is_restarted(
    stage: ContainerStage, behaviour: Behaviour
) -> None:
    await stage.run(behaviour)
    outcome = restart(stage, seen_now(stage), examples.look(stage.target))
    assert outcome.status is OutcomeStatus.DONE
    assert ("could not be looked at once more" in outcome.detail) is (behaviour is TELLS_NOTHING)
    assert stage.restarts() == 1


async def test_pools_that_are_all_free_by_now_are_not_resized(stage: ContainerStage) -> None:
    await stage.run(FREE, FREE)
    with pytest.raises(PreconditionGone, match=rf"3 of {POOL_SIZE} connections .* nothing was touched"):
        resize(stage, BIG, guard=examples.look(stage.target))
    assert stage.sizes() == [POOL_SIZE, POOL_SIZE]


async def test_pools_of_which_one_is_not_plainly_free_are_resized(stage: ContainerStage) -> None:
    await stage.run(FREE, NEARLY_FREE)
    assert resize(stage, BIG, guard=examples.look(stage.target)).status is OutcomeStatus.DONE
    assert stage.sizes() == [BIG, BIG]


async def test_pools_of_which_none_is_known_to_be_in_need_are_not_resized(stage: ContainerStage) -> None:
    await stage.run(FREE, TELLS_NOTHING)
    with pytest.raises(NotPermitted, match="could not be looked at once more"):
        resize(stage, BIG, guard=examples.look(stage.target))
    assert stage.sizes() == [POOL_SIZE, POOL_SIZE]


async def test_a_resize_that_has_begun_is_ended_and_a_revert_asks_for_no_need(stage: ContainerStage) -> None:
    await stage.run(FREE, FREE)
    names = [instance.name for instance in stage.target.instances]
    act = Resize(sizes={names[0]: BIG}, baseline={names[0]: POOL_SIZE}, lasts=timedelta(hours=1))
    begun = examples.environment().run(stage.port.resize_pool, ResizeRequest(target=stage.target, act=act))
    assert begun.status is OutcomeStatus.DONE
    assert resize(stage, BIG, guard=examples.look(stage.target)).status is OutcomeStatus.DONE
    assert stage.sizes() == [BIG, BIG]
    assert resize(stage, POOL_SIZE, replaces=BIG).status is OutcomeStatus.DONE
    assert stage.sizes() == [POOL_SIZE, POOL_SIZE]
