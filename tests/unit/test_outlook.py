"""What would follow the first step: each option by its own plan, with exactly what it would touch."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.indexes import advice
from tests.unit import scenes
from tests.unit.idle_leaks import FULL, TWO, busy, idle, look_at
from tests.unit.plans import undersized_look
from tests.unit.scenes import known, policy, sessions, target
from tests.unit.slow_queries import SHAPE, slow, slow_look
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence
from workflows.models.plan import IndexCreation, Plan, Proposal, Resize, Restart, SessionTimeout, Termination
from workflows.models.policy import Permission, Policy
from workflows.models.target import Target
from workflows.outlook import Further, what_follows
from workflows.plan import plan

RULES = policy(limits={"sessions_per_act": 20})
STAND_FOR = "the sessions of now stand for those of then"
INDEXED = scenes.with_database(target(), index_dsn="SHOP_INDEX_DSN")


def seen(
    look: Evidence,
    *,
    rules: Policy = RULES,
    subject: Target | None = None,
    previous: Evidence | None = None,
) -> tuple[Plan, tuple[Further, ...]]:
    chosen = subject or target()
    diagnosis = diagnose(look, previous, chosen, rules)
    planned = plan(diagnosis, look, (), chosen, rules, look.at)
    return planned, what_follows(planned, diagnosis, look, chosen, rules)


def proposals(found: tuple[Further, ...]) -> dict[type, tuple[str, Proposal]]:
    return {type(each.step.act): (each.when, each.step) for each in found if isinstance(each.step, Proposal)}


def left_out(found: tuple[Further, ...]) -> list[str]:
    return [each.step for each in found if isinstance(each.step, str)]


def test_after_the_end_of_leaked_sessions_comes_a_restart_and_then_the_server_s_own_timeout() -> None:
    _, found = seen(scenes.evidence())
    then = proposals(found)
    assert list(then) == [Restart, SessionTimeout]
    when, restart = then[Restart]
    assert when == "if that does not help"
    assert restart.act == Restart(
        instance="web-1", container="shop-1", container_id=f"{1:064x}", started_at=scenes.STARTED
    )
    when, timeout = then[SessionTimeout]
    assert when == f"if connections leak again after that, and after a restart; {STAND_FOR}"
    assert timeout.permission is Permission.APPROVAL
    assert isinstance(timeout.act, SessionTimeout)
    assert (timeout.act.role, timeout.act.dbname, timeout.act.timeout) == (
        "shop",
        "shop",
        timedelta(minutes=1),
    )
    assert [each.pid for each in timeout.act.sessions] == list(range(100, 118))


def test_where_a_restart_is_asked_for_the_timeout_waits_for_none() -> None:
    options = {"terminate": "alone", "restart": "approval", "session-timeout": "approval"}
    _, found = seen(scenes.evidence(), rules=policy(options=options))
    then = proposals(found)
    assert list(then) == [SessionTimeout, Restart]
    assert then[SessionTimeout][0] == f"if connections leak again after that; {STAND_FOR}"
    assert then[Restart][1].permission is Permission.APPROVAL


def test_where_none_has_idled_longer_than_the_timeout_the_reason_is_told() -> None:
    young = scenes.evidence(database=scenes.database(sessions(18, 35.0)))
    _, found = seen(young)
    assert list(proposals(found)) == [Restart]
    assert [each for each in left_out(found) if "nobody has idled for more than 60 s yet" in each]


def test_after_the_cancel_of_a_slow_query_come_the_end_of_its_sessions_and_an_index() -> None:
    look = slow_look(slow(18), index=known(advice(query_id=SHAPE)))
    planned, found = seen(look, subject=INDEXED)
    assert isinstance(planned.step, Proposal)
    then = proposals(found)
    assert list(then) == [Termination, IndexCreation]
    when, ending = then[Termination]
    assert when == "if a statement runs on though it was told to stop"
    assert isinstance(ending.act, Termination)
    assert [each.pid for each in ending.act.sessions] == [each.pid for each in planned.step.act.statements]  # type: ignore[union-attr]
    assert ending.permission is Permission.APPROVAL
    when, index = then[IndexCreation]
    assert when == "if that query fills the pool again after that"
    assert isinstance(index.act, IndexCreation)
    assert index.act.query_id == SHAPE
    assert index.permission is Permission.APPROVAL


@pytest.mark.parametrize(
    ("subject", "changes", "rules", "words"),
    [
        (target(), {}, RULES, "Create an index: the configuration names no login that may"),
        (INDEXED, {"index": scenes.GONE}, RULES, "Create an index: connection refused."),
        (INDEXED, {}, policy(options={"cancel": "alone"}), "Create an index: the policy never allows it."),
    ],
)
def test_what_cannot_follow_is_told_with_its_reason(
    subject: Target, changes: dict[str, Any], rules: Policy, words: str
) -> None:
    _, found = seen(slow_look(slow(18), **changes), subject=subject, rules=rules)
    assert IndexCreation not in proposals(found)
    assert [each for each in left_out(found) if each.startswith(words)]


def test_after_a_restart_that_does_not_help_comes_the_next_instance() -> None:
    look = look_at(FULL, FULL, found=[*idle(30), *busy(2)])
    planned, found = seen(look, subject=TWO, previous=scenes.before(look))
    assert isinstance(planned.step, Proposal)
    assert isinstance(planned.step.act, Restart)
    (each,) = [each for each in found if isinstance(each.step, Proposal)]
    assert each.when == "if that does not help"
    assert {planned.step.act.instance, each.step.act.instance} == {"web-1", "web-2"}  # type: ignore[union-attr]


def test_what_was_left_out_before_the_first_step_is_not_told_again() -> None:
    planned, found = seen(scenes.evidence(database=scenes.database(sessions(18), can_terminate=False)))
    assert planned.left_out == (
        "End leaked sessions: the server does not let poolmedic end sessions of shop.",
    )
    assert list(proposals(found)) == []
    assert not set(planned.left_out) & set(left_out(found))


def test_the_options_of_a_less_likely_cause_follow_as_well() -> None:
    look, subject = undersized_look(database=scenes.database(sessions(18))), target()
    diagnosis = diagnose(look, None, subject, RULES)
    lesser = Finding(cause=Cause.UNDERSIZED, confidence=0.2, reasons=("full for long",), instances=("web-1",))
    diagnosis = diagnosis.model_copy(update={"findings": (diagnosis.first, lesser)})
    planned = plan(diagnosis, look, (), subject, RULES, look.at)
    found = proposals(what_follows(planned, diagnosis, look, subject, RULES))
    when, resize = found[Resize]
    assert (when, resize.cause) == ("if it is undersized", Cause.UNDERSIZED)
    assert resize.permission is Permission.APPROVAL


def test_nothing_follows_where_nothing_is_proposed() -> None:
    assert seen(undersized_look(containers=scenes.GONE))[1] == ()
    planned, found = seen(undersized_look())
    assert isinstance(planned.step, Proposal)
    assert found == ()


def test_what_needs_approval_that_nobody_can_give_is_no_step() -> None:
    rules = Policy.model_construct(
        **{**dict(RULES), "approval": RULES.approval.model_copy(update={"approvers": ()})}
    )
    _, found = seen(scenes.evidence(), rules=rules)
    assert list(proposals(found)) == [Restart]
    assert [each for each in left_out(found) if "approval.approvers names nobody" in each]
