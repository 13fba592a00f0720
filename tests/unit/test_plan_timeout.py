"""A timeout for the role: only where a leak came again after everything that passes, and by approval."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import FIRST_WAVE, RESTART, decide, leak_of, proposed, tried
from tests.unit.scenes import NOW, evidence, policy, session, target
from workflows import limits
from workflows.effects import _headline
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Plan, Proposal, SessionTimeout
from workflows.models.policy import Option, Permission, Policy
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.remedies.session_timeout import idle_timeout, undo

RULES = policy(
    options={
        Option.TERMINATE: Permission.ALONE,
        Option.RESTART: Permission.ALONE,
        Option.SESSION_TIMEOUT: Permission.APPROVAL,
    }
)


def ago(minutes: float) -> Any:
    return NOW - timedelta(minutes=minutes)


WAVES = tuple(tried(FIRST_WAVE, helped=True, at=ago(minutes)) for minutes in (40, 30, 20))
RESTARTED = tried(RESTART, helped=True, at=ago(10))
NEW = [session(pid, 120) for pid in range(300, 318)]


def planned(
    *attempts: Attempt,
    found: list[Session] | None = None,
    rules: Policy = RULES,
    subject: Target | None = None,
    **server: Any,
) -> Plan:
    look = leak_of(NEW if found is None else found, **server)
    return decide(look, *(attempts or (*WAVES, RESTARTED)), rules=rules, subject=subject)


def timeout_of(decided: Plan) -> SessionTimeout:
    act = proposed(decided).act
    assert isinstance(act, SessionTimeout)
    return act


def left_out(decided: Plan) -> str:
    assert not isinstance(decided.step, Proposal) or not isinstance(decided.step.act, SessionTimeout)
    return next(each for each in decided.left_out if each.startswith("Session timeout: "))


def test_where_no_instance_has_a_container_no_restart_is_waited_for() -> None:
    bare = scenes.with_instance(target(), "web-1", container=None)

    assert timeout_of(planned(*WAVES, subject=bare)).role == "shop"


def test_a_restart_that_cannot_be_done_is_not_waited_for() -> None:
    barred = scenes.containers(scenes.container(), barred={"restart": "the engine lets none through"})
    look = leak_of(NEW)

    decided = decide(look.model_copy(update={"containers": barred}), *WAVES, rules=RULES)

    assert timeout_of(decided).role == "shop"
    assert not isinstance(proposed(decide(look, *WAVES, rules=RULES)).act, SessionTimeout)


def test_a_leak_that_comes_again_and_again_is_ended_by_the_server_once_a_person_says_so() -> None:
    decided = proposed(planned())

    assert decided.permission is Permission.APPROVAL
    assert decided.act == SessionTimeout(
        role="shop",
        dbname="shop",
        timeout=timedelta(minutes=1),
        before=None,
        sessions=tuple(each.identity for each in NEW[:10]),
    )
    assert decided.effect.startswith(
        "Set idle_in_transaction_session_timeout of shop in shop to 60 s (set there now: nothing), for all "
        "sessions that begin from now on, and end the 10 leaked sessions that began without it"
    )
    assert decided.effect.endswith(
        'ALTER ROLE "shop" IN DATABASE "shop" RESET idle_in_transaction_session_timeout'
    )
    assert "honestly pauses inside a transaction for more than 60 s" in decided.risk
    assert _headline(decided.act) == "idle_in_transaction_session_timeout of shop: 60 s"


def test_what_was_set_before_is_kept_for_the_way_back() -> None:
    act = timeout_of(planned(session_timeout="120000ms"))

    assert act.before == "120000ms"
    assert undo(act).endswith("SET idle_in_transaction_session_timeout = '120000ms'")


def test_it_asks_though_the_policy_would_allow_it_alone() -> None:
    rules = policy(options=dict.fromkeys(Option, Permission.ALONE))
    assert proposed(planned(rules=rules)).permission is Permission.APPROVAL


@pytest.mark.parametrize(
    ("hold", "seconds"),
    [(None, 300), (0.0, 300), (0.1, 60), (6.0, 60), (6.01, 61), (30.0, 300), (1e15, 24 * 86_400)],
)
def test_it_is_ten_times_the_usual_hold_time(hold: float | None, seconds: int) -> None:
    assert idle_timeout(hold) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "attempts",
    [
        WAVES,
        (*WAVES, RESTARTED, tried(FIRST_WAVE, at=ago(1))),
        tuple(tried(FIRST_WAVE, OutcomeStatus.NOTHING, at=ago(each)) for each in (4, 3, 2)),
        (*(tried(FIRST_WAVE, helped=False, at=ago(each)) for each in (40, 30, 20)), RESTARTED),
    ],
    ids=["a restart needs nobody", "nothing leaked since", "nothing was ended", "it never helped"],
)
def test_what_passes_or_needs_nobody_comes_first(attempts: tuple[Attempt, ...]) -> None:
    decided = planned(*attempts)
    assert not isinstance(decided.step, Proposal) or not isinstance(decided.step.act, SessionTimeout)
    assert not [each for each in decided.left_out if each.startswith("Session timeout: ")]


def test_a_limit_of_the_server_that_may_be_shorter_is_not_made_longer() -> None:
    young = [session(pid, 59) for pid in range(300, 318)]
    assert "nobody has idled for more than 60 s yet" in left_out(planned(found=young))


def test_once_set_it_is_not_asked_for_again() -> None:
    done = tried(proposed(planned()), at=ago(5))
    assert "it was set at 02:55:00" in left_out(planned(*WAVES, RESTARTED, done))


def test_a_refusal_of_a_person_stands() -> None:
    refused = tried(proposed(planned()), OutcomeStatus.REFUSED, at=ago(5), by="ada")
    assert "ada refused it" in left_out(planned(*WAVES, RESTARTED, refused))


@pytest.mark.parametrize(
    ("server", "subject", "rules", "why"),
    [
        ({"can_set_timeout": False}, None, RULES, "the server does not let poolmedic set it for shop"),
        ({"can_terminate": False}, None, RULES, "the server does not let poolmedic set it for shop"),
        ({}, scenes.with_database(target(), transaction_pooler=True), RULES, "behind a transaction pooler"),
        ({}, None, policy(options={Option.TERMINATE: Permission.ALONE}), "the policy never allows it"),
    ],
)
def test_what_stands_in_the_way_is_told(
    server: dict[str, Any], subject: Target | None, rules: Policy, why: str
) -> None:
    assert why in left_out(planned(rules=rules, subject=subject, **server))


def with_act(**changes: Any) -> Proposal:
    proposal = proposed(planned())
    return proposal.model_copy(update={"act": proposal.act.model_copy(update=changes)})


def excess(proposal: Proposal, look: Evidence | None = None) -> str | None:
    return limits.excess(proposal, look or leak_of(NEW), target(), RULES)


def test_what_was_proposed_is_within_the_limits() -> None:
    assert excess(proposed(planned())) is None


@pytest.mark.parametrize(
    ("proposal", "why"),
    [
        (with_act(role="billing"), "billing in shop is not the application's own role"),
        (with_act(dbname="other"), "shop in other is not the application's own role"),
        (with_act(timeout=timedelta(seconds=59)), "would end work that only pauses"),
        (with_act(before="5s"), "another timeout is set than was seen: nothing"),
        (with_act(sessions=()), "0 sessions to end"),
        (with_act(sessions=(session(999, 120).identity,)), "not seen as the target's own"),
        (
            proposed(planned()).model_copy(update={"permission": Permission.ALONE}),
            "is set by approval only",
        ),
    ],
)
def test_nothing_else_is(proposal: Proposal, why: str) -> None:
    assert why in (excess(proposal) or "")


def test_without_the_database_nothing_is() -> None:
    assert "could not be read" in (excess(proposed(planned()), evidence(database=scenes.GONE)) or "")
