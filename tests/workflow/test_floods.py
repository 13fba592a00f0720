"""However large or many the messages are, the run goes on, its clocks page, and it ends in a report."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import RunningIncident, Stage
from workflows.budget import MOST_BYTES
from workflows.models.approval import Decision
from workflows.models.report import Ending, Report

HUGE = "x" * 1_500_000
LARGE = "x" * 2_000


async def waiting(stage: Stage) -> RunningIncident:
    """A leak that nobody may end without approval."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    await incident.asked()
    return incident


async def goes_on(stage: Stage, incident: RunningIncident) -> Report:
    """The clocks still call, a person still decides, and the report is stored: the last one."""
    await incident.step(minutes=6)
    assert [page for page in stage.world.paged("L2") if "acknowledged" in page.title]
    await incident.step(minutes=10)
    assert [page for page in stage.world.paged("L2") if "not resolved" in page.title]
    assert (await incident.decide((await incident.asked()).id, "ada")).accepted
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert not [one for one in (await incident.history()).events if _is_fault(one)]
    (_, report) = stage.world.reports[-1]
    assert report.complete
    assert len(report.model_dump_json().encode()) <= MOST_BYTES
    return report


def _is_fault(event: HistoryEvent) -> bool:
    """A task that the worker failed; the server fails some of its own accord when it is busy."""
    is_failed = event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    return is_failed and event.workflow_task_failed_event_attributes.identity == "stage"


async def test_an_answer_with_a_huge_name(stage: Stage) -> None:
    incident = await waiting(stage)
    await incident.signal("approve", {"request": "other", "by": HUGE})
    await incident.signal("approve", {"request": "other", "by": "eve", "reason": HUGE})
    await incident.until(lambda report: len(report.decisions) == 2)
    report = await goes_on(stage, incident)
    assert report.decisions[0].by == "x" * 99 + "…"


async def test_a_huge_answer_by_command(stage: Stage) -> None:
    incident = await waiting(stage)
    for said in ({"by": HUGE}, {"request": HUGE}, {"reason": HUGE}):
        answer = {"request": "other", "by": "ada", "approve": True, **said}
        decision = await incident.handle.execute_update("decide", answer, result_type=Decision)
        assert not decision.accepted
    report = await goes_on(stage, incident)
    assert [each.accepted for each in report.decisions] == [False, False, False, True]


async def test_six_hundred_answers(stage: Stage) -> None:
    incident = await waiting(stage)
    for begin in range(0, 600, 50):
        names = [f"{number}-{LARGE}" for number in range(begin, begin + 50)]
        await asyncio.gather(
            *(incident.signal("approve", {"request": "other", "by": name}) for name in names)
        )
    await incident.until(lambda report: "500 of 600 decisions" in report.left_out)
    report = await goes_on(stage, incident)
    assert [each.by for each in report.decisions if each.accepted] == ["ada"]
    assert "501 of 601 decisions" in report.left_out


async def test_alerts_with_huge_names(stage: Stage) -> None:
    incident = await waiting(stage)
    for number in range(2):
        first = cases.alert(stage.target, stage.world.after(seconds=number), fingerprint="other")
        sent = first.model_dump(mode="json") | {"name": HUGE}
        await incident.signal("alert", sent)
        await incident.signal("alert", sent | {"status": "resolved"})
    await incident.until(lambda report: len([line for line in report.timeline if "xxx" in line.text]) == 4)
    await goes_on(stage, incident)


@pytest.mark.parametrize("name", ["alert", "approve", "reject", "acknowledge"])
async def test_a_huge_message_of_another_kind(stage: Stage, name: str) -> None:
    """Whatever else is large: a list, an object of many keys, a text of many lines."""
    incident = await waiting(stage)
    sent: list[Any] = [
        HUGE,
        [HUGE],
        {f"key-{number}": "x" for number in range(60_000)},
        "\n" * 1_000_000,
    ]
    for payload in sent:
        await incident.signal(name, payload)
    report = await incident.until(lambda report: sum(_told(line.text) for line in report.timeline) >= 4)
    assert all(len(line.text) <= 1000 for line in report.timeline)
    await incident.step(minutes=16)
    assert [page for page in stage.world.paged("L2") if "not resolved" in page.title]


def _told(text: str) -> bool:
    return "paged" not in text and any(word in text for word in ("could not be read", "no name", "xxx"))


async def test_a_leak_of_five_hundred_sessions_that_comes_and_goes(open_stage: OpenStage) -> None:
    """Each time it is a diagnosis with every session in it: together several payloads' worth."""
    stage = await open_stage(pool_size=500)
    world, name = stage.world, f"{stage.target.name}-1"
    world.leak(500, world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="observe"))
    await incident.step(minutes=3)
    for number in range(1, 7):
        at = world.after(minutes=3 * number)
        world.happens(changes.change_app(name, leaked=()), at)
        world.leak(500, at + timedelta(minutes=1))
        await incident.fire(at)
        await incident.step(minutes=2, seconds=30)
        await incident.fire(at + timedelta(minutes=1))
        await incident.step(seconds=30)
    await incident.step(minutes=10)

    report = await incident.state()
    assert len(report.diagnoses) > 12
    assert len(report.diagnoses[0].first.sessions) == 500
    assert len(report.model_dump_json().encode()) <= MOST_BYTES
    assert "sessions of every diagnosis but the first" in report.left_out[0]
    assert [page for page in world.paged("L3") if "still not resolved" in page.title]
    assert not [one for one in (await incident.history()).events if _is_fault(one)]
