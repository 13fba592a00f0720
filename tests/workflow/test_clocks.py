"""The three clocks of the SLA: when they call, whom, how often, and what stops them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from deploy.demo.run_history import timers
from tests.fakes import cases, changes
from tests.fakes.world import World
from tests.workflow.stage import Stage
from workflows.escalation import Clock
from workflows.guidance import NEXT_STEPS, TAKE_OVER
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Level, Page
from workflows.models.verdict import State

OBSERVE = cases.policy(mode="observe")


def calls(world: World, level: Level, words: str) -> list[float]:
    """Minutes after the world's beginning at which a level was paged for this reason."""
    return [
        (at - world.opened).total_seconds() / 60
        for at, page in world.pages
        if page.level is level and words in page.title
    ]


def once_at(minutes: float) -> object:
    """Exactly one page, at this minute; a busy machine may need some seconds."""
    return pytest.approx([minutes], abs=10 / 60)


@pytest.fixture
def exhausted(stage: Stage) -> Stage:
    """A pool that stays exhausted, for `observe` touches nothing."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    return stage


async def test_every_clock_calls_once_at_its_time(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.step(hours=2)

    assert calls(exhausted.world, Level.L2, "acknowledged") == once_at(5)
    assert calls(exhausted.world, Level.L2, "not resolved") == once_at(15)
    assert calls(exhausted.world, Level.L3, "still not resolved") == once_at(30)
    assert not await incident.is_over()


async def test_a_clock_counts_from_the_start_of_the_alert(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE, age=timedelta(minutes=4))
    await incident.step(minutes=30)

    assert calls(exhausted.world, Level.L2, "acknowledged") == once_at(1)
    assert calls(exhausted.world, Level.L2, "not resolved") == once_at(11)
    assert calls(exhausted.world, Level.L3, "still not resolved") == once_at(26)


@pytest.mark.parametrize("began", [datetime(1, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)])
async def test_a_start_that_cannot_be_counts_as_the_arrival(exhausted: Stage, began: datetime) -> None:
    incident = await exhausted.incident(OBSERVE, age=exhausted.world.opened - began)
    await incident.step(minutes=31)

    assert calls(exhausted.world, Level.L2, "acknowledged") == once_at(5)
    assert calls(exhausted.world, Level.L2, "not resolved") == once_at(15)
    assert calls(exhausted.world, Level.L3, "still not resolved") == once_at(30)
    report = await incident.state()
    assert f"began at {began:%Y-%m-%d} 00:00:00 UTC, which cannot be" in report.timeline[0].text
    assert report.opened_at == (await incident.handle.describe()).start_time


async def test_the_clocks_count_from_the_oldest_of_the_first_alerts(exhausted: Stage) -> None:
    """After an outage the newest may be delivered first: timers that run already are set anew."""
    incident = await exhausted.incident(OBSERVE)
    await incident.step(seconds=30)
    await incident.fire(exhausted.world.opened - timedelta(minutes=3))
    await incident.fire(exhausted.world.opened - timedelta(minutes=2))
    await incident.fire(datetime(1, 1, 1, tzinfo=UTC))
    await incident.step(minutes=6)
    await incident.fire(exhausted.world.opened - timedelta(days=2))
    await incident.step(minutes=25)

    assert calls(exhausted.world, Level.L2, "acknowledged") == once_at(2)
    assert calls(exhausted.world, Level.L2, "not resolved") == once_at(12)
    assert calls(exhausted.world, Level.L3, "still not resolved") == once_at(27)


async def test_a_person_stops_the_acknowledge_clock_and_no_other(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=4)
    await incident.signal("acknowledge", {"by": "ada"})
    await incident.step(minutes=30)

    assert not calls(exhausted.world, Level.L2, "acknowledged")
    assert calls(exhausted.world, Level.L2, "not resolved") == once_at(15)
    assert (await incident.state()).seconds.alert_to_acknowledged == pytest.approx(240, abs=10)


async def test_in_auto_the_pipeline_acknowledges_once_people_are_told(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident()
    report = await incident.until(lambda report: report.seconds.alert_to_acknowledged is not None)
    assert report.seconds.alert_to_acknowledged is not None
    assert report.seconds.alert_to_acknowledged < 10
    await incident.step(minutes=20)
    assert not stage.world.paged("L2")


async def test_nobody_acknowledges_for_people_who_could_not_be_told(stage: Stage) -> None:
    world = stage.world
    world.routes_down["on-call"] = "connection refused"
    world.leak(10, world.after(seconds=-10))
    incident = await stage.incident(cases.policy(thresholds={"leak_age": "20m"}))
    await incident.step(minutes=6)

    assert calls(world, Level.L2, "acknowledged") == once_at(5)


async def test_the_acknowledgement_lapses_with_a_fresh_clock_when_a_human_must_decide(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(seconds=-10), has_written=True)
    patient = cases.policy(thresholds={"leak_age": "3m"})

    incident = await stage.incident(patient)
    await incident.step(minutes=2)
    assert (await incident.state()).seconds.alert_to_acknowledged is not None
    await incident.step(minutes=10)

    (request, *_more) = (await incident.state()).requests
    asked = (request.requested_at - world.opened).total_seconds() / 60
    assert 2 < asked < 4
    assert calls(world, Level.L2, "acknowledged") == once_at(asked + 5)


async def test_the_first_good_look_stops_resolve_and_leadership(stage: Stage) -> None:
    world, name = stage.world, f"{stage.target.name}-1"
    world.leak(10, world.after(minutes=-2))
    world.happens(changes.change_app(name, leaked=()), world.after(minutes=9))

    incident = await stage.incident(OBSERVE)
    await incident.signal("acknowledge", {"by": "ada"})
    await incident.finish()

    assert not calls(world, Level.L2, "not resolved")
    assert not world.paged("L3")


@pytest.mark.parametrize(("age", "resolve", "leadership"), [(0, 15, 30), (10, 8, 20)])
async def test_a_broken_clear_window_arms_them_again(
    stage: Stage, age: int, resolve: float, leadership: float
) -> None:
    world, name = stage.world, f"{stage.target.name}-1"
    world.leak(10, world.after(minutes=-2))
    world.happens(changes.change_app(name, leaked=()), world.after(minutes=2.5))
    world.leak(10, world.after(minutes=7))
    looks_at_three = cases.policy(mode="observe", pace={"relook": "1m"})

    incident = await stage.incident(looks_at_three, age=timedelta(minutes=age))
    await incident.signal("acknowledge", {"by": "ada"})
    await incident.step(minutes=60)

    assert (await incident.state()).verdicts[0].state is State.NOT_RECOVERED
    assert calls(world, Level.L2, "not resolved") == once_at(resolve)
    assert calls(world, Level.L3, "still not resolved") == once_at(leadership)


@pytest.mark.parametrize(
    ("age", "late"),
    [
        (6, {Level.L2: ["acknowledged"]}),
        (40, {Level.L2: ["acknowledged", "not resolved"], Level.L3: ["still not"]}),
    ],
)
async def test_what_is_already_past_is_called_after_one_look(
    exhausted: Stage, age: int, late: dict[Level, list[str]]
) -> None:
    incident = await exhausted.incident(OBSERVE, age=timedelta(minutes=age))
    await incident.step(seconds=35)

    for level, reasons in late.items():
        for reason in reasons:
            (minute,) = calls(exhausted.world, level, reason)
            assert 0 <= minute < 1
    first_look = exhausted.world.script.calls["read_application"]
    assert first_look >= 1


async def test_where_nobody_takes_it_no_look_keeps_an_overdue_page_for_long(exhausted: Stage) -> None:
    """In `observe` it is never clear by itself whose turn it is, however good the look was."""
    incident = await exhausted.incident(OBSERVE, age=timedelta(minutes=6))
    await incident.step(seconds=20)
    assert calls(exhausted.world, Level.L2, "acknowledged")
    (wait,) = timers((await incident.history()).events, "acknowledge: first look")
    assert wait.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() <= timedelta(seconds=2)


async def test_of_several_that_are_past_none_waits_for_the_look_of_another(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE, age=timedelta(minutes=31))
    await incident.step(seconds=20)

    assert calls(exhausted.world, Level.L2, "acknowledged")
    assert calls(exhausted.world, Level.L2, "not resolved")
    assert calls(exhausted.world, Level.L3, "still not resolved")
    events = (await incident.history()).events
    waits = [each for clock in Clock for each in timers(events, f"{clock}: first look")]
    lengths = [each.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() for each in waits]
    assert sum(lengths, timedelta()) <= timedelta(seconds=2)


async def test_nobody_is_called_late_for_what_is_over(stage: Stage) -> None:
    incident = await stage.incident(age=timedelta(hours=1), skips=True)
    await incident.finish()

    assert not stage.world.paged("L2")
    assert not stage.world.paged("L3")


async def test_leadership_is_told_at_once_of_what_is_critical_and_called_when_the_first_act_fails(
    open_stage: Callable[..., Awaitable[Stage]],
) -> None:
    stage = await open_stage(critical=True)
    world = stage.world
    world.happens(changes.change_app(f"{stage.target.name}-1", returns_slot=False), world.began)
    world.leak(10, world.after(minutes=-2))

    incident = await stage.incident()
    await incident.step(minutes=2)

    told, *called = world.paged("L3")
    assert "critical" in told.title
    assert any("did not help" in page.title for page in called)


async def test_leadership_hears_of_no_failure_where_nothing_was_touched(
    open_stage: Callable[..., Awaitable[Stage]],
) -> None:
    stage = await open_stage(critical=True)
    world, name = stage.world, stage.target.instances[0].name
    world.leak(10, world.after(minutes=-2))

    def all_are_given_back_and_forgotten_again(_at: datetime) -> None:
        world.happens(changes.change_app(name, leaked=()), world.now())
        world.leak(10, world.now())

    world.script.before("terminate_sessions", 1, all_are_given_back_and_forgotten_again)
    incident = await stage.incident()
    report = await incident.until(lambda report: report.attempts and report.attempts[0].helped is False)

    assert report.attempts[0].outcome.status is OutcomeStatus.NOTHING
    assert [page.title for page in world.paged("L3") if "did not help" in page.title] == []


async def test_each_page_says_why_and_carries_a_key_of_its_own(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=40)

    pages: list[Page] = [page for _at, page in exhausted.world.pages]
    assert len({page.key for page in pages}) == len(pages)
    assert all(page.body and page.links for page in pages)


async def test_who_is_called_is_told_what_to_do_next_about_this_cause(exhausted: Stage) -> None:
    incident = await exhausted.incident(OBSERVE)
    await incident.step(minutes=40)

    name = exhausted.target.name
    step = NEXT_STEPS[Cause.LEAK].replace("TARGET", name)
    pages = [*exhausted.world.paged("L2"), *exhausted.world.paged("L3")]
    assert {page.level for page in pages} == {Level.L2, Level.L3}
    for page in pages:
        *_, told, where, last = page.body.split("\n")
        assert told == f"Do next: {step}"
        assert where.startswith(f"As it is now: poolmedic show {name};")
        assert last == TAKE_OVER
