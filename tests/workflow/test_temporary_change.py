"""What was temporary ends: after its time, by its own run, whatever became of the incident."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from tests.fakes import cases, changes
from tests.workflow.stage import PATIENCE, RunningIncident, Stage
from workflows.attributes import TARGET
from workflows.errors import NotConfigured
from workflows.models.change import ChangeEnding, ChangeSummary, Said

NEEDS_ITS_SIZE = 100.0
QUIET = 40.0
"""Requests per second: ten connections and four, of a configured eight."""
MANY_EVENTS = 40


@pytest.fixture
async def stage(open_stage: Callable[..., Awaitable[Stage]]) -> Stage:
    """Ten connections wanted, eight there; quiet again after three hours."""
    made = await open_stage(pool_size=8, rate=NEEDS_ITS_SIZE)
    made.world.happens(changes.change_traffic(rate=QUIET), made.world.after(hours=3))
    return made


@pytest.fixture
async def enlarged(stage: Stage) -> RunningIncident:
    """An incident whose resize was approved and done."""
    incident = await stage.incident()
    request = await incident.asked()
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)
    assert stage.world.kinds() == ["resize"]
    return incident


def sizes(stage: Stage) -> list[int | None]:
    return [act.size for act in stage.world.acts]


async def test_it_is_reverted_after_its_time_though_the_incident_was_ended(
    stage: Stage, enlarged: RunningIncident
) -> None:
    await enlarged.handle.terminate("somebody ended it by hand")
    change = await stage.reverted()

    assert change.ending is ChangeEnding.REVERTED
    assert sizes(stage) == [16, 8]
    first, last = stage.world.acts
    assert last.at - first.at == pytest.approx(timedelta(hours=4), abs=timedelta(seconds=20))
    assert any("reverted" in page.title for page in stage.world.paged("L1"))


async def test_what_reverts_is_there_before_the_change(stage: Stage) -> None:
    seen = []

    def look(at: object) -> None:
        seen.append(list(stage.world.kinds()))

    incident = await stage.incident()
    request = await incident.asked()
    stage.world.script.before("resize_pool", 1, look)
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)

    names = [event.event_type for event in (await incident.history()).events]
    started = names.index(EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
    resize = [
        place
        for place, event in enumerate((await incident.history()).events)
        if event.activity_task_scheduled_event_attributes.activity_type.name == "resize_pool"
    ]
    assert [started] < resize
    assert seen == [[]]


async def test_while_it_is_needed_it_stays_and_people_are_told(
    stage: Stage, enlarged: RunningIncident
) -> None:
    stage.world.happens(changes.change_traffic(rate=NEEDS_ITS_SIZE), stage.world.after(hours=3.5))
    stage.world.happens(changes.change_traffic(rate=QUIET), stage.world.after(hours=5))
    await stage.change.step(hours=4.5)
    assert sizes(stage) == [16]
    assert any("still needed" in page.title for page in stage.world.paged("L1"))

    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert sizes(stage) == [16, 8]
    assert len([page for page in stage.world.paged("L1") if "still needed" in page.title]) == 1


async def test_a_person_keeps_it(stage: Stage, enlarged: RunningIncident) -> None:
    await stage.change.step(hours=1)
    await stage.change.signal("keep", {"by": "ada"})
    change = await stage.reverted()

    assert (change.ending, change.by) == (ChangeEnding.KEPT, "ada")
    assert sizes(stage) == [16]


async def test_a_person_ends_it_early(stage: Stage, enlarged: RunningIncident) -> None:
    await stage.change.step(hours=3, minutes=10)
    await stage.change.signal("end", {"by": "grace"})
    change = await stage.reverted()

    assert (change.ending, change.by) == (ChangeEnding.REVERTED, "grace")
    first, last = stage.world.acts
    assert last.at - first.at < timedelta(hours=3, minutes=15)


async def test_a_person_extends_it(stage: Stage, enlarged: RunningIncident) -> None:
    await stage.change.step(hours=3, minutes=50)
    await stage.change.signal("extend", {"by": "ada"})
    await stage.reverted()

    first, last = stage.world.acts
    assert last.at - first.at > timedelta(hours=4, minutes=30)


@pytest.mark.parametrize("wish", ["keep", "extend"])
async def test_who_may_not_approve_neither_keeps_nor_extends_it(
    stage: Stage, enlarged: RunningIncident, wish: str
) -> None:
    await stage.change.step(hours=1)
    await stage.change.signal(wish, {"by": "eve"})
    change = await stage.reverted()

    assert (change.ending, change.by) == (ChangeEnding.REVERTED, "its time")
    first, last = stage.world.acts
    assert last.at - first.at == pytest.approx(timedelta(hours=4), abs=timedelta(seconds=20))
    (said,) = change.said
    assert (said.by, said.accepted) == ("eve", False)
    assert said.message == "eve may not decide this; ada, grace may"


async def test_where_the_policy_takes_no_signal_it_is_kept_by_command(stage: Stage) -> None:
    rules = cases.policy(approval={"approvers": cases.APPROVERS, "claimed_names": False})
    incident = await stage.incident(rules)
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(lambda report: report.attempts)

    await stage.change.signal("keep", {"by": "ada"})
    (refused,) = await stage.change.handle.query("state", result_type=tuple[Said, ...])
    assert not refused.accepted
    assert refused.message.endswith("say it with `poolmedic size keep TARGET --by YOU`")
    asked = {"wish": "keep", "by": "ada"}
    said = await stage.change.handle.execute_update("decide", asked, result_type=Said)
    assert said.message == "kept for good by ada (name claimed by command)"
    change = await stage.reverted()
    assert (change.ending, change.by) == (ChangeEnding.KEPT, "ada")
    assert [each.accepted for each in change.said] == [False, True]


async def test_whoever_sees_it_ends_it(stage: Stage, enlarged: RunningIncident) -> None:
    await stage.change.step(hours=3, minutes=10)
    await stage.change.signal("end", {"by": "eve"})
    change = await stage.reverted()
    assert (change.ending, change.by) == (ChangeEnding.REVERTED, "eve")
    assert [each.message for each in change.said] == ["ended by eve (name claimed by signal)"]


async def test_an_update_that_cannot_be_read_says_how_to_write_it(
    stage: Stage, enlarged: RunningIncident
) -> None:
    for payload in ({"by": "ada"}, {"wish": "double", "by": "ada"}, {"wish": ["keep"], "by": "ada"}, 7):
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await stage.change.handle.execute_update("decide", payload)
        assert '{"wish": "keep", "by": "<your name>"}' in str(failed.value.cause)


async def test_a_size_that_is_gone_already_is_left_alone(stage: Stage, enlarged: RunningIncident) -> None:
    name = f"{stage.target.name}-1"
    stage.world.happens(changes.resize(name, 12), stage.world.after(hours=2))
    change = await stage.reverted()

    assert change.ending is ChangeEnding.GONE
    assert sizes(stage) == [16]


async def test_what_cannot_be_checked_is_tried_later_and_told(
    stage: Stage, enlarged: RunningIncident
) -> None:
    stage.world.happens(changes.blind("application"), stage.world.after(hours=3))
    stage.world.happens(changes.see("application"), stage.world.after(hours=4, minutes=30))
    change = await stage.reverted()

    assert change.ending is ChangeEnding.REVERTED
    assert len([page for page in stage.world.paged("L2") if "cannot be checked" in page.title]) == 1


async def test_a_change_that_was_never_applied_reverts_nothing(stage: Stage) -> None:
    stage.world.script.fail("resize_pool", times=1)
    incident = await stage.incident()
    request = await incident.asked()
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)
    change = await stage.reverted()

    assert change.ending is ChangeEnding.GONE
    assert not stage.world.acts


async def test_a_revert_whose_answer_is_lost_is_looked_at_again(
    stage: Stage, enlarged: RunningIncident
) -> None:
    stage.world.script.lose("resize_pool")
    change = await stage.reverted()

    assert sizes(stage) == [16, 8]
    assert change.ending in (ChangeEnding.REVERTED, ChangeEnding.GONE)


@pytest.mark.parametrize("name", ["keep", "end", "extend"])
async def test_junk_neither_keeps_nor_ends_nor_extends(
    stage: Stage, enlarged: RunningIncident, name: str
) -> None:
    for payloads in ((), (None,), (42,), ({"by": 7},), ("ada", "grace"), (1, 2, 3)):
        await stage.change.signal(name, *payloads)
    change = await stage.reverted()

    assert (change.ending, change.by) == (ChangeEnding.REVERTED, "its time")
    first, last = stage.world.acts
    assert last.at - first.at == pytest.approx(timedelta(hours=4), abs=timedelta(seconds=20))


async def test_what_no_route_took_is_told_at_the_next_look(stage: Stage, enlarged: RunningIncident) -> None:
    stage.world.happens(changes.change_traffic(rate=NEEDS_ITS_SIZE), stage.world.after(hours=3.5))
    await stage.change.step(hours=3.9)
    stage.world.script.fail("send_page", NotConfigured("no route of it is there"), times=2)
    await stage.change.step(hours=0.5)
    assert sizes(stage) == [16]
    assert len([page for page in stage.world.paged("L1") if "still needed" in page.title]) == 1
    await stage.change.step(hours=1)
    assert len([page for page in stage.world.paged("L1") if "still needed" in page.title]) == 1


async def is_still_needed(stage: Stage, heard: str) -> None:
    """Until the look after its time, and a person says this before people were told what it found."""
    stage.world.happens(changes.change_traffic(rate=NEEDS_ITS_SIZE), stage.world.after(hours=3.5))
    await stage.change.step(hours=3.9)

    async def say(_at: datetime) -> None:
        await stage.change.signal(heard, {"by": "grace"})

    stage.world.script.before("send_page", stage.world.script.calls["send_page"] + 1, say)
    await stage.change.step(minutes=8)


async def test_a_person_who_ends_it_while_it_is_looked_at_is_heard(
    stage: Stage, enlarged: RunningIncident
) -> None:
    await is_still_needed(stage, heard="end")
    assert (await stage.reverted()).by == "grace"
    assert stage.world.acts[-1].at - stage.world.acts[0].at < timedelta(hours=4, minutes=2)


async def test_a_person_who_extends_it_while_it_is_looked_at_is_heard(
    stage: Stage, enlarged: RunningIncident
) -> None:
    await is_still_needed(stage, heard="extend")
    looks = stage.world.script.calls["read_application"]
    await stage.change.step(hours=3)
    assert stage.world.script.calls["read_application"] == looks


async def test_while_it_is_needed_its_history_is_bounded_and_nothing_is_told_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks after its time are not skipped to: the server's own clock parts the runs of a workflow."""
    instance = "temporalio.worker._workflow_instance._WorkflowInstanceImpl"
    monkeypatch.setattr(
        f"{instance}.workflow_is_continue_as_new_suggested",
        lambda self: self.workflow_get_current_history_length() > MANY_EVENTS,
    )
    incident = await stage.incident(cases.policy(pace={"relook": "1s"}))
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(lambda report: report.attempts)
    await incident.handle.terminate("somebody ended it by hand")
    stage.world.happens(changes.change_traffic(rate=NEEDS_ITS_SIZE), stage.world.after(hours=3.5))
    await stage.change.step(hours=4)

    runs = set[str | None]()
    async with asyncio.timeout(PATIENCE):
        while len(runs) < 3:
            described = await stage.change.handle.describe()
            assert described.history_length < 2 * MANY_EVENTS
            assert described.typed_search_attributes.get(TARGET) == stage.target.name
            runs.add(described.run_id)
            await asyncio.sleep(0.1)

    await stage.change.signal("keep", {"by": "ada"})
    kept = ChangeSummary.model_validate(await stage.change.handle.result())
    assert (kept.ending, kept.by) == (ChangeEnding.KEPT, "ada")
    assert sizes(stage) == [16]
    assert len([page for page in stage.world.paged("L1") if "still needed" in page.title]) == 1
