"""What an act did, or did not, decides what comes next; nothing is done twice."""

import asyncio
from datetime import datetime, timedelta

import pytest
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import Stage
from workflows import diagnosis
from workflows.errors import SourceUnavailable
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Level
from workflows.models.report import Ending
from workflows.sandbox import runner


def name_of(stage: Stage) -> str:
    return f"{stage.target.name}-1"


async def test_an_option_without_effect_goes_on_to_the_next(stage: Stage) -> None:
    world = stage.world
    world.happens(changes.change_app(name_of(stage), returns_slot=False), world.began)
    world.leak(10, world.after(minutes=-2))
    summary = await (await stage.incident(skips=True)).finish()

    assert summary.outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 10 + ["restart"]
    first, second = world.reports[-1][1].attempts
    assert (first.helped, second.helped) == (False, True)


async def test_all_options_used_up_calls_level_two_and_stays_open(stage: Stage) -> None:
    world = stage.world
    world.happens(changes.change_app(name_of(stage), returns_slot=False, leaks_on_start=10), world.began)
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(hours=1)

    assert world.kinds().count("restart") == 1
    assert not await incident.is_over()
    handed = [page for page in world.paged("L2") if "no option is left" in page.title]
    assert len(handed) == 1
    assert "restart" in handed[0].body.lower()
    assert world.paged("L3")


async def test_a_pool_that_is_exhausted_after_its_restart_calls_level_two_while_more_is_tried(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(instances=2)
    world, (first, second) = stage.world, [instance.name for instance in stage.target.instances]
    world.happens(changes.change_app(first, leaks_on_start=10, leaks_in_transaction=False), world.began)
    for name in (first, second):
        world.leak(10, world.after(minutes=-2), instance=name, in_transaction=False)
    incident = await stage.incident()
    await incident.step(minutes=4)

    assert [act.what for act in world.acts if act.kind == "restart"] == [first, second]
    called = [(at, page) for at, page in world.pages if page.level is Level.L2]
    in_vain = [at for at, page in called if f"pool of {first} is exhausted after its restart" in page.title]
    assert len(in_vain) == 1
    assert world.acts[0].at < in_vain[0] < world.acts[1].at + timedelta(seconds=5)
    assert not [page for _at, page in called if f"pool of {second}" in page.title]


async def test_a_restart_of_which_nothing_is_known_is_not_told_as_one_in_vain(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2), in_transaction=False)
    world.script.fail("restart_container", SourceUnavailable("the engine does not answer"), times=1)
    incident = await stage.incident()
    await incident.until(lambda report: report.attempts and report.attempts[0].helped is not None)
    await incident.step(minutes=4)

    assert (await incident.state()).attempts[0].outcome.restarted_at is None
    assert not [page for page in world.paged("L2") if "after its restart" in page.title]


async def test_a_restart_that_helped_calls_nobody_when_the_pool_is_full_again(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2), in_transaction=False)

    def it_forgets_again(at: datetime) -> None:
        world.leak(10, at + timedelta(seconds=30), in_transaction=False)

    world.script.after("restart_container", 1, it_forgets_again)
    incident = await stage.incident()
    report = await incident.until(lambda report: report.attempts and report.attempts[0].helped)
    await incident.step(minutes=7)

    assert report.attempts[0].helped
    assert [each.first.cause for each in (await incident.state()).diagnoses][-1] is Cause.IDLE_LEAK
    assert not [page for page in world.paged("L2") if "after its restart" in page.title]


async def test_a_larger_leak_is_ended_in_waves(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=24)
    world = stage.world
    world.leak(24, world.after(minutes=-2))
    summary = await (await stage.incident(skips=True)).finish()

    assert summary.outcome is Ending.RECOVERED
    assert set(world.kinds()) == {"end"}
    assert len(world.acts) == len({act.what for act in world.acts}) == 24
    assert all(len(attempt.outcome.touched) <= 10 for attempt in world.reports[-1][1].attempts)


async def test_a_rest_for_which_nobody_is_asked_is_told(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=18)
    world = stage.world
    world.leak(18, world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(lambda report: [entry for entry in report.timeline if "left out:" in entry.text])

    report = await incident.state()
    assert len(world.acts) == 10
    assert len(report.requests) == 1
    (left,) = [entry.text for entry in report.timeline if entry.text.startswith("left out:")]
    assert "End 8 sessions" in left
    assert [page for page in world.paged("L1") if "Left out: terminate" in page.body]


async def test_only_the_exhausted_instance_is_touched(open_stage: OpenStage) -> None:
    stage = await open_stage(instances=3)
    world, second = stage.world, f"{stage.target.name}-2"
    world.happens(changes.change_app(second, returns_slot=False), world.began)
    world.leak(10, world.after(minutes=-2), instance=second)
    summary = await (await stage.incident(skips=True)).finish()

    assert summary.outcome is Ending.RECOVERED
    assert [act.what for act in world.acts if act.kind == "restart"] == [second]


async def test_a_suspicion_that_never_ripens_goes_to_people(open_stage: OpenStage) -> None:
    stage = await open_stage(rate=70)
    world = stage.world
    world.leak(4, world.after(minutes=-2))
    world.happens(changes.rest(name_of(stage), timedelta(seconds=10)), world.after(minutes=-1))
    incident = await stage.incident()
    await incident.step(minutes=3)

    assert not world.acts
    assert [page for page in world.paged("L2") if "neither confirms nor dismisses a suspicion" in page.title]


async def test_a_lost_answer_is_unknown_and_looked_at_not_repeated(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.lose("terminate_sessions")
    summary = await (await stage.incident(skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.status is OutcomeStatus.UNKNOWN
    assert summary.outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 10
    assert world.script.calls["terminate_sessions"] == 1


async def test_a_worker_lost_in_mid_act_is_noticed_by_its_silence(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.hang("terminate_sessions")
    incident = await stage.incident()
    report = await incident.until(lambda report: report.attempts)

    assert report.attempts[0].outcome.status is OutcomeStatus.UNKNOWN
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.script.calls["terminate_sessions"] == 1


async def test_a_restart_whose_answer_was_lost_is_not_done_again(stage: Stage) -> None:
    world = stage.world
    world.happens(changes.change_app(name_of(stage), leaks_on_start=10), world.began)
    world.leak(10, world.after(minutes=-2))
    world.script.lose("restart_container")
    rules = cases.policy(options={"restart": "alone", "terminate": "never"})
    incident = await stage.incident(rules)
    await incident.step(minutes=20)

    assert world.kinds() == ["restart"]
    assert world.paged("L2")


async def test_a_container_that_still_stops_is_not_asked_again(stage: Stage) -> None:
    """Its application takes its whole time to end, and the worker that asked for it was lost meanwhile."""
    world, name = stage.world, name_of(stage)
    world.happens(changes.change_app(name, stop_grace=60.0), world.began)
    world.leak(10, world.after(minutes=-2))
    world.script.fail("restart_container", SourceUnavailable("no answer"), times=1)
    world.happens(changes.restart(name, stage.target.database), world.after(seconds=62))
    incident = await stage.incident(cases.policy(options={"restart": "alone", "terminate": "never"}))
    await incident.step(seconds=60)
    report = await incident.state()
    assert [each.outcome.status for each in report.attempts] == [OutcomeStatus.UNKNOWN]

    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.script.calls["restart_container"] == 1


async def test_no_other_instance_is_restarted_while_one_may_still_stop(open_stage: OpenStage) -> None:
    """It answers nobody any more, so that only the other one is seen to be exhausted."""
    stage = await open_stage(instances=2)
    world, name, other = stage.world, name_of(stage), f"{stage.target.name}-2"
    up_again = world.after(seconds=62)

    def begins_to_stop(at: datetime) -> None:
        world.happens(changes.blind(f"application/{name}"), at)

    world.happens(changes.change_app(name, stop_grace=60.0), world.began)
    world.happens(changes.blind(f"metrics/{name}"), world.began)
    for each in (name, other):
        world.leak(10, world.after(minutes=-2), instance=each)
    world.script.before("restart_container", 1, begins_to_stop)
    world.script.fail("restart_container", SourceUnavailable("no answer"), times=1)
    world.happens(changes.restart(name, stage.target.database), up_again)
    for source in ("application", "metrics"):
        world.happens(changes.see(f"{source}/{name}"), up_again)
    incident = await stage.incident(cases.policy(options={"restart": "alone", "terminate": "never"}))
    await incident.step(seconds=60)
    (attempt,) = (await incident.state()).attempts
    assert attempt.outcome.status is OutcomeStatus.UNKNOWN
    assert world.script.calls["restart_container"] == 1

    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert [act.what for act in world.acts] == [other]


async def test_sessions_that_moved_on_are_left_alone(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))

    async def all_are_given_back_and_forgotten_again(at: object) -> None:
        now = world.now()
        world.happens(changes.change_app(name_of(stage), leaked=()), now)
        world.leak(10, now)

    world.script.before("terminate_sessions", 1, all_are_given_back_and_forgotten_again)
    incident = await stage.incident()
    report = await incident.until(lambda report: report.attempts)

    assert report.attempts[0].outcome.status is OutcomeStatus.NOTHING
    assert not world.acts


async def test_a_container_started_anew_meanwhile_is_not_restarted(stage: Stage) -> None:
    world, name = stage.world, name_of(stage)
    world.leak(10, world.after(minutes=-2))
    world.script.before(
        "restart_container",
        1,
        lambda at: world.happens(changes.change_app(name, started_at=at, leaked=()), at),
    )
    incident = await stage.incident(cases.policy(options={"restart": "alone", "terminate": "never"}))
    report = await incident.until(lambda report: report.attempts)

    assert report.attempts[0].outcome.status is OutcomeStatus.NOTHING
    assert "was started anew" in report.attempts[0].outcome.detail
    assert "restart" not in world.kinds()


@pytest.mark.parametrize("times", [1, None])
async def test_a_bug_in_the_runbook_hands_over_and_leaves_the_clocks(
    open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch, times: int | None
) -> None:
    stage = await open_stage(workflow_runner=_seeing_the_patched(runner()))
    left = [times or 10**6]
    sound = diagnosis.diagnose

    def buggy(*arguments: object, **settings: object) -> object:
        left[0] -= 1
        if left[0] >= 0:
            raise ZeroDivisionError("utilization of nothing")
        return sound(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(diagnosis, "diagnose", buggy)
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(minutes=40)

    (handed,) = [page for page in world.paged("L2") if "poolmedic itself failed" in page.title]
    assert "ZeroDivisionError" in handed.title
    if times is None:
        assert [page for page in world.paged("L2") if "not resolved" in page.title]
        assert world.paged("L3")
        assert not world.acts
        assert not await incident.is_over()
    else:
        assert (await incident.finish()).outcome is Ending.RECOVERED


def _seeing_the_patched(strict: SandboxedWorkflowRunner) -> WorkflowRunner:
    """The same sandbox, but the diagnosis is the test's own module and not a copy of it."""
    return SandboxedWorkflowRunner(
        restrictions=strict.restrictions.with_passthrough_modules("workflows.diagnosis")
    )


async def test_the_alert_resolves_by_itself_before_anything_is_done(stage: Stage) -> None:
    world, name = stage.world, name_of(stage)
    world.leak(10, world.after(seconds=-5))
    world.happens(changes.change_app(name, leaked=()), world.after(seconds=10))
    incident = await stage.incident()
    await incident.step(seconds=12)
    await incident.resolve()
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED_BY_ITSELF
    assert not world.acts
    assert not world.paged("L2")


async def test_an_incident_ends_only_once_per_alert(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(skips=True)
    first = await incident.finish()
    await asyncio.gather(*(incident.state() for _ in range(3)))
    assert first.acts == 1
