"""Requests that wait for something else while they hold connections, told from a leak."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.holds import FULL, SLOW, busy, causes, is_called, look_at, of, told, waiting
from tests.unit.scenes import GONE, evidence, known, page, policy, pool, scraped, session, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence


def test_connections_that_are_idle_in_transaction_and_come_back_late_are_a_hold() -> None:
    ages = [0.45 + 0.1 * number for number in range(16)]
    found = told(look_at([*[session(100 + n, age) for n, age in enumerate(ages)], *busy(4)], **SLOW)).first

    assert found.cause is Cause.HOLD
    assert found.confidence == pytest.approx(0.8 * 0.9)
    assert (found.instances, found.share) == (("web-1",), 0.8)
    assert (found.sessions, found.doubts, found.ripe_in) == ((), (), None)
    assert found.reasons == (
        (
            "Requests hold connections while the database has nothing to do for them: 16 sessions of "
            "shop-api idle in transaction, for 1.2 s in the middle and 1.9 s at most. At least 80.0 % of the "
            "20 connections checked out on web-1 are held so."
        ),
        "Connections do come back, after 2.1 s; 200 ms is known as usual.",
    )


def test_what_moved_on_since_the_look_before_is_a_hold_whatever_the_hold_times_say() -> None:
    before = scenes.before(look_at(waiting(20, 4.1)), 5.0)
    now = look_at([session(100 + number, 4.0 - number * 0.1) for number in range(20)])

    found = told(now, before).first

    assert found.cause is Cause.HOLD
    assert found.share == 1.0
    assert found.reasons[1] == (
        "19 of 19 sessions that were idle so at the look before have moved on since. "
        "Connections do come back, after 200 ms; 200 ms is known as usual."
    )


def test_one_look_is_a_suspicion_that_another_settles() -> None:
    found = told(look_at([session(100 + number, 1.5) for number in range(20)])).first

    assert (found.cause, found.ripe_in) == (Cause.HOLD, timedelta(seconds=2))
    assert found.confidence == pytest.approx(0.2)
    assert found.reasons[1] == "Whether they move on another look tells, in 2.0 s."


@pytest.mark.parametrize("wait", [1.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("late", [0.0, 0.1, 0.2])
def test_requests_that_wait_in_step_are_young_at_one_look_and_not_at_the_next(
    wait: float, late: float
) -> None:
    def seen_after(seconds: float) -> Evidence:
        return look_at([session(100 + number, seconds % wait + number / 200) for number in range(20)], **SLOW)

    young = told(seen_after(0.0)).first
    assert young.cause is Cause.UNKNOWN
    assert young.ripe_in is not None
    between = young.ripe_in.total_seconds() + late

    assert is_called(seen_after(between), scenes.before(seen_after(0.0), between))


def test_what_idles_for_so_long_that_it_may_be_forgotten_is_suspected_of_that_instead() -> None:
    look = look_at([session(100 + number, 10.0) for number in range(20)])

    assert causes(look) == [Cause.LEAK]


def test_what_did_not_move_is_no_hold_but_the_suspicion_of_a_leak() -> None:
    look = look_at(waiting(20, 20.0))

    assert causes(look, scenes.before(look)) == [Cause.LEAK]


@pytest.mark.parametrize(("moved", "is_hold"), [(9, False), (10, True)])
def test_as_many_must_have_moved_as_a_growing_leak_never_shows(moved: int, is_hold: bool) -> None:
    before = look_at([*[session(100 + number, 1.5) for number in range(moved)], *busy(20 - moved)])
    now = look_at([session(100 + number, 2.0) for number in range(20)])

    assert is_called(now, scenes.before(before, 3.0)) is is_hold


def test_a_session_that_is_gone_has_not_moved() -> None:
    before = look_at([session(number, 5.0) for number in range(1, 21)])
    now = look_at([session(100 + number, 5.0) for number in range(20)])

    assert causes(now, scenes.before(before)) == [Cause.LEAK]


@pytest.mark.parametrize(("held", "is_hold"), [(9, False), (10, True)])
def test_it_holds_the_larger_part(held: int, is_hold: bool) -> None:
    found = [session(100 + number, 1.5) for number in range(held)]

    assert is_called(look_at([*found, *busy(20 - held)], **SLOW)) is is_hold


@pytest.mark.parametrize(
    ("age", "usual", "is_hold"),
    [
        (0.25, 0.05, False),
        (0.26, 0.05, True),
        (2.0, 1.0, False),
        (2.01, 1.0, True),
        (6.3, 0.2, True),
        (6.31, 0.2, False),
    ],
)
def test_idle_for_longer_than_requests_take_and_no_longer_than_they_take_now(
    age: float, usual: float, is_hold: bool
) -> None:
    found = [session(100 + number, age) for number in range(20)]

    look = look_at(found, hold_seconds=known(2.1), usual_hold=known(usual))

    assert is_called(look) is is_hold


@pytest.mark.parametrize(("now", "is_hold"), [(0.4, False), (0.41, True), (float("nan"), False)])
def test_hold_times_above_the_factor_are_late(now: float, is_hold: bool) -> None:
    found = [session(100 + number, 0.9) for number in range(20)]

    assert is_called(look_at(found, hold_seconds=known(now))) is is_hold


def test_where_the_usual_is_not_known_the_looks_still_tell() -> None:
    unknown = {"hold_seconds": GONE, "usual_hold": GONE}
    before = scenes.before(look_at(waiting(20, 4.0), **unknown), 5.0)

    found = told(look_at([session(100 + n, 3.0) for n in range(20)], **unknown), before).first

    assert found.cause is Cause.HOLD
    assert found.reasons[1].endswith("After how long connections come back now is not known.")
    assert not is_called(look_at(waiting(20), **unknown))


@pytest.mark.parametrize(
    "other",
    [
        {"usename": "billing"},
        {"datname": "billing"},
        {"application_name": "psql"},
        {"state": "active"},
        {"in_progress": "pg_stat_progress_vacuum"},
        {"wait_event": "SyncRep"},
    ],
    ids=lambda other: next(iter(other.values())),
)
def test_only_the_target_s_own_idle_transactions_count(other: dict[str, Any]) -> None:
    found = [session(100 + number, 1.5, **other) for number in range(20)]

    assert Cause.HOLD not in causes(look_at(found, **SLOW))


def test_what_may_all_be_another_instance_s_explains_nothing() -> None:
    def look(others: int) -> Evidence:
        return evidence(
            application=scenes.application(page(FULL), page(pool(others))),
            metrics=scenes.metrics(scraped(FULL), scraped(pool(others)), **SLOW),
            containers=scenes.containers(scenes.container(1), scenes.container(2)),
            database=scenes.database([session(100 + n, 1.5) for n in range(15)], total=40),
        )

    two = target(instances=2)
    assert of(diagnose(look(5), None, two, policy())).share == 0.5
    assert not is_called(look(6), subject=two)


def test_connections_held_outside_a_transaction_count_as_far_as_they_are_checked_out() -> None:
    outside = [session(100 + number, 1.5, "idle") for number in range(12)]

    found = of(told(look_at([*outside, *busy(8)], **SLOW)))

    assert found.share == 0.6
    assert "12 sessions plain idle, though checked out." in found.reasons[0]
    own = evidence(
        application=scenes.application(page(FULL), page(pool(2))),
        metrics=scenes.metrics(scraped(FULL), scraped(pool(2)), **SLOW),
        database=scenes.database([*outside, *busy(28)], total=40),
    )
    assert not is_called(own, subject=target(instances=2))


def test_behind_a_transaction_pooler_plain_idle_sessions_are_the_pooler_s() -> None:
    outside = [session(100 + number, 1.5, "idle") for number in range(12)]
    pooled = scenes.with_database(target(), transaction_pooler=True)

    assert not is_called(look_at([*outside, *busy(8)], **SLOW), subject=pooled)
