"""What follows from connections that are forgotten outside a transaction, or held by those who wait."""

from typing import Any

import pytest

from tests.unit import plans, scenes
from tests.unit.plans import proposed, tried
from tests.unit.scenes import NOW, STARTED, evidence, known, page, policy, pool, scraped, session, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence, PoolState
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import HandOver, LookAgain, Plan, Restart
from workflows.models.policy import Option, Permission
from workflows.models.session import Session
from workflows.plan import plan

FULL = pool(waiters=4)
TWO = target(instances=2)


def idle(count: int, seconds: float = 90.0, **changes: Any) -> list[Session]:
    return [session(100 + number, seconds, "idle", **changes) for number in range(count)]


def busy(count: int, **changes: Any) -> list[Session]:
    return [session(500 + number, 0.0, "active", **changes) for number in range(count)]


def look_at(*pools: PoolState, found: list[Session], **traffic: Any) -> Evidence:
    numbers = range(1, len(pools) + 1)
    return evidence(
        application=scenes.application(*(page(state) for state in pools)),
        metrics=scenes.metrics(*(scraped(state) for state in pools), **traffic),
        containers=scenes.containers(*(scenes.container(number) for number in numbers)),
        database=scenes.database(found, total=len(found)),
    )


def decide(look: Evidence, *attempts: Attempt, previous: Evidence | None = None, **changes: Any) -> Plan:
    """After two looks that show the same, unless another one came before."""
    return plans.decide(look, *attempts, previous=previous or scenes.before(look), **changes)


LEAKED = look_at(FULL, found=[*idle(18), *busy(2)])


def test_an_idle_leak_restarts_the_instance_and_ends_no_session() -> None:
    proposal = proposed(decide(LEAKED))

    assert proposal.act == Restart(
        instance="web-1", container="shop-1", container_id=f"{1:064x}", started_at=STARTED
    )
    assert (proposal.cause, proposal.permission) == (Cause.IDLE_LEAK, Permission.ALONE)
    assert "no pid tells which of the idle ones are the pool's own" in proposal.why


def test_one_look_is_not_enough_to_restart() -> None:
    first = diagnose(LEAKED, None, target(), policy())

    assert isinstance(plan(first, LEAKED, (), target(), policy(), NOW).step, LookAgain)


def test_the_instance_that_forgets_is_restarted_and_then_the_next() -> None:
    look = look_at(FULL, pool(20, waiters=9), found=idle(40))
    first = proposed(decide(look, subject=TWO))
    then = proposed(decide(look, tried(first), subject=TWO))
    last = decide(look, tried(first), tried(then), subject=TWO)

    assert isinstance(first.act, Restart)
    assert isinstance(then.act, Restart)
    assert (first.act.instance, then.act.instance) == ("web-2", "web-1")
    assert isinstance(last.step, HandOver)
    assert last.step.reason == (
        "connections are forgotten outside any transaction, and no instance is left to restart"
    )


def test_a_full_instance_that_forgets_nothing_is_not_the_one() -> None:
    look = look_at(FULL, pool(20, waiters=9), found=[*idle(19), *busy(21)])
    free = look_at(FULL, pool(2), found=[*idle(18 + 18), *busy(4)])

    assert proposed(decide(look, subject=TWO, rules=policy())).permission is Permission.APPROVAL
    restart = proposed(decide(free, subject=TWO))
    assert isinstance(restart.act, Restart)
    assert (restart.act.instance, restart.permission) == ("web-1", Permission.ALONE)


@pytest.mark.parametrize(("forgotten", "permission"), [(9, Permission.APPROVAL), (10, Permission.ALONE)])
def test_alone_only_where_it_holds_the_larger_part(forgotten: int, permission: Permission) -> None:
    look = look_at(FULL, found=[*idle(forgotten), *busy(20 - forgotten)])

    assert proposed(decide(look)).permission is permission


@pytest.mark.parametrize(
    "found",
    [
        [*idle(18), *busy(1), session(600, 0.0, "active", has_written=True)],
        [*idle(17), session(600, 90.0, "idle", holds_advisory_lock=True), *busy(2)],
        [*idle(18), session(600, 0.0, "active", wait_event_type="Lock"), *busy(1)],
        [*idle(18), *busy(8)],
    ],
    ids=["has written", "advisory lock", "waits for a lock", "the counts do not agree"],
)
def test_a_person_judges_what_a_restart_may_cost(found: list[Session]) -> None:
    proposal = proposed(decide(look_at(FULL, found=found)))

    assert (proposal.act.option, proposal.permission) == (Option.RESTART, Permission.APPROVAL)


def test_a_migration_that_waits_is_no_reason_to_ask() -> None:
    migration = session(
        600, 9.0, "active", wait_event_type="Lock", in_progress="pg_stat_progress_create_index"
    )

    assert proposed(decide(look_at(FULL, found=[*idle(20), migration]))).permission is Permission.ALONE


def test_under_the_hands_of_people_it_asks() -> None:
    found = diagnose(LEAKED, scenes.before(LEAKED), target(), policy())
    decided = plan(found, LEAKED, (), target(), policy(), NOW, is_handed_over=True)

    assert proposed(decided).permission is Permission.APPROVAL


def test_where_no_restart_is_allowed_people_are_called() -> None:
    decided = decide(LEAKED, rules=policy(options={"terminate": "alone", "resize": "alone"}))

    assert isinstance(decided.step, HandOver)
    assert decided.left_out == ("Restart: the policy never allows it.",)


def test_what_a_restart_did_not_heal_goes_to_people_and_not_to_another_restart() -> None:
    again = look_at(FULL, found=idle(20))
    restart = proposed(decide(LEAKED))

    decided = decide(again, tried(restart))

    assert isinstance(decided.step, HandOver)
    assert decided.left_out == ("Restart: web-1: a restart at 02:59:00 did not help.",)


# hold


SLOW = {"hold_seconds": known(2.1), "usual_hold": known(0.2)}


def holding(count: int) -> list[Session]:
    return [session(300 + number, 1.5) for number in range(count)]


@pytest.mark.parametrize("permission", ["alone", "approval"])
def test_of_requests_that_wait_elsewhere_the_owner_is_told_and_nothing_is_touched(permission: str) -> None:
    rules = policy(options=dict.fromkeys(Option, permission))

    decided = decide(look_at(FULL, found=holding(20), **SLOW), rules=rules)

    assert decided.step == HandOver(
        reason="requests hold connections while they wait for something else than the database; "
        "nothing is ended or restarted, since they would wait for it again"
    )
    assert decided.left_out == ()


def test_a_leak_beside_them_is_ended_only_by_approval_and_nothing_is_restarted() -> None:
    before = look_at(FULL, found=[*[session(300 + n, 2.5) for n in range(12)], *forgotten()])
    look = look_at(FULL, found=[*holding(12), *forgotten()])

    asked = proposed(decide(look, previous=scenes.before(before)))
    left = decide(look, tried(asked, OutcomeStatus.FAILED), previous=scenes.before(before))

    assert asked.act.option is Option.TERMINATE
    assert asked.permission is Permission.APPROVAL
    assert isinstance(left.step, HandOver)
    assert left.left_out[-1] == (
        "Restart: requests wait for something else while they hold connections, and would do so again "
        "after it."
    )


def forgotten() -> list[Session]:
    return [session(700 + number, 90.0) for number in range(8)]
