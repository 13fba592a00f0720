"""The contract of the port Application, on the fake and on pages served over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from time import monotonic

import pytest

from tests.fakes import cases
from tests.fakes.changes import blind, change_app, resize, restart
from tests.fakes.readings import BORROWER, MOST_TOLD, OWN_QUERY
from tests.ports.application_stage import ApplicationStage, FakeApplicationStage, ServedApplicationStage
from workflows.models.evidence import ApplicationPage, ApplicationReading
from workflows.models.reading import Known, Unavailable
from workflows.ports.requests import Look

FIRST, SECOND = "orders-1", "orders-2"


@pytest.fixture(params=["fake", "served"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[ApplicationStage]:
    async with AsyncExitStack() as stack:
        yield FakeApplicationStage(2) if request.param == "fake" else ServedApplicationStage(stack, 2)


async def read(stage: ApplicationStage, *, hints: bool = False) -> ApplicationReading:
    port = await stage.port()
    look = Look(target=stage.target, policy=cases.policy(), alert_name=cases.ALERT, hints=hints)
    return await port.read_application(look)


def known[T](reading: Known[T] | Unavailable) -> T:
    assert isinstance(reading, Known), reading
    return reading.value


def page(reading: ApplicationReading, name: str = FIRST) -> ApplicationPage:
    return known(reading.instances[name])


async def test_a_healthy_instance_tells_everything(stage: ApplicationStage) -> None:
    reading = await read(stage)
    mine = page(reading)
    app = stage.world.state(stage.world.now()).apps[FIRST]
    assert mine.status == "healthy"
    assert known(mine.pool) == app.pool
    assert known(mine.timeouts_total) == 0
    assert mine.generation == 1
    assert known(mine.started_at) == app.started_at
    assert 0 < known(mine.probe_seconds) < 0.5
    assert set(reading.instances) == {FIRST, SECOND}


async def test_hints_for_people_are_told_where_they_are_asked_for(stage: ApplicationStage) -> None:
    mine, quick = page(await read(stage, hints=True)), page(await read(stage))
    assert mine.checkouts is not None
    assert mine.queries is not None
    held = known(mine.checkouts)
    assert len(held) == min(known(mine.pool).active, MOST_TOLD)
    assert {one.borrower for one in held} <= {BORROWER}
    assert [one.text for one in known(mine.queries)] == [OWN_QUERY]
    assert (quick.checkouts, quick.queries) == (None, None)


async def test_readings_are_of_now(stage: ApplicationStage) -> None:
    reading = (await read(stage)).instances[FIRST]
    assert isinstance(reading, Known)
    assert abs(stage.world.now() - reading.at) < timedelta(seconds=5)
    assert isinstance(reading.value.pool, Known)
    assert abs(stage.world.now() - reading.value.pool.at) < timedelta(seconds=5)


async def test_an_exhausted_instance_says_so_beside_a_healthy_one(stage: ApplicationStage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2), instance=SECOND)
    reading = await read(stage)
    good, bad = page(reading, FIRST), page(reading, SECOND)
    assert bad.status == "unhealthy"
    assert known(bad.pool).utilization == 1
    assert known(bad.pool).waiters
    assert known(bad.timeouts_total) > 0
    assert isinstance(bad.probe_seconds, Unavailable)
    assert bad.probe_seconds.reason
    assert known(good.pool).utilization < 0.5
    assert isinstance(good.probe_seconds, Known)


async def test_a_new_size_is_told_with_its_generation(stage: ApplicationStage) -> None:
    stage.world.happens(resize(FIRST, 25), stage.world.after(seconds=-10))
    mine = page(await read(stage))
    assert known(mine.pool).size == 25
    assert mine.generation == 2


async def test_a_new_process_counts_anew(stage: ApplicationStage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2), instance=FIRST)
    began = stage.world.after(seconds=-10)
    stage.world.happens(restart(FIRST, stage.target.database), began)
    mine = page(await read(stage))
    assert known(mine.started_at) == began
    assert known(mine.timeouts_total) == 0


async def test_a_look_after_an_act_is_patient(stage: ApplicationStage) -> None:
    stage.world.happens(change_app(FIRST, rate=200.0), stage.world.after(seconds=-10))
    stage.world.happens(change_app(FIRST, rate=20.0), stage.world.now() + timedelta(seconds=1.2))
    port = await stage.port()
    look = Look(target=stage.target, policy=cases.policy(), alert_name=cases.ALERT)

    hasty = await port.read_application(look)
    patient = await port.read_application(look.model_copy(update={"patience": timedelta(seconds=4)}))

    assert known(page(hasty).pool).utilization == 1
    assert known(page(patient).pool).utilization < 0.5


async def test_patience_has_an_end(stage: ApplicationStage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2), instance=FIRST)
    port = await stage.port()
    look = Look(target=stage.target, policy=cases.policy(), alert_name=cases.ALERT)

    began = monotonic()
    reading = await port.read_application(look.model_copy(update={"patience": timedelta(seconds=0.6)}))

    assert known(page(reading).pool).utilization == 1
    assert monotonic() - began < 3


async def test_an_instance_that_does_not_run_is_unavailable_and_the_other_one_is_not(
    stage: ApplicationStage,
) -> None:
    stage.world.happens(change_app(FIRST, running=False), stage.world.after(seconds=-10))
    reading = await read(stage)
    gone = reading.instances[FIRST]
    assert isinstance(gone, Unavailable)
    assert gone.reason
    assert page(reading, SECOND).status == "healthy"


async def test_all_instances_gone_is_a_reading_too(stage: ApplicationStage) -> None:
    stage.world.happens(blind("application"), stage.world.after(seconds=-10))
    reading = await read(stage)
    assert [type(found) for found in reading.instances.values()] == [Unavailable, Unavailable]
