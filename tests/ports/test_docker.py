"""What only a real engine can show: the file, the health page, heartbeats, containers that cannot."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pytest
import requests
from docker.models.containers import Container

from activities.profiles.library import load_profiles
from deploy.local import target as drill
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.ports import examples
from tests.ports.container_stage import POOL_FILE, POOL_SIZE, PROFILE, USUAL, Behaviour, RealContainers
from tests.ports.test_containers import BIG, read, resize, restart, seen_now
from workflows.errors import NotConfigured, PreconditionGone, SourceNonsense, SourceRefused
from workflows.models.outcome import OutcomeStatus, Touched
from workflows.models.plan import Resize
from workflows.models.policy import Option
from workflows.models.reading import Unavailable
from workflows.models.target import Target
from workflows.ports.requests import ResizeRequest, RestartRequest


@pytest.fixture
async def stage(stack_state: State, docker_engine: Engine) -> AsyncIterator[RealContainers]:
    async with AsyncExitStack() as stack:
        yield RealContainers(stack_state, docker_engine, stack)


def changed(stage: RealContainers, **fields: Any) -> Target:
    return Target.model_validate({**stage.target.model_dump(), **fields})


async def test_an_instance_without_a_container_and_an_unknown_one_are_unavailable(
    stage: RealContainers,
) -> None:
    await stage.run(USUAL)
    described = stage.target.instances[0].model_dump()
    others = [
        {**described, "container": None},
        {**described, "name": "b", "container": "nobody-of-this-name"},
    ]
    seen = stage.port.read_containers(examples.look(changed(stage, instances=others)))
    reasons = [reading.reason for reading in seen.instances.values() if isinstance(reading, Unavailable)]
    assert len(reasons) == 2
    assert "no container" in reasons[0]
    assert "knows no such container" in reasons[1]


async def test_without_containers_the_engine_is_asked_nothing(stage: RealContainers) -> None:
    await stage.run(USUAL)
    stage.reach("tcp://127.0.0.1:9")
    described = stage.target.instances[0].model_dump() | {"container": None}
    seen = stage.port.read_containers(examples.acting_look(changed(stage, instances=[described])))
    assert seen.barred == {}


async def test_a_profile_without_a_page_of_the_pool_bars_resizes(
    stack_state: State, docker_engine: Engine
) -> None:
    pages = PROFILE.pages.model_copy(update={"pool": None})
    async with AsyncExitStack() as stack:
        profiles = {"covet": PROFILE.model_copy(update={"pages": pages})}
        stage = RealContainers(stack_state, docker_engine, stack, profiles)
        await stage.run(USUAL)
        told = "profile covet names no pool page: a new size could not be checked"
        for look in (examples.look(stage.target), examples.acting_look(stage.target)):
            assert stage.port.read_containers(look).barred == {Option.RESIZE: told}
        with pytest.raises(NotConfigured, match=told):
            resize(stage, BIG)


async def test_the_heart_beats_while_a_container_takes_its_time_to_stop(stage: RealContainers) -> None:
    await stage.run(Behaviour(seconds_to_stop=3))
    beats: list[float] = []
    told: list[tuple[Touched, ...]] = []
    environment = examples.environment()

    def hear(details: tuple[Touched, ...]) -> None:
        beats.append(time.monotonic())
        told.append(details)

    environment.on_heartbeat = hear
    request = RestartRequest(target=stage.target, act=seen_now(stage))
    began = time.monotonic()
    outcome = environment.run(stage.port.restart_container, request)
    assert outcome.status is OutcomeStatus.DONE
    moments = [began, *beats, time.monotonic()]
    assert max(later - earlier for earlier, later in pairwise(moments)) < 2
    assert any(touched and touched[0].result == "restart asked for; no answer heard" for touched in told)
    with stage.container() as container:
        assert container.attrs["State"]["ExitCode"] == 0
    assert [event.action for event in stage.events() if event.action in {"kill", "die", "restart"}] == [
        "kill",
        "die",
        "restart",
    ]


async def test_a_container_that_stays_sick_is_a_failure_that_says_what_the_page_said(
    stage: RealContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.restarting.SECONDS_TO_BE_HEALTHY", 1.0)
    await stage.run(Behaviour(sick_from=2))
    outcome = restart(stage, seen_now(stage))
    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.touched[0].changed
    assert "/health answered 503" in outcome.detail


async def test_where_there_is_another_container_it_is_told_too_that_the_page_could_not_be_read(
    stage: RealContainers,
) -> None:
    await stage.run(Behaviour(active=None))
    act = seen_now(stage).model_copy(update={"container_id": "0" * 64})
    outcome = restart(stage, act, examples.look(stage.target))
    assert outcome.status is OutcomeStatus.NOTHING
    assert f"{act.container} is another container now" in outcome.detail
    assert f"could not be looked at once more: {act.instance}" in outcome.detail


@pytest.mark.parametrize("others", [0, 1])
async def test_it_is_told_that_only_the_pools_to_be_resized_were_looked_at(
    stage: RealContainers, others: int
) -> None:
    await stage.run(Behaviour(active=3), *[USUAL] * others)
    name = stage.target.instances[0].name
    act = Resize(sizes={name: BIG}, baseline={name: POOL_SIZE}, lasts=timedelta(hours=1))
    request = ResizeRequest(target=stage.target, act=act, guard=examples.look(stage.target))
    with pytest.raises(PreconditionGone) as gone:
        examples.environment().run(stage.port.resize_pool, request)
    assert ("of the pools to be resized" in gone.value.message) is bool(others)


async def test_a_stopped_container_is_not_started(stage: RealContainers) -> None:
    await stage.run(USUAL)
    act = seen_now(stage)
    with stage.container() as container:
        container.stop()
    assert restart(stage, act).status is OutcomeStatus.NOTHING
    assert read(stage).status == "exited"
    with pytest.raises(PreconditionGone, match="does not run"):
        resize(stage, BIG)


async def test_a_container_that_may_take_longer_to_stop_than_an_act_is_refused(
    stage: RealContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.restarting.LONGEST_STOP_GRACE", 9)
    await stage.run(USUAL)
    with pytest.raises(SourceRefused, match="10 s to stop"):
        restart(stage, seen_now(stage))
    assert stage.restarts() == 0


async def test_a_foreign_container_is_refused(stage: RealContainers) -> None:
    await stage.run(USUAL, USUAL)
    other = seen_now(stage).model_copy(update={"container": stage.target.instances[1].container})
    with pytest.raises(SourceRefused, match="no container of orders"):
        restart(stage, other)
    assert stage.restarts() == 0


async def test_a_restart_whose_answer_is_lost_is_unknown(
    stage: RealContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.run(USUAL)
    act, really = seen_now(stage), Container.restart

    def lose(container: Container, **options: Any) -> None:
        really(container, **options)
        raise requests.exceptions.ConnectionError("connection reset by peer")

    monkeypatch.setattr(Container, "restart", lose)
    outcome = restart(stage, act)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert outcome.touched[0].changed
    assert stage.restarts() == 1


async def test_the_file_keeps_its_other_keys_its_overflow_its_owner_and_its_mode(
    stage: RealContainers,
) -> None:
    await stage.run(USUAL)
    stage.write('{"note": "ours", "pool_size": 15, "max_overflow": 5}', mode=0o640, gid=7)
    assert resize(stage, BIG).status is OutcomeStatus.DONE
    assert stage.read() == {"note": "ours", "pool_size": 35, "max_overflow": 5}
    assert stage.output("stat", "-c", "%a %u:%g", POOL_FILE) == "640 0:7\n"
    assert stage.output("sh", "-c", "ls -A /var/tmp | grep poolmedic") == ""
    assert resize(stage, POOL_SIZE, replaces=BIG).status is OutcomeStatus.DONE
    assert stage.read() == {"note": "ours", "pool_size": 15, "max_overflow": 5}


async def test_a_missing_file_is_written_and_removed_again_when_it_was_not_taken(
    stage: RealContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.resizing.SECONDS_TO_APPLY", 1.0)
    await stage.run(USUAL, Behaviour(is_deaf=True))
    assert stage.read() is None
    outcome = resize(stage, BIG)
    assert outcome.status is OutcomeStatus.PARTLY
    assert [touched.changed for touched in outcome.touched] == [True, False]
    assert "the old file was put back" in outcome.detail
    assert stage.read(0) == {"pool_size": BIG, "max_overflow": 0}
    assert stage.read(1) is None
    assert stage.sizes() == [BIG, POOL_SIZE]


async def test_no_reader_ever_finds_half_a_file(stage: RealContainers) -> None:
    await stage.run(USUAL)
    stage.write('{"pool_size": 20, "max_overflow": 0}')
    loop = f"until [ -e {POOL_FILE}.enough ]; do [ -s {POOL_FILE} ] || echo missing; done; echo end"
    watching = asyncio.create_task(asyncio.to_thread(stage.output, "sh", "-c", loop))
    for size in (BIG, POOL_SIZE) * 3:
        await asyncio.to_thread(resize, stage, size, POOL_SIZE, POOL_SIZE if size == BIG else BIG)
    stage.output("touch", f"{POOL_FILE}.enough")
    assert await watching == "end\n"


@pytest.mark.parametrize("content", ["{", "[20]", '{"pool_size": "20"}'])
async def test_a_file_that_cannot_be_read_is_left_as_it_is(stage: RealContainers, content: str) -> None:
    await stage.run(USUAL)
    stage.write(content)
    with pytest.raises(SourceNonsense, match="nothing was touched"):
        resize(stage, BIG)
    assert stage.output("cat", POOL_FILE) == content
    assert stage.sizes() == [POOL_SIZE]


async def test_a_link_is_refused(stage: RealContainers) -> None:
    await stage.run(USUAL)
    stage.output("ln", "-s", "/srv/elsewhere", POOL_FILE)
    with pytest.raises(SourceRefused, match="no ordinary file"):
        resize(stage, BIG)


async def test_a_folder_is_refused_unread_whatever_lies_in_it(stage: RealContainers) -> None:
    await stage.run(USUAL)
    stage.output("mkdir", POOL_FILE)
    stage.output("truncate", "-s", "1T", f"{POOL_FILE}/sparse")
    with pytest.raises(SourceRefused, match="no ordinary file"):
        resize(stage, BIG)


async def test_a_program_that_prints_for_ever_is_refused_before_anything_is_written(
    stage: RealContainers,
) -> None:
    planted = PurePosixPath(POOL_FILE).with_name("mv")
    await stage.run(Behaviour(path=f"{planted.parent}:/usr/bin:/bin"))
    stage.output("sh", "-c", f"printf '#!/bin/sh\nexec yes' > {planted}; chmod +x {planted}")
    with pytest.raises(SourceRefused, match=r"`mv` in .* prints more than 131072 bytes"):
        resize(stage, BIG)
    assert stage.read() is None
    assert stage.sizes() == [POOL_SIZE]


async def test_a_revert_takes_its_size_from_a_file_that_nobody_has_read_and_leaves_any_other(
    stage: RealContainers,
) -> None:
    await stage.run(USUAL)
    assert resize(stage, POOL_SIZE, replaces=BIG).touched[0].changed is False
    assert stage.read() is None
    for others in (12, POOL_SIZE):
        stage.write(f'{{"pool_size": {others}}}')
        assert resize(stage, POOL_SIZE, replaces=BIG).touched[0].changed is False
        assert stage.read() == {"pool_size": others}

    stage.write(f'{{"pool_size": {BIG}}}')
    outcome = resize(stage, POOL_SIZE, replaces=BIG)
    assert outcome.status is OutcomeStatus.DONE
    assert outcome.touched[0].changed
    assert stage.sizes() == [POOL_SIZE]
    assert stage.read() == {"pool_size": POOL_SIZE, "max_overflow": 0}


async def test_a_container_without_mv_is_refused_before_anything_is_written(stage: RealContainers) -> None:
    await stage.run(Behaviour(path="/nowhere"))
    with pytest.raises(SourceRefused, match="has no `mv`"):
        resize(stage, BIG)
    assert stage.sizes() == [POOL_SIZE]


async def test_an_act_that_has_no_time_left_touches_no_further_instance(
    stage: RealContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease would end, and another act begin beside it."""
    monkeypatch.setattr("activities.resizing.SECONDS_IN_ALL", 0.0)
    await stage.run(USUAL, USUAL)
    outcome = resize(stage, BIG)
    assert outcome.status is OutcomeStatus.FAILED
    assert "was not reached within" in outcome.detail
    assert [touched.changed for touched in outcome.touched] == [False, False]
    assert stage.sizes() == [POOL_SIZE, POOL_SIZE]


async def test_a_size_that_somebody_else_changed_is_left_alone(stage: RealContainers) -> None:
    await stage.run(USUAL)
    resize(stage, 30)
    with pytest.raises(PreconditionGone, match="30 connections, neither 20"):
        resize(stage, BIG)
    assert stage.sizes() == [30]


async def test_a_target_that_says_nothing_of_reload_cannot_be_resized(stage: RealContainers) -> None:
    await stage.run(USUAL)
    subject = changed(stage, reload=None)
    act = Resize(sizes={subject.instances[0].name: BIG}, baseline={}, lasts=timedelta(hours=1))
    with pytest.raises(NotConfigured, match="reload"):
        examples.environment().run(stage.port.resize_pool, ResizeRequest(target=subject, act=act))


async def test_the_drills_own_application_is_resized_and_restarted(
    stack_state: State, docker_engine: Engine, postgres_server: Postgres
) -> None:
    await drill.create_schema(postgres_server)
    settings = drill.Settings(instances=(f"{docker_engine.stack}-covet",), pool_size=5)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(
            drill.run(stack_state, docker_engine, postgres_server, settings, settings.instances[0])
        )
        stage = RealContainers(stack_state, docker_engine, stack, load_profiles())
        stage.target = Target.model_validate(
            {
                **examples.target().model_dump(),
                "profile": "covetpy",
                "reload": {"file": drill.POOL_FILE},
                "instances": [
                    {"name": name, "url": app.url, "container": name, "pool_size": 5}
                    for name in settings.instances
                ],
            }
        )
        assert resize(stage, 9, baseline=5).status is OutcomeStatus.DONE
        assert stage.sizes() == [9]
        assert resize(stage, 5, baseline=5, replaces=9).status is OutcomeStatus.DONE
        assert stage.sizes() == [5]
        assert restart(stage, seen_now(stage)).status is OutcomeStatus.DONE
        assert stage.sizes() == [5]
