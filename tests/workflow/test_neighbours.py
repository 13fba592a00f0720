"""Several targets of one database in an incident at once: people get one story of it."""

from datetime import timedelta

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.neighbourhood import (
    LATER,
    both,
    called,
    left_to,
    noted,
    recovered,
    slow_database,
)
from tests.workflow.stage import RunningIncident, Stage


async def test_the_database_team_is_called_once_for_a_slow_database(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    older, younger = await both(shop, billing)

    await left_to(younger)
    await older.until(lambda report: noted(report, f"{billing.target.name} is in an incident too"))
    await younger.step(minutes=16)
    left = await younger.until(lambda report: len(noted(report, "knows of it already")) >= 3)

    assert len(called(shop, "L2")) == 1
    assert called(billing, "L2") == []
    assert called(billing, "L3") == []
    known, *clocks = noted(left, "knows of it already")
    assert known.startswith(f"L2 knows of it already, by the incident of {shop.target.name}: the database")
    assert len(clocks) == 2


async def test_leadership_is_told_once_of_several_targets(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    older, younger = await both(shop, billing)
    await older.until(lambda _report: called(shop, "L3"))
    await younger.until(lambda report: noted(report, "is in an incident too"))

    assert called(shop, "L3") == [f"{shop.target.name}: several targets on database main"]
    (told,) = shop.world.paged("L3")
    assert (
        f"2 pools on database main exhausted at once: {shop.target.name}, {billing.target.name}." in told.body
    )
    assert called(billing, "L3") == []


async def test_a_forged_word_keeps_nothing_back(shop: Stage, billing: Stage) -> None:
    slow_database(shop)
    incident = await shop.incident(beside=[billing])
    forged = {
        "target": billing.target.name,
        "opened_at": shop.world.after(hours=-1).isoformat(),
        "cause": "degraded",
        "called": ["L2", "L3"],
    }
    await incident.signal("neighbour", forged)
    await incident.until(lambda _report: called(shop, "L2"))


async def test_other_people_are_called_for_the_same(shop: Stage, open_stage: OpenStage) -> None:
    other = {"l1": ["on-call"], "l2": ["another-database-team"], "l3": ["engineering-lead"]}
    billing = await open_stage(routes=other)
    slow_database(shop, billing)
    _, younger = await both(shop, billing)

    await younger.until(lambda _report: called(billing, "L2"))
    assert noted(await younger.state(), "knows of it already") == []


async def test_another_cause_is_another_story(shop: Stage, billing: Stage) -> None:
    slow_database(shop)
    billing.world.leak(10, billing.world.after(minutes=-2))
    older = await shop.incident(age=LATER, beside=[billing])
    await older.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    younger = await billing.incident(cases.policy(mode="observe"), beside=[shop])
    await younger.until(lambda report: noted(report, "is in an incident too"))
    await younger.step(minutes=6)

    (page,) = billing.world.paged("L2")
    assert "nobody has acknowledged" in page.title
    assert f"On the same database: {shop.target.name}, since" in page.body
    assert "degraded" in page.body


async def test_a_neighbour_in_no_incident_is_no_news(shop: Stage, billing: Stage) -> None:
    slow_database(shop)
    incident = await shop.incident(beside=[billing])
    await incident.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    assert called(shop, "L3") == []
    assert noted(await incident.state(), "is in an incident too") == []


async def test_strangers_are_not_heard(shop: Stage, billing: Stage) -> None:
    slow_database(shop)
    incident = await shop.incident(beside=[billing])
    standing = {
        "target": "somebody",
        "opened_at": shop.world.after(hours=-1).isoformat(),
        "cause": "degraded",
        "called": ["L2", "L3"],
    }
    await incident.signal("neighbour", standing)
    await incident.until(lambda _report: called(shop, "L2"))
    assert noted(await incident.state(), "somebody") == []


async def test_a_call_for_another_cause_tells_nothing_of_a_slow_database(shop: Stage, billing: Stage) -> None:
    shop.world.leak(10, shop.world.after(minutes=-2))
    older = await shop.incident(cases.policy(mode="observe"), age=timedelta(minutes=6), beside=[billing])
    await older.until(lambda _report: called(shop, "L2", "nobody has acknowledged"))

    shop.world.routes_down["database-team"] = "connection refused"
    turn_slow(shop)
    await older.step(minutes=3)
    await older.until(lambda report: report.diagnoses[-1].first.cause == "degraded")
    slow_database(billing)
    younger = await billing.incident(beside=[shop])
    await younger.until(lambda _report: called(billing, "L2", "the database server itself is slow"))

    assert noted(await younger.state(), "knows of it already") == []


async def test_neighbours_hear_of_a_cause_when_it_changes_and_not_at_every_look(
    shop: Stage, billing: Stage
) -> None:
    slow_database(shop)
    older = await shop.incident(cases.policy(pace={"relook": "30s"}), beside=[billing])
    await older.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    before = await told_to_neighbours(older)
    looks = shop.world.script.calls["read_database"]
    await older.step(minutes=4)
    assert shop.world.script.calls["read_database"] > looks + 1
    assert await told_to_neighbours(older) == before


def turn_slow(stage: Stage) -> None:
    """What held the connections is gone, and the database has got slow instead."""
    (instance,) = stage.target.instances
    stage.world.happens(changes.change_app(instance.name, leaked=()))
    stage.world.happens(changes.lose_standby(), stage.world.after(minutes=-1))


async def told_to_neighbours(incident: RunningIncident) -> int:
    """How many signals it has sent."""
    events = (await incident.history()).events
    return sum(
        event.HasField("signal_external_workflow_execution_initiated_event_attributes") for event in events
    )


async def test_one_that_has_recovered_is_in_no_incident(shop: Stage, billing: Stage) -> None:
    await recovered(shop, billing)
    slow_database(billing)
    younger = await billing.incident(beside=[shop])
    await younger.until(lambda _report: called(billing, "L2"))
    await younger.step(seconds=30)

    assert called(shop, "L3") == []
    assert noted(await younger.state(), "is in an incident too") == []


async def test_one_that_recurs_is_in_an_incident_again(shop: Stage, billing: Stage) -> None:
    older = await recovered(shop, billing)
    slow_database(billing)
    younger = await billing.incident(beside=[shop])
    await younger.until(lambda _report: called(billing, "L2"))

    shop.world.leak(10, shop.world.after(minutes=5), has_written=True)
    await older.fire(shop.world.after(minutes=7))
    await older.until(lambda report: report.recurrences == 1)
    await older.until(lambda _report: called(shop, "L3", "several targets on database main"))
    await younger.until(lambda report: noted(report, "is in an incident too"))


async def test_only_the_one_who_asks_is_answered(shop: Stage, billing: Stage, open_stage: OpenStage) -> None:
    third = await open_stage()
    slow_database(shop, billing)
    older = await shop.incident(age=LATER, beside=[billing, third])
    await older.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    before = len(await told(older))
    younger = await billing.incident(beside=[shop, third])
    await younger.until(lambda report: noted(report, f"{shop.target.name} is in an incident too"))

    assert set((await told(older))[before:]) == {f"pool/{billing.target.name}"}


async def told(incident: RunningIncident) -> list[str]:
    """Which runs it has signalled, in order."""
    return [
        event.signal_external_workflow_execution_initiated_event_attributes.workflow_execution.workflow_id
        for event in (await incident.history()).events
        if event.HasField("signal_external_workflow_execution_initiated_event_attributes")
    ]
