"""The index that a slow query lacks: asked for when its cancel did not last, created once, its gain told."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.fakes import cases, changes
from tests.fakes.changes import Change
from tests.fakes.indexes import advice
from tests.fakes.readings import SLOW_QUERY
from tests.fakes.state import State
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import RunningIncident, Stage, fresh_name
from workflows.errors import SourceRefused
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending

NAME = advice().name
DATABASE = {**cases.target().database.model_dump(), "index_dsn": "ORDERS_INDEX_DSN"}
RULES = cases.policy(options={"cancel": "alone", "terminate": "alone", "index": "alone"})
FIRST, AGAIN = 700, 800


def advise(**more: Any) -> Change:
    def apply(state: State, _at: Any) -> State:
        return State(**{**state.__dict__, "advice": advice(**more)})

    return apply


def still_runs(calls: int) -> Change:
    def apply(state: State, _at: Any) -> State:
        return State(**{**state.__dict__, "old_calls": calls})

    return apply


async def opened(open_stage: OpenStage, *, with_permits: bool = False, **more: Any) -> Stage:
    """A slow query that fills the pool again as soon as it was cancelled."""
    server = {"name": fresh_name()} if with_permits else {}
    stage = await open_stage(database=DATABASE | server, with_permits=with_permits)
    world, name, database = stage.world, stage.target.instances[0].name, stage.target.database
    world.happens(advise(**more), world.after(minutes=-2))
    first = changes.slow_down(name, database, range(FIRST, FIRST + 10), SLOW_QUERY)
    again = changes.slow_down(name, database, range(AGAIN, AGAIN + 10), SLOW_QUERY)
    world.happens(first, world.after(minutes=-1))
    world.script.after("cancel_queries", 1, lambda at: world.happens(again, at + timedelta(milliseconds=1)))
    return stage


async def asked(stage: Stage) -> tuple[RunningIncident, str]:
    """The request for the index, once there is one, and its effect."""
    incident = await stage.incident(RULES)
    await incident.step(seconds=20)
    request = await incident.asked()
    return incident, request.id


async def test_an_index_is_created_once_a_person_has_said_so_and_its_gain_is_told(
    open_stage: OpenStage,
) -> None:
    stage = await opened(open_stage)
    incident, request = await asked(stage)
    effect = (await incident.state()).requests[-1].effect
    assert f"CREATE INDEX CONCURRENTLY {NAME} ON public.parcels_of_tests (receiver)" in effect
    assert f"To take it back: DROP INDEX CONCURRENTLY public.{NAME}" in effect
    assert "index" not in stage.world.kinds()

    await incident.decide(request, "ada")
    await incident.until(lambda report: len(report.attempts) > 1)
    await incident.resolve()
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED
    assert stage.world.kinds() == ["cancel"] * 10 + ["index"]
    report = stage.world.reports[-1][1]
    assert report.attempts[-1].decided_by == "ada"
    detail = report.attempts[-1].outcome.detail
    assert "plan of query 4712: cost 5000 before the index, 8 with it" in detail
    assert "took 2 ms on average over" in detail
    assert "calls that ended since the index; before it, 3 ms over all calls since the stat" in detail
    assert stage.world.script.calls["measure_query"] == 2


async def test_what_cannot_be_read_of_the_gain_is_told_as_that(open_stage: OpenStage) -> None:
    stage = await opened(open_stage)
    refusal = SourceRefused("pg_stat_statements is not installed")
    stage.world.script.after(
        "measure_query", 1, lambda _at: stage.world.script.fail("measure_query", refusal)
    )
    incident, request = await asked(stage)

    await incident.decide(request, "ada")
    await incident.until(lambda report: len(report.attempts) > 1)
    await incident.resolve()
    await incident.finish()

    detail = stage.world.reports[-1][1].attempts[-1].outcome.detail
    assert "what query 4712 took since could not be read: measure_query: pg_stat_statements is not" in detail
    assert "was not called" not in detail


async def test_what_ran_when_the_counting_began_is_told_as_older_than_the_index(
    open_stage: OpenStage,
) -> None:
    stage = await opened(open_stage)
    stage.world.happens(still_runs(3), stage.world.after(minutes=-1))
    incident, request = await asked(stage)

    await incident.decide(request, "ada")
    await incident.until(lambda report: len(report.attempts) > 1)
    await incident.resolve()
    await incident.finish()

    detail = stage.world.reports[-1][1].attempts[-1].outcome.detail
    assert "calls that ended since the index, of which up to 3 began before it; before it, 3 ms" in detail


async def test_a_refused_index_is_not_asked_for_again(open_stage: OpenStage) -> None:
    stage = await opened(open_stage)
    incident, request = await asked(stage)

    await incident.decide(request, "ada", approve=False, reason="the table is moved tonight")
    await incident.step(minutes=30)

    report = await incident.state()
    assert "index" not in stage.world.kinds()
    assert len(report.requests) == 1
    assert [page for page in stage.world.paged("L2") if "the table is moved tonight" in page.body]


async def test_an_answer_that_is_lost_is_unknown_and_it_is_not_created_twice(open_stage: OpenStage) -> None:
    stage = await opened(open_stage)
    stage.world.script.lose("create_index")
    incident, request = await asked(stage)

    await incident.decide(request, "ada")
    report = await incident.until(lambda report: len(report.attempts) > 1)

    assert report.attempts[-1].outcome.status is OutcomeStatus.UNKNOWN
    await incident.step(minutes=3)
    assert stage.world.kinds().count("index") == 1
    assert stage.world.script.calls["create_index"] == 1


async def test_what_stands_in_its_way_goes_to_people(open_stage: OpenStage) -> None:
    stage = await opened(open_stage, in_the_way=("pid 7 (nightly, orders) has a lock on the table",))
    incident = await stage.incident(RULES)
    await incident.step(seconds=30)

    (page,) = stage.world.paged("L2")
    assert "pid 7 (nightly, orders) has a lock on the table" in page.body
    assert not (await incident.state()).requests


async def test_without_a_login_people_are_told_that_none_is_named(open_stage: OpenStage) -> None:
    stage = await open_stage()
    world, name, database = stage.world, stage.target.instances[0].name, stage.target.database
    world.happens(
        changes.slow_down(name, database, range(FIRST, FIRST + 10), SLOW_QUERY), world.after(minutes=-1)
    )
    again = changes.slow_down(name, database, range(AGAIN, AGAIN + 10), SLOW_QUERY)
    world.script.after("cancel_queries", 1, lambda at: world.happens(again, at + timedelta(milliseconds=1)))
    incident = await stage.incident(RULES)
    await incident.step(seconds=30)

    (page,) = world.paged("L2")
    assert "database.index_dsn" in page.body
    assert world.script.calls["advise_index"] == 0


async def test_a_late_yes_rests_on_a_new_look(open_stage: OpenStage) -> None:
    stage = await opened(open_stage)
    incident, request = await asked(stage)
    await incident.step(minutes=3)
    before = stage.world.script.calls["read_database"]

    await incident.decide(request, "ada")
    await incident.until(lambda report: len(report.attempts) > 1)

    assert stage.world.script.calls["read_database"] == before + 1
    assert stage.world.kinds()[-1] == "index"


async def test_a_worker_told_to_end_while_it_is_created_bars_nothing(open_stage: OpenStage) -> None:
    """No failure of the index: the next worker asks for it again, and creates it."""
    stage = await opened(open_stage, with_permits=True)
    is_building = asyncio.Event()

    async def hang(_at: object) -> None:
        is_building.set()
        await asyncio.Event().wait()

    stage.world.script.before("build", 1, hang)
    incident, request = await asked(stage)
    await incident.decide(request, "ada")
    await is_building.wait()
    await stage.replace_worker()
    report = await incident.until(lambda report: len(report.attempts) > 1)

    outcome = report.attempts[-1].outcome
    assert outcome.status is OutcomeStatus.NOTHING
    assert [(each.changed, each.result) for each in outcome.touched] == [(False, "not created")]
    assert "told to end" in outcome.detail
    assert "index" not in stage.world.kinds()

    await incident.step(minutes=2)
    again = (await incident.until(lambda report: len(report.requests) > 1)).requests[-1]
    await incident.decide(again.id, "ada")
    report = await incident.until(lambda report: len(report.attempts) > 2)
    assert report.attempts[-1].outcome.status is OutcomeStatus.DONE
    assert stage.world.kinds()[-1] == "index"
