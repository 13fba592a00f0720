"""The two straight paths, judged by what was done to the world, and by what they cost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from tests.fakes import cases, changes
from tests.workflow.stage import Running, Stage
from worker.history import count_actions
from workflows.models.change import ChangeEnding
from workflows.models.evidence import ApplicationPage
from workflows.models.reading import Known, Unavailable
from workflows.models.report import Ending

MOST_ACTIONS = 30
MOST_EVENTS = 130
UNDERSIZED = {"pool_size": 8, "rate": 100.0}
"""Ten connections wanted, eight there."""


SKIPPING = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
ARRANGED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
}
"""What only a test arranges: that time may be skipped, and that a change of hours ends before the watch."""
TASK = [
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
]


def count_events(history: WorkflowHistory) -> int:
    """Without what no production history has: skipped time, and what the test arranged, with its own task."""
    kinds = [event.event_type for event in history.events]
    ours = [place for place, kind in enumerate(kinds) if kind in ARRANGED]
    tasks = sum(kinds[place + 1 : place + 4] == TASK for place in ours)
    return len(kinds) - kinds.count(SKIPPING) - len(ours) - tasks * len(TASK)


async def assert_cheap(run: Running) -> None:
    history = await run.history()
    assert count_actions(history) < MOST_ACTIONS
    assert count_events(history) < MOST_EVENTS


async def test_a_leak_is_healed_by_ending_exactly_the_leaked_sessions(stage: Stage) -> None:
    world = stage.world
    world.add_bystanders()
    world.leak(10, world.after(minutes=-2))
    strangers = {backend.pid for backend in world.state(world.opened).bystanders}

    incident = await stage.incident()
    world.script.before("read_window", 1, incident.resolve)
    summary = await incident.finish()

    leaked = {session.pid for session in world.asked_to_end}
    assert summary.outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 10
    assert len(leaked) == 10
    assert not leaked & strangers
    assert not world.paged("L2")
    assert not world.paged("L3")
    found, recovered = world.paged("L1")
    assert (found.is_good_news, recovered.is_good_news) == (False, True)
    assert recovered.body.startswith("Verified over a clear window of 5 min")
    await assert_cheap(incident)


async def test_the_report_is_published_at_recovery_and_completed_at_the_end(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))

    await (await stage.incident(skips=True)).finish()

    (recovered_at, first), (closed_at, last) = world.reports
    assert (first.complete, last.complete) == (False, True)
    assert first.outcome is last.outcome is Ending.RECOVERED
    assert [attempt.decided_by for attempt in last.attempts] == ["poolmedic"]
    assert closed_at - recovered_at >= timedelta(minutes=30)
    assert last.seconds.alert_to_first_action is not None
    assert last.seconds.alert_to_first_action < 10
    assert last.seconds.alert_to_verified is not None
    assert last.seconds.alert_to_verified > 300
    assert last.evidence is not None
    assert isinstance(last.evidence.application, Known)
    assert [has_hints(page) for page in last.evidence.application.value.instances.values()] == [True]


def has_hints(page: Known[ApplicationPage] | Unavailable) -> bool:
    """Whether the application was asked for what only people use."""
    return isinstance(page, Known) and page.value.checkouts is not None and page.value.queries is not None


async def test_an_undersized_pool_grows_by_approval_and_shrinks_after_its_time(
    open_stage: Callable[..., Awaitable[Stage]],
) -> None:
    stage = await open_stage(**UNDERSIZED)
    world, name = stage.world, f"{stage.target.name}-1"
    world.happens(changes.change_traffic(rate=40), world.after(hours=3))

    incident = await stage.incident()
    world.script.before("read_window", 1, incident.resolve)
    request = await incident.asked()
    assert not world.acts
    assert (await incident.decide(request.id, "ada")).accepted
    await incident.until(lambda report: report.attempts)
    change = await stage.reverted()
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED
    assert change.ending is ChangeEnding.REVERTED
    grown, shrunk = world.acts
    assert (grown.what, grown.size) == (name, 16)
    assert (shrunk.what, shrunk.size) == (name, 8)
    assert shrunk.at - grown.at >= timedelta(hours=3, minutes=59)
    assert world.reports[-1][1].attempts[0].decided_by == "ada"
    await assert_cheap(incident)


async def test_observing_says_what_would_be_done_and_touches_nothing(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))

    incident = await stage.incident(cases.policy(mode="observe"))
    await incident.step(minutes=4)
    assert [page.level for _at, page in world.pages] == ["L1"]
    await incident.step(minutes=40)

    assert not world.acts
    assert not world.asked_to_end
    assert "would" in world.paged("L1")[0].body
    report = await incident.state()
    assert not report.attempts
    (told,) = [entry.text for entry in report.timeline if "It would: " in entry.text]
    assert "End 10 sessions" in told
    assert not await incident.is_over()


async def test_nothing_is_wrong(stage: Stage) -> None:
    summary = await (await stage.incident(skips=True)).finish()

    assert summary.outcome is Ending.NOTHING_FOUND
    assert summary.firings == 1
    assert not stage.world.acts
    assert not stage.world.paged("L2")
    assert "The alert fired" not in stage.world.paged("L1")[-1].body
