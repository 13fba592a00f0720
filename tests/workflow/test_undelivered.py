"""Pages that no route takes: told again, for as long as the incident lasts."""

import pytest

from tests.fakes import cases, changes
from tests.workflow.stage import Stage
from workflows.errors import NotConfigured, SourceUnavailable
from workflows.models.report import Report

OBSERVE = cases.policy(mode="observe")
SLOW = "the database server itself is slow"
ACKNOWLEDGED = "nobody has acknowledged"


def lost(report: Report, level: str, words: str) -> list[str | None]:
    """Why these pages did not get out."""
    return [
        each.failure
        for each in report.escalations
        if each.level == level and words in each.reason and each.delivered_by is None
    ]


def titles(stage: Stage, level: str, words: str = "") -> list[str]:
    return [page.title for page in stage.world.paged(level) if words in page.title]


@pytest.fixture
def exhausted(stage: Stage) -> Stage:
    """A pool that stays exhausted, for `observe` touches nothing."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    return stage


def lose_pages(stage: Stage, times: int) -> None:
    """The next pages are given up."""
    stage.world.script.fail("send_page", NotConfigured("no route of it is there"), times=times)


async def test_a_hand_over_that_no_route_took_is_told_again_at_the_next_look(stage: Stage) -> None:
    stage.world.happens(changes.lose_standby(), stage.world.after(minutes=-1))
    lose_pages(stage, 2)
    incident = await stage.incident()
    await incident.until(lambda report: lost(report, "L1", "degraded") and lost(report, "L2", SLOW))
    assert stage.world.pages == []

    await incident.step(minutes=3)

    assert len(titles(stage, "L1", "degraded")) == 1
    assert len(titles(stage, "L2", SLOW)) == 1
    assert lost(await incident.state(), "L2", SLOW) == ["send_page: no route of it is there"]


async def test_a_page_that_is_tried_again_is_known_as_under_way(exhausted: Stage) -> None:
    exhausted.world.script.fail("send_page", SourceUnavailable("no answer"), times=2)
    incident = await exhausted.incident(OBSERVE)

    stuck = await incident.until(lambda report: report.under_way)

    assert [(page.level, page.delivered_by) for page in stuck.under_way] == [("L1", None)]
    assert stuck.escalations == ()
    await incident.until(lambda report: report.escalations and not report.under_way)


async def test_a_clock_that_no_route_took_calls_again_at_the_next_look(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.until(lambda _report: titles(exhausted, "L1"))
    lose_pages(exhausted, 1)
    await incident.step(minutes=5, seconds=10)
    await incident.until(lambda report: lost(report, "L2", ACKNOWLEDGED))
    assert titles(exhausted, "L2") == []

    await incident.step(minutes=9)

    assert len(titles(exhausted, "L2", ACKNOWLEDGED)) == 1


async def test_what_level_one_was_not_told_is_announced_again(exhausted: Stage) -> None:
    lose_pages(exhausted, 1)
    incident = await exhausted.incident(OBSERVE)
    await incident.until(lambda report: lost(report, "L1", "leak"))
    assert titles(exhausted, "L1") == []

    await incident.step(minutes=4)

    assert len(titles(exhausted, "L1", "leak")) == 1


async def test_what_no_route_took_is_not_told_once_it_is_over(exhausted: Stage) -> None:
    (instance,) = exhausted.target.instances
    ended = exhausted.world.after(minutes=5, seconds=5)
    exhausted.world.happens(changes.change_app(instance.name, leaked=()), ended)
    incident = await exhausted.incident(OBSERVE)
    await incident.until(lambda _report: titles(exhausted, "L1"))
    lose_pages(exhausted, 1)
    await incident.step(minutes=5, seconds=10)
    await incident.until(lambda report: lost(report, "L2", ACKNOWLEDGED))

    await incident.resolve()
    await incident.finish()

    assert titles(exhausted, "L2") == []
