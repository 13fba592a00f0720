"""The report so far: in the hands of whoever is called, and never in the way of a page."""

import asyncio
from datetime import datetime

import pytest

from tests.fakes import cases, changes
from tests.workflow.stage import Stage
from workflows.errors import SourceUnavailable
from workflows.models.diagnosis import Cause
from workflows.models.page import Level, Page
from workflows.models.report import Ending
from workflows.models.verdict import State

SLOW = 12.0
"""Seconds until it is stored, in which a clear window begins and ends."""
OBSERVE = cases.policy(mode="observe")


@pytest.fixture
def exhausted(stage: Stage) -> Stage:
    """A pool that stays exhausted, for `observe` touches nothing."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    return stage


def calls(stage: Stage) -> list[tuple[datetime, Page]]:
    return [(at, page) for at, page in stage.world.pages if page.level is not Level.L1]


def reports(page: Page) -> list[str]:
    """Addresses of reports in the page's links."""
    return [address for name, address in page.links.items() if name.startswith("report, as of ")]


async def test_who_is_called_gets_the_report_as_it_stands_then(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=40)

    stored = exhausted.world.reports
    found = [(at, page) for at, page in calls(exhausted)]
    assert [page.level for _at, page in found] == [Level.L2, Level.L2, Level.L3]
    assert len(stored) == 3
    for (called_at, page), (stored_at, report) in zip(found, stored, strict=True):
        assert len(reports(page)) == 1
        assert (called_at - stored_at).total_seconds() < 1
        assert report.outcome is Ending.OPEN
        assert [each.first.cause for each in report.diagnoses] == [Cause.LEAK]
    assert not [page for page in exhausted.world.paged("L1") if reports(page)]


async def test_a_storage_that_fails_is_told_and_holds_no_page_back(exhausted: Stage) -> None:
    exhausted.world.script.fail("store_report", SourceUnavailable("no space is left"))
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=6)

    ((_at, page),) = calls(exhausted)
    assert reports(page) == []
    told = [entry.text for entry in (await incident.state()).timeline]
    assert "the report so far could not be stored: store_report: no space is left" in " ".join(told)
    assert exhausted.world.script.calls["store_report"] == 1


async def test_a_storage_that_hangs_holds_a_page_back_for_a_second(exhausted: Stage) -> None:
    exhausted.world.script.hang("store_report", times=10)
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=6)

    ((at, page),) = calls(exhausted)
    assert reports(page) == []
    assert (at - exhausted.world.opened).total_seconds() < 5 * 60 + 2


async def test_the_report_of_the_recovery_waits_for_one_that_is_still_being_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came after it would overwrite it."""
    monkeypatch.setattr("tests.fakes.prometheus.SCRAPE_SECONDS", 1)
    world = stage.world
    world.happens(changes.lose_standby(), world.after(minutes=-1))
    world.script.before("store_report", 1, lambda _at: asyncio.sleep(SLOW))
    incident = await stage.incident(cases.policy(clear_window={"length": "4s", "step": "1s"}))
    await incident.until(lambda _report: world.paged("L2"))
    world.happens(changes.find_standby(), world.now())
    await incident.resolve()
    recovered = await incident.until(lambda report: report.verdicts)
    assert recovered.verdicts[-1].state is State.RECOVERED
    assert not world.reports
    await incident.step(minutes=1)

    assert [report.outcome for _at, report in world.reports] == [Ending.OPEN, Ending.HANDED_OVER]
