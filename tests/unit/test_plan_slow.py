"""What follows from a slow query: cancelled in waves, ended where it does not heed, else for people."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.guards import PAGES, check
from tests.unit.plans import decide, proposed, tried
from tests.unit.scenes import policy, target
from tests.unit.slow_queries import SHAPE, slow, slow_look
from workflows import limits
from workflows.models.evidence import Evidence
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import Cancellation, HandOver, Plan, Proposal, Termination
from workflows.models.policy import Mode, Permission, Policy

ALONE = policy(options={"cancel": "alone", "terminate": "alone"}, limits={"sessions_per_act": 20})
WAVES = policy(options={"cancel": "alone", "terminate": "alone"}, limits={"sessions_per_act": 8})
LOOK = slow_look(slow(18))


def cancelled(decided: Plan) -> Cancellation:
    act = proposed(decided).act
    assert isinstance(act, Cancellation)
    return act


def left_to_people(decided: Plan) -> str:
    assert isinstance(decided.step, HandOver), decided
    return " ".join(decided.left_out)


def refusal(proposal: Proposal, look: Evidence = LOOK, **changes: Any) -> str | None:
    return check(proposal, evidence=look, **{"policy": ALONE, "pages": PAGES, **changes})


def test_queries_that_only_read_are_cancelled_alone_where_the_policy_says_so() -> None:
    step = proposed(decide(LOOK, rules=ALONE))

    assert [each.pid for each in cancelled(decide(LOOK, rules=ALONE)).statements] == list(range(200, 218))
    assert step.permission is Permission.ALONE
    assert step.effect.startswith(
        "Cancel 18 statements of query 7, each only while it is still the very one that was seen, running "
        "for 12 s: pid 200, 201"
    )
    assert step.effect.endswith("The sessions stay.")
    assert step.risk == "The requests that wait for it get an error, and may come again."
    assert refusal(step) is None


def test_the_default_asks() -> None:
    rules = policy(limits={"sessions_per_act": 20})
    step = proposed(decide(LOOK, rules=rules))

    assert step.permission is Permission.APPROVAL
    assert refusal(step, policy=rules) == "cancel needs approval, and nobody approved it"
    assert refusal(step, policy=rules, approved_by="ada") is None


@pytest.mark.parametrize(
    "changes", [{"has_written": True}, {"holds_advisory_lock": True}, {"reads_only": False}]
)
def test_what_may_lose_something_is_asked_about_after_the_mere_queries(changes: dict[str, Any]) -> None:
    mixed = slow_look([*slow(12), *slow(6, first=300, **changes)])
    first = proposed(decide(mixed, rules=ALONE))
    assert isinstance(first.act, Cancellation)
    assert {each.pid for each in first.act.statements} == set(range(200, 212))
    assert {each.pid for each in first.act.rest} == set(range(300, 306))

    writers = slow_look(slow(18, first=300, **changes))
    step = proposed(decide(writers, rules=ALONE))
    assert step.permission is Permission.APPROVAL
    assert "What 300, 301" in step.risk
    alone = step.model_copy(update={"permission": Permission.ALONE})
    assert "needs approval" in (refusal(alone, writers, approved_by=None) or "")


def test_a_doubt_asks() -> None:
    unknown = slow_look(slow(18), metrics=scenes.GONE)

    assert proposed(decide(unknown, rules=ALONE)).permission is Permission.APPROVAL


def test_a_wave_leaves_the_rest_for_the_next_one_and_is_one_try() -> None:
    first = proposed(decide(LOOK, rules=WAVES))
    assert isinstance(first.act, Cancellation)
    assert len(first.act.statements) == 8
    assert len(first.act.rest) == 10

    left = slow_look([*slow(18)[8:], *slow(8, 3.0, first=400)])
    second = proposed(decide(left, tried(first), rules=WAVES))
    third = proposed(decide(left, tried(first), tried(second), rules=WAVES))
    assert isinstance(second.act, Cancellation)
    assert isinstance(third.act, Cancellation)
    assert [each.pid for each in second.act.statements] == list(range(208, 216))
    assert [each.pid for each in third.act.statements] == [216, 217]
    once = WAVES.model_copy(update={"limits": WAVES.limits.model_copy(update={"attempts_per_option": 1})})
    assert refusal(second, left, policy=once, attempts=(tried(first),)) == (
        "it was tried 1 time, as often as the policy allows"
    )
    twice = WAVES.model_copy(update={"limits": WAVES.limits.model_copy(update={"attempts_per_option": 2})})
    assert refusal(third, left, policy=twice, attempts=(tried(first), tried(second))) is None


def test_when_it_returns_it_is_left_to_people() -> None:
    first = proposed(decide(LOOK, rules=ALONE))
    again = slow_look(slow(18, first=400))

    assert "that did not last" in left_to_people(decide(again, tried(first), rules=ALONE))


def test_another_query_is_another_matter() -> None:
    first = proposed(decide(LOOK, rules=ALONE))
    other = slow_look(slow(18, first=400, query_id=8))

    assert cancelled(decide(other, tried(first), rules=ALONE)).query_id == 8


def test_a_cancel_that_touched_nothing_is_tried_again() -> None:
    first = proposed(decide(LOOK, rules=ALONE))
    again = slow_look(slow(18, first=400))

    assert cancelled(decide(again, tried(first, OutcomeStatus.NOTHING), rules=ALONE)).query_id == SHAPE


def test_what_runs_on_after_its_cancel_is_ended() -> None:
    first = proposed(decide(LOOK, rules=ALONE))
    step = proposed(decide(LOOK, tried(first, changed=18), rules=ALONE))

    assert isinstance(step.act, Termination)
    assert step.permission is Permission.ALONE
    assert {each.pid for each in step.act.sessions} == set(range(200, 218))
    assert "the very statement that was told to stop" in step.effect
    assert refusal(step, attempts=(tried(first, changed=18),)) is None
    assert "not told to stop before" in (refusal(step) or "")
    left = left_to_people(decide(LOOK, tried(first, changed=18), tried(step), rules=ALONE))
    assert "none of them runs on" in left


def test_who_said_yes_to_a_cancel_is_asked_before_its_session_is_ended() -> None:
    options = {"cancel": "approval", "terminate": "alone"}
    rules = policy(options=options, limits={"sessions_per_act": 18})
    first = proposed(decide(LOOK, rules=rules))
    assert "The sessions stay." in first.effect

    step = proposed(decide(LOOK, tried(first, changed=18, by="ada"), rules=rules))
    assert isinstance(step.act, Termination)
    assert step.permission is Permission.APPROVAL


def test_only_what_was_really_told_to_stop_is_ended() -> None:
    first = proposed(decide(LOOK, rules=ALONE))
    step = proposed(decide(LOOK, tried(first, changed=1), rules=ALONE))

    assert isinstance(step.act, Termination)
    assert len(step.act.sessions) == 1


def test_an_end_is_asked_for_once_people_have_taken_over_or_more_would_be_lost() -> None:
    writers = slow_look(slow(18, reads_only=False))
    first = proposed(decide(writers, rules=ALONE))

    step = proposed(decide(writers, tried(first, changed=18, by="ada"), rules=ALONE))
    assert isinstance(step.act, Termination)
    assert step.permission is Permission.APPROVAL
    alone = step.model_copy(update={"permission": Permission.ALONE})
    assert "needs approval" in (refusal(alone, writers, attempts=(tried(first, changed=18),)) or "")


@pytest.mark.parametrize(
    ("server", "subject", "rules", "why"),
    [
        ({"can_cancel": False}, target(), ALONE, "does not let poolmedic cancel statements of shop"),
        ({}, scenes.with_database(target(), transaction_pooler=True), ALONE, "transaction pooler"),
        ({}, target(), policy(options={"terminate": "alone"}), "the policy never allows it"),
    ],
)
def test_why_nothing_is_cancelled(server: dict[str, Any], subject: Any, rules: Policy, why: str) -> None:
    look = slow_look(slow(18), server=server)

    assert why in left_to_people(decide(look, subject=subject, rules=rules))


def test_the_limits_are_of_count_and_of_share() -> None:
    half = policy(options={"cancel": "alone"}, limits={"sessions_per_act": 20, "share_of_sessions": 0.5})
    step = proposed(decide(LOOK, rules=half))
    assert isinstance(step.act, Cancellation)
    assert len(step.act.statements) == 10

    every = proposed(decide(LOOK, rules=ALONE))
    assert "the policy allows 10" in (limits.excess(every, LOOK, target(), half) or "")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"wait_event_type": "Lock"}, "none of them is seen any more running query 7"),
        ({"in_progress": "pg_stat_progress_copy"}, "none of them is seen any more running query 7"),
        ({"query_id": 8}, "none of them is seen any more running query 7"),
        ({"application_name": "nightly"}, "not the target's own"),
    ],
)
def test_the_guard_looks_at_each_statement_again(changes: dict[str, Any], why: str) -> None:
    step, now = proposed(decide(LOOK, rules=ALONE)), slow_look(slow(18, **changes))
    if "application_name" in changes:
        act = step.act
        assert isinstance(act, Cancellation)
        strange = tuple(each.model_copy(update=changes) for each in act.statements)
        step = step.model_copy(update={"act": act.model_copy(update={"statements": strange})})

    assert why in (refusal(step, now) or "")


def test_statements_that_are_over_meanwhile_harm_nobody() -> None:
    step = proposed(decide(LOOK, rules=ALONE))

    assert refusal(step, slow_look(slow(18)[:3])) is None


def test_observing_and_approving_modes_ask_or_say() -> None:
    asking = policy(mode=Mode.APPROVE, options={"cancel": "alone"})

    assert proposed(decide(LOOK, rules=asking)).permission is Permission.APPROVAL
