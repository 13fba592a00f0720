"""An alert that comes and goes a hundred times makes no storm of acts or pages."""

from collections import Counter
from datetime import timedelta

from activities.report_parts import course
from tests.workflow.stage import Stage
from workflows.models.alert import AlertStatus
from workflows.models.page import Level
from workflows.models.report import Ending

EPISODES = 100
HALF = timedelta(seconds=20)
"""It fires for so long, and is gone for so long."""


async def test_a_hundred_episodes_of_a_free_pool_page_each_level_once_and_touch_nothing(
    stage: Stage,
) -> None:
    began = stage.world.opened
    incident = await stage.incident()
    for episode in range(1, EPISODES):
        await incident.step(seconds=HALF.total_seconds())
        await incident.fire(began + (episode - 1) * 2 * HALF, AlertStatus.RESOLVED)
        await incident.step(seconds=HALF.total_seconds())
        await incident.fire(began + episode * 2 * HALF)

    report = await incident.until(lambda report: report.firings >= EPISODES)
    assert report.firings == EPISODES
    assert sum("is firing" in entry.text for entry in report.timeline) > 1
    assert stage.world.kinds() == []
    assert Counter(page.level for _at, page in stage.world.pages) == {
        Level.L1: 1,  # that it looks free
        Level.L2: 1,  # that it is not resolved after 15 minutes
        Level.L3: 1,  # nor after 30
    }
    assert not await incident.is_over()


async def test_how_often_it_fired_is_told_at_the_end(stage: Stage) -> None:
    began = stage.world.opened
    incident = await stage.incident()
    await incident.fire(began, AlertStatus.FIRING)  # the same again, as Alertmanager repeats it
    for episode in (1, 2):
        await incident.step(seconds=HALF.total_seconds())
        await incident.fire(began + (episode - 1) * 2 * HALF, AlertStatus.RESOLVED)
        await incident.step(seconds=HALF.total_seconds())
        await incident.fire(began + episode * 2 * HALF)
    await incident.step(seconds=HALF.total_seconds())
    await incident.fire(began + 2 * 2 * HALF, AlertStatus.RESOLVED)
    summary = await incident.finish()

    assert summary.outcome is Ending.NOTHING_FOUND
    assert summary.firings == 3
    _at, report = stage.world.reports[-1]
    assert report.firings == 3
    told = "The alert fired 3 times in this incident, every instance counted."
    assert told in course(report)
    assert told in stage.world.paged("L1")[-1].body.split("\n")
