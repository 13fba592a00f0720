"""The clear window and the watch: what breaks them, and what a recurrence knows."""

from datetime import datetime

import pytest

from tests.fakes import cases, changes
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.alert import AlertStatus
from workflows.models.report import Ending
from workflows.models.verdict import State


async def healed(stage: Stage) -> RunningIncident:
    """A leak that was ended; the clear window has begun."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(seconds=10)
    assert stage.world.kinds() == ["end"] * 10
    return incident


async def test_the_window_broken_at_its_very_end_is_no_recovery(stage: Stage) -> None:
    incident = await healed(stage)
    stage.world.leak(10, stage.world.after(minutes=4, seconds=50))
    await incident.step(minutes=5)

    report = await incident.state()
    assert report.verdicts[0].state is State.NOT_RECOVERED
    assert report.outcome is Ending.OPEN
    assert not stage.world.reports
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert stage.world.kinds() == ["end"] * 20


async def test_a_short_break_inside_the_window_shows(stage: Stage) -> None:
    incident = await healed(stage)
    world, name = stage.world, f"{stage.target.name}-1"
    world.leak(10, world.after(minutes=2))
    world.happens(changes.change_app(name, leaked=()), world.after(minutes=2, seconds=20))
    await incident.step(minutes=5, seconds=10)

    assert (await incident.state()).verdicts[0].state is State.NOT_RECOVERED


async def test_a_new_alert_breaks_the_window_at_once(stage: Stage) -> None:
    incident = await healed(stage)
    await incident.step(minutes=1)
    stage.world.leak(10, stage.world.after(minutes=1))
    await incident.fire(stage.world.after(minutes=1))
    await incident.step(seconds=45)

    assert len(stage.world.acts) == 20
    assert not (await incident.state()).verdicts


async def test_a_recurrence_in_the_watch_comes_into_the_same_run(stage: Stage) -> None:
    incident = await healed(stage)
    await incident.step(minutes=10)
    first = await incident.state()
    assert first.outcome is Ending.RECOVERED
    stage.world.leak(10, stage.world.after(minutes=8))
    again = incident.case.model_copy(
        update={"alert": cases.alert(stage.target, stage.world.after(minutes=9))}
    )
    await stage.deliver(again)
    await incident.step(seconds=30)
    summary = await incident.finish()

    (_, last) = stage.world.reports[-1]
    assert last.run_id == first.run_id
    assert summary.recurrences == 1
    assert len(last.attempts) == 2
    assert stage.world.kinds() == ["end"] * 20


@pytest.mark.parametrize(("report", "minutes"), [(1, 6), (2, 37)], ids=["recovered", "closed"])
async def test_an_alert_that_fires_while_a_report_is_stored_is_a_recurrence_at_once(
    stage: Stage, report: int, minutes: int
) -> None:
    """Nobody waits for an alert then, and its 2xx was given."""
    incident, world = await healed(stage), stage.world
    begun = (await incident.state()).run_id

    async def fires(at: datetime) -> None:
        world.leak(10, at)
        await incident.fire(at)

    world.script.before("store_report", report, fires)
    await incident.resolve()
    await incident.step(minutes=minutes)
    again = await incident.state()
    assert (again.run_id, again.recurrences, again.outcome) == (begun, 1, Ending.OPEN)
    await incident.fire(world.after(minutes=minutes), AlertStatus.RESOLVED)
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 20


async def test_the_watch_sees_by_itself_what_no_alert_told(stage: Stage) -> None:
    incident = await healed(stage)
    await incident.step(minutes=10)
    stage.world.leak(10, stage.world.after(minutes=12))
    summary = await incident.finish()

    assert summary.recurrences == 1
    assert summary.outcome is Ending.RECOVERED


async def test_a_recurrence_knows_what_was_tried_and_does_not_simply_repeat_it(stage: Stage) -> None:
    world, name = stage.world, f"{stage.target.name}-1"
    world.happens(changes.change_app(name, returns_slot=False), world.began)
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(minutes=10)
    assert world.kinds() == ["end"] * 10 + ["restart"]
    world.leak(10, world.after(minutes=8))
    await incident.fire(world.after(minutes=9))
    await incident.step(minutes=30)

    assert world.kinds().count("restart") <= 2
    report = await incident.state()
    assert report.recurrences == 1
    limit = cases.policy().limits.attempts_per_option
    assert len([one for one in report.attempts if one.proposal.act.option == "terminate"]) <= limit


async def test_a_recurrence_has_clocks_of_its_own(stage: Stage) -> None:
    incident = await healed(stage)
    await incident.step(minutes=10)
    world = stage.world
    world.happens(changes.silence("ada: hands off"), world.after(minutes=7))
    world.leak(10, world.after(minutes=8))
    await incident.fire(world.after(minutes=9))
    await incident.step(minutes=40)

    late = [
        (at - world.opened).total_seconds() / 60 for at, page in world.pages if "not resolved" in page.title
    ]
    assert late
    assert 20 < min(late) < 27
    stored = "Report, as of the last recovery: "
    (told,) = [line for line in world.paged("L3")[0].body.split("\n") if line.startswith(stored)]
    assert told != f"{stored}None"


async def test_the_run_does_not_end_while_the_alert_fires(stage: Stage) -> None:
    """The pool is below 95 % again, yet no delivery and no metric says that the alert is over."""
    incident = await healed(stage)
    stage.world.happens(changes.blind("metrics"), stage.world.after(minutes=6))
    await incident.step(minutes=50)
    assert not await incident.is_over()
    await incident.resolve()
    await incident.finish()
    assert await incident.is_over()


async def test_every_look_of_the_watch_is_taken(stage: Stage) -> None:
    incident = await healed(stage)
    before = stage.world.script.calls["read_application"]
    await incident.resolve()
    await incident.finish()
    assert stage.world.script.calls["read_application"] >= before + 3


async def fires_again(stage: Stage, incident: RunningIncident, minutes: float) -> None:
    """The same leak, and its alert; then there is time for one look and an act."""
    at = stage.world.after(minutes=minutes)
    stage.world.leak(10, at)
    await incident.fire(at)
    await incident.step(seconds=45)


async def test_an_alert_is_heard_at_once_though_a_report_cannot_be_stored_for_minutes(stage: Stage) -> None:
    """What is not stored now is stored at the next end."""
    incident, world = await healed(stage), stage.world
    world.script.fail("store_report")
    await incident.resolve()
    await incident.step(minutes=6)
    assert world.script.calls["store_report"] > 1
    await fires_again(stage, incident, 6)
    assert world.kinds() == ["end"] * 20

    world.script.heal("store_report")
    await incident.fire(world.after(minutes=7), AlertStatus.RESOLVED)
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.reports[-1][1].recurrences == 1


async def test_an_alert_is_heard_at_once_though_a_page_is_still_tried_at_the_end(stage: Stage) -> None:
    incident, world = await healed(stage), stage.world
    world.routes_down["on-call"] = "connection refused"
    await incident.resolve()
    await incident.step(minutes=38)
    closed = await incident.state()
    assert any(entry.text == "closed" for entry in closed.timeline)
    assert not await incident.is_over()
    await fires_again(stage, incident, 38)
    assert world.kinds() == ["end"] * 20

    world.routes_down.clear()
    await incident.fire(world.after(minutes=39), AlertStatus.RESOLVED)
    assert (await incident.finish()).recurrences == 1


async def test_a_recurrence_looks_and_waits_as_at_the_first_time(stage: Stage) -> None:
    """Fruitless looks of the episode before keep nobody waiting, and one blind look calls nobody."""
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail("read_database", times=8)
    incident = await stage.incident()
    await incident.step(minutes=15)
    assert world.kinds() == ["end"] * 10
    await incident.step(minutes=6)
    assert (await incident.state()).outcome is Ending.RECOVERED
    called = len(world.paged("L2"))

    world.script.fail("read_database", times=2)
    await fires_again(stage, incident, 21)
    assert world.kinds() == ["end"] * 20
    assert len(world.paged("L2")) == called
