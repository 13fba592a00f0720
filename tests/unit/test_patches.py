"""A run that began with an earlier version awaits restarts, and resizes pools, as that one did."""

from datetime import timedelta

import pytest

from tests.fakes import cases
from tests.unit import scenes
from tests.unit.plans import RESTART, decide, leak_of, proposed, tried, two_look, undersized_look
from tests.unit.scenes import GONE, NOW, page, policy, pool, scraped, target
from tests.unit.test_plan_approval import spike_look
from tests.unit.test_plan_timeout import NEW, RULES, WAVES
from workflows import patches
from workflows.diagnosis import diagnose
from workflows.models.alert import AlertStatus
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import HandOver, LookAgain, Proposal, Restart
from workflows.models.policy import Option, Permission
from workflows.record import Record

TWO = target(instances=2)
SLOW = scenes.containers(scenes.container(1), scenes.container(2, stop_grace_seconds=120.0))
SEEN = two_look(containers=SLOW)
SILENT = two_look(
    containers=SLOW,
    application=scenes.application(page(pool(waiters=1)), GONE),
    metrics=scenes.metrics(scraped(pool(waiters=1)), GONE),
)
SOME, EVERY = "lost-restarts-are-awaited", "unseen-restarts-are-awaited"


@pytest.mark.parametrize(
    ("look", "known", "restarted"),
    [
        (SILENT, {SOME, EVERY}, None),
        (SILENT, {EVERY}, None),
        (SILENT, {SOME}, "web-1"),
        (SILENT, set(), "web-1"),
        (SEEN, {SOME, EVERY}, None),
        (SEEN, {SOME}, None),
        (SEEN, set(), "web-2"),
    ],
)
def test_a_run_awaits_what_it_awaited_before(
    look: Evidence, known: set[str], restarted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda name: name in known)
    record = Record(cases.case(TWO, policy(), cases.alert(TWO, NOW, AlertStatus.FIRING)), NOW)
    first = proposed(decide(SEEN, subject=TWO))
    record.attempts.append(tried(first, OutcomeStatus.UNKNOWN, None, at=NOW - timedelta(seconds=20)))

    found = diagnose(look, None, TWO, policy())
    step = patches.plan_in_this_run(found, look, record, NOW).step

    if restarted is None:
        assert isinstance(step, LookAgain)
    else:
        assert isinstance(step, Proposal)
        assert isinstance(step.act, Restart)
        assert step.act.instance == restarted


@pytest.mark.parametrize("cause", [Cause.UNDERSIZED, Cause.SPIKE])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_that_began_when_a_policy_could_allow_a_resize_alone_does_it_so(
    cause: Cause, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda _name: is_new)
    looks = {Cause.UNDERSIZED: undersized_look(), Cause.SPIKE: spike_look()}
    rules = policy(options={"resize": "alone"})
    record = Record(cases.case(target(), rules, cases.alert(target(), NOW, AlertStatus.FIRING)), NOW)

    found = diagnose(looks[cause], None, target(), rules)
    step = patches.plan_in_this_run(found, looks[cause], record, NOW).step

    assert isinstance(step, Proposal)
    assert (step.cause, step.act.option) == (cause, Option.RESIZE)
    was_alone = cause is Cause.UNDERSIZED and not is_new
    assert step.permission is (Permission.ALONE if was_alone else Permission.APPROVAL)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_that_began_so_waits_for_a_restart_where_there_is_no_container(
    is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda _name: is_new)
    bare, look = scenes.with_instance(target(), "web-1", container=None), leak_of(NEW)
    record = Record(cases.case(bare, RULES, cases.alert(bare, NOW, AlertStatus.FIRING)), NOW)
    record.attempts += WAVES

    step = patches.plan_in_this_run(diagnose(look, None, bare, RULES), look, record, NOW).step

    assert isinstance(step, Proposal if is_new else HandOver)
    assert not isinstance(step, Proposal) or step.act.option is Option.SESSION_TIMEOUT


@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_that_counted_what_touched_nothing_as_a_try_counts_it_so(
    is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda _name: is_new)
    look = leak_of(scenes.sessions(18), can_terminate=False)
    record = Record(cases.case(target(), policy(), cases.alert(target(), NOW, AlertStatus.FIRING)), NOW)
    record.attempts += [tried(RESTART, OutcomeStatus.NOTHING), *[tried(RESTART, helped=True)] * 2]

    planned = patches.plan_in_this_run(diagnose(look, None, target(), policy()), look, record, NOW)

    assert isinstance(planned.step, Proposal if is_new else HandOver)
    barred = "Restart: web-1: it was tried 3 times, as often as the policy allows."
    assert (barred in planned.left_out) is not is_new


@pytest.mark.parametrize(("is_new", "refusal"), [(True, "one may be under way"), (False, None)])
def test_a_guard_that_such_a_run_did_not_have_refuses_nothing_in_it(
    is_new: bool, refusal: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda _name: is_new)

    assert patches.refusal_in_this_run("one may be under way", None) == refusal
    assert patches.refusal_in_this_run("silenced", "silenced") == "silenced"
