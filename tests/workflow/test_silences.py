"""Somebody silences the alert while an incident is open: nothing is done, in the last moment too."""

from collections.abc import Callable

from tests.fakes import cases, changes
from tests.fakes.quiet import Asked, Quiet
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import Stage, fresh_name
from workflows.models.change import ChangeEnding
from workflows.models.report import Report


def noted(words: str) -> Callable[[Report], list[str]]:
    return lambda report: [entry.text for entry in report.timeline if words in entry.text]


async def guarded(open_stage: OpenStage, **changed: object) -> Stage:
    database = cases.target().database.model_dump() | {"name": fresh_name()}
    return await open_stage(with_permits=True, database=database, **changed)


async def test_one_between_guard_and_act_is_heeded_by_the_act(open_stage: OpenStage) -> None:
    world = (stage := await guarded(open_stage)).world
    world.leak(10, world.after(minutes=-2))
    world.script.after("read_silence", 1, lambda at: world.happens(changes.silence("ada: hands off"), at))
    incident = await stage.incident()
    await incident.until(noted("not done: the alert is silenced: ada: hands off"))
    report = await incident.state()
    assert noted("acting: ")(report)
    assert report.attempts == ()
    assert world.kinds() == []

    world.happens(changes.silence(None), world.after(minutes=2))
    await incident.step(minutes=5)
    await incident.until(noted("look after the act: the pool is free"))
    assert world.kinds() == ["end"] * 10


async def test_one_of_any_alert_of_the_incident_holds(stage: Stage) -> None:
    """It is known by the labels that came with the alert, not by the target's alone."""
    world = stage.world
    other = Quiet('silenced by "ada"', (Asked("instance", "web-2"),))
    world.happens(changes.quiet(other), world.began)
    incident = await stage.incident()
    second = cases.alert(stage.target, world.opened, fingerprint="f2", labels={"instance": "web-2"})
    await incident.signal("alert", second)
    world.leak(10, world.after(minutes=1))
    await incident.step(minutes=12)
    await incident.until(noted('the alert is silenced: silenced by "ada"'))
    assert world.kinds() == []


async def test_it_does_not_hold_back_the_end_of_a_temporary_size(open_stage: OpenStage) -> None:
    stage = await guarded(open_stage, pool_size=8, rate=100.0)
    stage.world.happens(changes.change_traffic(rate=40.0), stage.world.after(hours=3))
    incident = await stage.incident()
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(lambda report: report.attempts)
    stage.world.happens(changes.silence("ada: hands off"), stage.world.after(hours=1))
    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
