"""A slow query: cancelled, ended where it does not heed, handed over when it returns."""

import pytest

from tests.fakes import cases, changes
from tests.fakes.readings import SLOW_QUERY
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import Stage
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.policy import Policy
from workflows.models.report import Ending

FIRST, AGAIN = 700, 800


def rules(cancel: str = "alone") -> Policy:
    return cases.policy(options={"cancel": cancel, "terminate": "alone", "restart": "alone"})


def slow_down(stage: Stage, first: int = FIRST, *, ago: float = 60.0, **how: bool) -> list[int]:
    """Every free connection runs the same query since then; the pids."""
    pids, world = list(range(first, first + 10)), stage.world
    name, database = stage.target.instances[0].name, stage.target.database
    world.happens(changes.slow_down(name, database, pids, SLOW_QUERY, **how), world.after(seconds=-ago))
    return pids


async def test_a_slow_query_is_cancelled_and_no_session_is_ended(open_stage: OpenStage) -> None:
    stage = await open_stage()
    stage.world.add_bystanders()
    pids = slow_down(stage)
    incident = await stage.incident(rules())
    stage.world.script.before("read_window", 1, incident.resolve)
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED
    assert summary.causes[0] == Cause.SLOW
    assert [(act.kind, int(act.what)) for act in stage.world.acts] == [("cancel", pid) for pid in pids]
    assert stage.world.asked_to_end == []
    assert not stage.world.paged("L2")


async def test_the_default_policy_asks_with_the_very_statements(open_stage: OpenStage) -> None:
    stage = await open_stage()
    pids = slow_down(stage)
    incident = await stage.incident()
    request = await incident.asked()
    assert stage.world.acts == []
    assert f"Cancel 10 statements of query {SLOW_QUERY}" in request.effect
    assert all(str(pid) in request.effect for pid in pids)

    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)

    assert stage.world.kinds() == ["cancel"] * 10


async def test_what_may_write_is_asked_about_whatever_the_policy_says(open_stage: OpenStage) -> None:
    stage = await open_stage()
    slow_down(stage, reads_only=False)
    incident = await stage.incident(rules())

    request = await incident.asked()

    assert stage.world.acts == []
    assert "has written, may write" in request.effect
    assert "is lost" in request.risk


async def test_when_it_returns_people_are_called_and_it_is_not_cancelled_again(open_stage: OpenStage) -> None:
    stage = await open_stage()
    pids = slow_down(stage)
    world, name = stage.world, stage.target.instances[0].name
    again = changes.slow_down(name, stage.target.database, range(AGAIN, AGAIN + 10), SLOW_QUERY)
    world.script.after("cancel_queries", 1, lambda at: world.happens(again, at))
    incident = await stage.incident(rules())
    await incident.step(minutes=5)

    assert [int(act.what) for act in world.acts] == pids
    (page,) = world.paged("L2")
    assert "to cancel it did not last" in page.body


async def test_what_does_not_heed_is_ended_after_its_cancel(open_stage: OpenStage) -> None:
    stage = await open_stage()
    pids = slow_down(stage, heeds_cancel=False)
    incident = await stage.incident(rules())
    stage.world.script.before("read_window", 1, incident.resolve)
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED
    assert stage.world.kinds() == ["cancel"] * 10 + ["end"] * 10
    assert [each.pid for each in stage.world.asked_to_end] == pids


async def test_a_cancel_whose_answer_is_lost_is_not_sent_twice(open_stage: OpenStage) -> None:
    stage = await open_stage()
    slow_down(stage)
    stage.world.script.lose("cancel_queries")
    incident = await stage.incident(rules())
    report = await incident.until(lambda report: report.attempts)

    assert stage.world.script.calls["cancel_queries"] == 1
    assert report.attempts[0].outcome.status is OutcomeStatus.UNKNOWN
    assert stage.world.kinds() == ["cancel"] * 10


async def test_observing_touches_nothing(open_stage: OpenStage) -> None:
    stage = await open_stage()
    slow_down(stage)
    incident = await stage.incident(rules().model_copy(update={"mode": "observe"}))
    report = await incident.until(lambda report: report.timeline and report.diagnoses)
    await incident.step(minutes=4)

    assert report.diagnoses[0].first.cause is Cause.SLOW
    assert stage.world.acts == []


@pytest.mark.parametrize("returns", [True, False], ids=["for one look", "for good"])
async def test_a_cause_that_one_look_does_not_see_is_looked_for_twice(
    open_stage: OpenStage, *, returns: bool
) -> None:
    stage = await open_stage()
    slow_down(stage)
    patient = cases.policy(mode="observe", options={"cancel": "alone"}, pace={"settle": "30s"})
    incident = await stage.incident(patient)
    seen = await incident.until(lambda report: report.diagnoses)
    assert [each.first.cause for each in seen.diagnoses] == [Cause.SLOW]

    stage.world.happens(changes.blind("database"), stage.world.after())
    await incident.step(seconds=patient.pace.relook.total_seconds() + 0.5)
    await incident.until(lambda report: report.diagnoses[-1].first.cause is Cause.UNKNOWN)
    assert not stage.world.paged("L2")
    if returns:
        stage.world.happens(changes.see("database"), stage.world.after())
    await incident.step(seconds=patient.pace.settle.total_seconds())

    if returns:
        await incident.until(lambda report: report.diagnoses[-1].first.cause is Cause.SLOW)
        assert not stage.world.paged("L2")
    else:
        await incident.until(lambda _report: stage.world.paged("L2"))
        assert "no known cause fits" in stage.world.paged("L2")[0].body
