"""Cancelling a change of a table: by approval only, the change only, of the application's role only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.plans import decide, proposed, tried
from tests.unit.queues import blockers_in, busy, change, leaked, queue, queued, seen, stranger
from tests.unit.scenes import NOW, known, policy, session, target
from workflows import guard, limits
from workflows.blocking import statement_of
from workflows.effects import _headline
from workflows.models.blocker import AUTOVACUUM, PREPARED, Blocker
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import Cancellation, HandOver, LookAgain, Plan, Proposal
from workflows.models.policy import Mode, Option, Permission, Policy
from workflows.models.session import StatementIdentity
from workflows.models.target import Target

READER = 900
DDL = 500
NIGHTLY = stranger(READER, application_name="nightly", usename="shop")
ALLOWED = policy()


def look_at(*blockers: Blocker, count: int = 16, **server: Any) -> Evidence:
    """So many own sessions behind every change among these."""
    behind = [each.pid for each in blockers if each.awaits]
    return queue([*queued(count, *behind), *busy(2)], list(blockers), server)


def cancelled(decided: Plan) -> tuple[StatementIdentity, ...]:
    act = proposed(decided).act
    assert isinstance(act, Cancellation)
    return act.statements


def left_to_people(decided: Plan) -> str:
    assert isinstance(decided.step, HandOver), decided
    return " ".join(decided.left_out)


WAITING = change(DDL, READER)
USUAL = look_at(WAITING, NIGHTLY)


# what is proposed


def test_the_waiting_change_is_cancelled_by_approval_and_nothing_else() -> None:
    step = proposed(decide(USUAL))

    assert cancelled(decide(USUAL)) == (statement_of(WAITING),)
    assert step.cause is Cause.DDL_QUEUE
    assert step.permission is Permission.APPROVAL
    assert step.effect == (
        "Cancel 1 statement, only while it is still the very one that was seen: pid 500 (migration, shop, "
        "ALTER TABLE, waits for AccessExclusiveLock on public.orders for 60 s). 16 sessions of the "
        "application wait behind it. Left alone in front of it: pid 900 (nightly, shop, idle in transaction "
        "for 90 s)."
    )
    assert step.risk == (
        "The change of the table fails, and whoever runs it must run it again: at a quiet time, or with "
        "a short lock_timeout."
    )


def test_it_is_identified_by_its_session_and_the_start_of_its_statement() -> None:
    (statement,) = cancelled(decide(USUAL))

    assert WAITING.identity is not None
    assert statement.model_dump() == {**WAITING.identity.model_dump(), "query_start": WAITING.query_start}


@pytest.mark.parametrize("permission", ["alone", "approval"])
@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.APPROVE])
def test_whatever_the_policy_allows_a_person_is_asked(permission: str, mode: Mode) -> None:
    rules = policy(mode=mode, options={"cancel": permission})

    assert proposed(decide(USUAL, rules=rules)).permission is Permission.APPROVAL


def test_what_it_did_before_in_its_transaction_is_part_of_the_risk() -> None:
    look = look_at(change(DDL, READER, has_written=True), NIGHTLY)

    assert "What 500 (pid) changed before in the same transaction is lost." in proposed(decide(look)).risk


def test_every_change_in_the_queue_is_cancelled_at_once() -> None:
    second = change(501, READER, DDL)
    look = look_at(WAITING, second, NIGHTLY)

    assert cancelled(decide(look)) == (statement_of(WAITING), statement_of(second))
    assert proposed(decide(look)).effect.startswith("Cancel 2 statements,")
    assert "Left alone in front of it: pid 900" in proposed(decide(look)).effect


def test_a_change_that_nobody_of_the_application_waits_behind_is_let_be() -> None:
    look = queue([*queued(16, DDL), *busy(2)], [WAITING, change(501, READER), NIGHTLY])

    assert cancelled(decide(look)) == (statement_of(WAITING),)


@pytest.mark.parametrize(
    "reader",
    [
        NIGHTLY,
        seen(leaked(READER)),
        stranger(READER),
        Blocker(pid=0, kind=PREPARED, owner="shop"),
        Blocker(pid=33, kind=AUTOVACUUM, prevents_wraparound=True),
    ],
    ids=["other name", "own", "foreign", "prepared", "autovacuum"],
)
def test_whoever_stands_in_front_of_the_change_is_never_touched(reader: Blocker) -> None:
    waiting = change(DDL, reader.pid)
    own = [leaked(READER)] if reader.identity == leaked(READER).identity else []
    look = queue([*own, *queued(16, DDL), *busy(2)], [waiting, reader])

    assert cancelled(decide(look)) == (statement_of(waiting),)


def test_a_change_that_waits_for_a_moment_is_looked_at_again() -> None:
    assert isinstance(decide(look_at(change(DDL, READER, seconds=1.0), NIGHTLY)).step, LookAgain)


# what is left to people


@pytest.mark.parametrize("names", [{"usename": "migrator"}, {"datname": "ledger"}], ids=str)
def test_a_change_of_another_role_is_told_with_pid_and_kind(names: dict[str, Any]) -> None:
    told = left_to_people(decide(look_at(change(DDL, READER, **names), NIGHTLY)))

    assert "it is not run by shop in shop" in told
    assert "SELECT pg_cancel_backend(pid)" in told
    assert "pid 500 (migration," in told
    assert "ALTER TABLE" in told


def test_an_own_change_is_not_cancelled_where_a_foreign_one_waits_as_well() -> None:
    look = look_at(WAITING, change(501, READER, usename="migrator"), NIGHTLY)

    assert "pid 501 (migration, migrator" in left_to_people(decide(look))


@pytest.mark.parametrize(
    ("server", "subject", "rules", "reason"),
    [
        ({}, target(), policy(options={"terminate": "alone"}), "the policy never allows it"),
        ({}, scenes.with_database(target(), transaction_pooler=True), ALLOWED, "transaction pooler"),
        ({"can_cancel": False}, target(), ALLOWED, "does not let poolmedic cancel statements of shop"),
    ],
    ids=["never", "pooler", "rights"],
)
def test_what_cannot_be_cancelled_goes_to_people_with_the_reason(
    server: dict[str, Any], subject: Target, rules: Policy, reason: str
) -> None:
    assert reason in left_to_people(decide(look_at(WAITING, NIGHTLY, **server), subject=subject, rules=rules))


def test_more_changes_than_the_policy_allows_go_to_people() -> None:
    rules = policy(options={"cancel": "approval"}, limits={"sessions_per_act": 1})
    look = look_at(WAITING, change(501, READER, DDL), NIGHTLY)

    assert "2 wait, and the policy allows 1 at once" in left_to_people(decide(look, rules=rules))


@pytest.mark.parametrize("status", [OutcomeStatus.REFUSED, OutcomeStatus.FAILED])
def test_it_is_not_asked_again_after_a_no_or_a_failure(status: OutcomeStatus) -> None:
    left_to_people(decide(USUAL, tried(proposed(decide(USUAL)), status)))


@pytest.mark.parametrize("status", [OutcomeStatus.DONE, OutcomeStatus.PARTLY])
def test_a_statement_that_outlived_its_cancel_is_not_told_again(status: OutcomeStatus) -> None:
    told = left_to_people(decide(USUAL, tried(proposed(decide(USUAL)), status)))

    assert "told to stop before" in told


@pytest.mark.parametrize("status", [OutcomeStatus.UNKNOWN, OutcomeStatus.NOTHING])
def test_a_lost_answer_is_looked_at_and_asked_about_again(status: OutcomeStatus) -> None:
    assert cancelled(decide(USUAL, tried(proposed(decide(USUAL)), status)))


def test_a_migration_that_tries_again_is_asked_about_as_often_as_the_policy_says() -> None:
    rules = policy(options={"cancel": "approval"}, limits={"attempts_per_option": 2})
    before = tried(proposed(decide(look_at(change(DDL, READER, seconds=400.0), NIGHTLY))))

    assert cancelled(decide(USUAL, before, rules=rules))
    assert "tried 2 times" in left_to_people(decide(USUAL, before, before, rules=rules))


def test_where_nobody_may_approve_people_are_told() -> None:
    rules = Policy.model_validate(
        {"mode": "auto", "options": {"cancel": "approval"}, "approval": {"approvers": ["ada"]}}
    )
    rules = rules.model_copy(update={"approval": rules.approval.model_copy(update={"approvers": ()})})

    assert "approval.approvers names nobody" in left_to_people(decide(USUAL, rules=rules))


# guard and limits


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


# its words, and anything


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
