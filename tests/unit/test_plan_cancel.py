"""Cancelling a change of a table: by approval only, the change only, of the application's role only."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.cancels import (
    ALLOWED,
    DDL,
    NIGHTLY,
    READER,
    USUAL,
    WAITING,
    cancelled,
    left_to_people,
    look_at,
)
from tests.unit.plans import decide, proposed, tried
from tests.unit.queues import busy, change, leaked, queue, queued, seen, stranger
from tests.unit.scenes import policy, target
from workflows.blocking import statement_of
from workflows.models.blocker import AUTOVACUUM, PREPARED, Blocker
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import LookAgain
from workflows.models.policy import Mode, Permission, Policy
from workflows.models.target import Target


def test_the_waiting_change_is_cancelled_by_approval_and_nothing_else() -> None:
    step = proposed(decide(USUAL))

    assert cancelled(decide(USUAL)) == (statement_of(WAITING),)
    assert step.cause is Cause.DDL_QUEUE
    assert step.permission is Permission.APPROVAL
    assert step.effect == (
        "Cancel 1 statement, only while it is the very one that was seen, and waits: pid 500 (migration, "
        "shop, ALTER TABLE, waits for AccessExclusiveLock on public.orders for 60 s). 16 sessions of the "
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
    told = left_to_people(decide(USUAL, tried(proposed(decide(USUAL)), status, changed=1)))

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
