"""A deployment replaces the worker while it acts: what was touched is told, and the next one goes on."""

import asyncio

import pytest

from activities import permits
from tests.fakes import cases
from tests.workflow.conftest import OpenStage
from tests.workflow.database_stage import denied, noted
from tests.workflow.stage import Stage, fresh_name
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """On a database server of its own."""
    server = {**cases.target().database.model_dump(), "name": fresh_name()}
    return await open_stage(with_permits=True, database=server)


async def test_a_worker_told_to_end_in_mid_wave_says_what_it_touched_and_the_next_one_ends_the_rest(
    stage: Stage,
) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    is_begun = asyncio.Event()

    async def hang(_at: object) -> None:
        is_begun.set()
        await asyncio.Event().wait()

    world.script.before("end", 2, hang)
    incident = await stage.incident()
    await is_begun.wait()
    await stage.replace_worker()
    first = (await incident.until(lambda report: report.attempts)).attempts[0]

    assert first.outcome.status is OutcomeStatus.UNKNOWN
    assert [each.changed for each in first.outcome.touched] == [True] + [False] * 9
    assert first.outcome.detail == "its worker was told to end in the middle of the act"
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 10
    assert len({act.what for act in world.acts}) == 10
    assert world.reports[-1][1].attempts[0] == first.model_copy(update={"helped": False})


async def test_one_whose_worker_is_told_to_end_while_it_asks_is_denied_and_asks_the_next_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asking = asyncio.Event()

    async def ask(*_arguments: object) -> None:
        is_asking.set()
        await asyncio.Event().wait()

    stage.world.leak(10, stage.world.after(minutes=-2))
    with monkeypatch.context() as patch:
        patch.setattr(permits, "_answer", ask)
        incident = await stage.incident()
        await is_asking.wait()
        await stage.replace_worker()
    await denied(incident, "its worker was told to end before it was permitted")
    assert stage.world.kinds() == []

    await incident.step(seconds=5)
    await incident.until(noted("look after the act: the pool is free"))
    assert stage.world.kinds() == ["end"] * 10
