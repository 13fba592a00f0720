"""A cancelled statement is within the limits only as it was seen, and with an approval."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.cancels import (
    ALLOWED,
    DDL,
    NIGHTLY,
    READER,
    USUAL,
    WAITING,
    look_at,
)
from tests.unit.plans import decide, proposed
from tests.unit.queues import blockers_in, busy, change, queue, stranger
from tests.unit.scenes import NOW, known, policy, session, target
from workflows import guard, limits
from workflows.blocking import statement_of
from workflows.effects import _headline
from workflows.models.blocker import Blocker
from workflows.models.evidence import Evidence
from workflows.models.plan import Cancellation, Proposal
from workflows.models.policy import Option, Permission, Policy
from workflows.models.target import Target


def with_act(act: Cancellation, permission: Permission = Permission.APPROVAL) -> Proposal:
    return proposed(decide(USUAL)).model_copy(update={"act": act, "permission": permission})


def excess(
    proposal: Proposal, look: Evidence = USUAL, subject: Target | None = None, rules: Policy = ALLOWED
) -> str:
    found = limits.excess(proposal, look, subject or target(), rules)
    assert found is not None
    return found


def of(blocker: Blocker) -> Cancellation:
    statement = statement_of(blocker)
    assert statement is not None
    return Cancellation(statements=(statement,))


def test_what_was_seen_is_within_the_limits() -> None:
    assert limits.excess(proposed(decide(USUAL)), USUAL, target(), ALLOWED) is None


@pytest.mark.parametrize(
    "other",
    [
        NIGHTLY,
        change(501, READER),
        change(DDL, READER, seconds=61.0),
        change(DDL, READER, usename="migrator"),
    ],
    ids=["the reader", "unseen", "another statement", "another role"],
)
def test_nothing_but_the_waiting_change_that_was_seen_is_within_the_limits(other: Blocker) -> None:
    assert "not seen as waiting to change a table" in excess(with_act(of(other)))


def test_a_foreign_change_is_beyond_the_limits_though_it_was_seen() -> None:
    foreign = change(DDL, READER, usename="migrator")

    assert "for the application's role" in excess(with_act(of(foreign)), look_at(foreign, NIGHTLY))


def test_none_the_same_twice_and_too_many_are_beyond_the_limits() -> None:
    statement = of(WAITING).statements
    two = look_at(WAITING, change(501, READER, DDL), NIGHTLY)
    both = proposed(decide(two))

    assert "0 statements to cancel" in excess(with_act(Cancellation(statements=())))
    assert "2 statements to cancel" in excess(with_act(Cancellation(statements=statement * 2)))
    small = policy(options={"cancel": "approval"}, limits={"sessions_per_act": 1})
    assert "the policy allows 1" in excess(both, two, rules=small)


def test_alone_pooled_and_unread_are_beyond_the_limits() -> None:
    proposal = proposed(decide(USUAL))
    pooled = scenes.with_database(target(), transaction_pooler=True)
    unread = USUAL.model_copy(update={"database": scenes.GONE})

    assert "by approval only" in excess(with_act(of(WAITING), Permission.ALONE))
    assert "transaction pooler" in excess(proposal, subject=pooled)
    assert "could not be read" in excess(proposal, unread)


def test_a_change_that_nobody_of_the_application_waits_behind_any_more_is_beyond_the_limits() -> None:
    through = queue(busy(18), [WAITING, NIGHTLY])

    assert "nobody of the application waits behind it any more" in excess(with_act(of(WAITING)), through)


def refusal(rules: Policy, approved_by: str | None, pages: Any = None) -> str | None:
    return guard.check(
        proposed(decide(USUAL)),
        evidence=USUAL,
        pages=pages or USUAL.application,
        silence=known(None),
        attempts=(),
        target=target(),
        policy=rules,
        now=NOW,
        approved_by=approved_by,
    )


def test_the_guard_lets_it_pass_with_an_approval_only() -> None:
    alone = policy(options={"cancel": "alone"})

    assert refusal(ALLOWED, "ada") is None
    assert refusal(ALLOWED, None) == "cancel needs approval, and nobody approved it"
    assert refusal(alone, None) == "cancel needs approval, and nobody approved it"
    assert refusal(policy(options={}), "ada") == "the policy never allows cancel"


def test_the_guard_refuses_where_the_pool_is_free_by_now() -> None:
    free = scenes.application(scenes.page(scenes.pool(4)))

    assert "not exhausted in both looks" in (refusal(ALLOWED, "ada", free) or "")


def test_the_headline_says_how_many() -> None:
    assert _headline(of(WAITING)) == "cancel 1 statement, each only while it is still the one that was seen"


def test_the_default_policy_asks() -> None:
    assert Policy().options[Option.CANCEL] is Permission.APPROVAL


@st.composite
def anything(draw: st.DrawFn) -> Evidence:
    """Changes and others of any role in any order, and sessions behind any of them."""
    pids = range(500, 505)
    kinds = st.sampled_from(
        (
            lambda pid, *ahead: change(pid, *ahead, seconds=draw(st.sampled_from((1.0, 60.0)))),
            lambda pid, *ahead: change(pid, *ahead, usename="migrator"),
            lambda pid, *ahead: stranger(pid, usename="shop", blocked_by=ahead),
            lambda pid, *ahead: stranger(pid, state="active", blocked_by=ahead),
        )
    )
    blockers = [
        draw(kinds)(pid, *sorted(draw(st.sets(st.sampled_from([READER, *range(500, pid)]), max_size=2))))
        for pid in pids
    ]
    sessions = [
        session(
            200 + number,
            5.0,
            "active",
            wait_event_type="Lock",
            blocked_by=tuple(sorted(draw(st.sets(st.sampled_from([*pids, READER]), min_size=1, max_size=3)))),
        )
        for number in range(8)
    ]
    return queue(sessions, [*blockers, NIGHTLY])


@given(look=anything())
def test_whatever_is_cancelled_waits_to_change_a_table_for_the_applications_role(look: Evidence) -> None:
    step = decide(look).step
    if not isinstance(step, Proposal) or not isinstance(step.act, Cancellation):
        return
    seen_ones = {statement_of(each): each for each in blockers_in(look)}
    assert step.permission is Permission.APPROVAL
    for statement in step.act.statements:
        blocker = seen_ones[statement]
        assert blocker.awaits is not None
        assert blocker.blocked_by
        assert statement.usename == "shop"
    assert limits.excess(step, look, target(), ALLOWED) is None
