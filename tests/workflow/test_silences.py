"""Somebody silences the alert while an incident is open: nothing is done."""

from collections.abc import Callable

from tests.fakes import cases, changes
from tests.fakes.quiet import Asked, Quiet
from tests.workflow.stage import Stage
from workflows.models.report import Report


def noted(words: str) -> Callable[[Report], list[str]]:
    return lambda report: [entry.text for entry in report.timeline if words in entry.text]


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
