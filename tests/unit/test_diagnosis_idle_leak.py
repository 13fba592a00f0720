"""Connections forgotten outside any transaction: told by counts that agree, and never by a pid."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.idle_leaks import FULL, SECOND, TWO, busy, causes, idle, look_at, of, twice
from tests.unit.scenes import (
    GONE,
    NOW,
    evidence,
    known,
    page,
    policy,
    pool,
    scraped,
    session,
    sessions,
    target,
)
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence


def test_plain_idle_sessions_that_the_pool_counts_as_checked_out_are_an_idle_leak() -> None:
    found = twice(look_at(FULL, found=[*sessions(18, 90.0, "idle"), *busy(2)])).first

    assert found.cause is Cause.IDLE_LEAK
    assert found.confidence == pytest.approx(0.9 * 0.95)
    assert (found.instances, found.share, found.doubts) == (("web-1",), 0.9, ())
    assert found.sessions == ()
    assert found.ripe_in is None
    assert found.reasons == (
        (
            "18 sessions plain idle for 91 s to 108 s, unchanged over two looks, while the pools count 0 of "
            "their connections as idle: at least 90.0 % of the 20 connections checked out on web-1 are "
            "checked out and forgotten outside any transaction. No session is ended for it: no pid tells "
            "which of the idle ones are the pool's own."
        ),
        "Forgotten means idle for more than 60 s; 3 times the longer hold time, usual or now, is 600 ms.",
    )


def test_one_look_is_a_suspicion_that_another_settles() -> None:
    found = diagnose(look_at(FULL, found=idle(20)), None, target(), policy()).first

    assert (found.cause, found.ripe_in) == (Cause.IDLE_LEAK, 2 * SECOND)
    assert found.confidence == pytest.approx(0.5)
    assert found.reasons[0] == (
        "100.0 % of the 20 connections checked out on web-1 are plain idle on the server, but not for long "
        "enough, or in one look only; certain or dismissed in 2.0 s."
    )


@pytest.mark.parametrize(("age", "is_certain"), [(59.9, False), (60.0, False), (60.1, True)])
def test_the_age_of_the_policy_is_the_least(age: float, is_certain: bool) -> None:
    found = twice(look_at(FULL, found=idle(20, age))).first

    assert found.cause is Cause.IDLE_LEAK
    assert (found.ripe_in is None) is is_certain


@pytest.mark.parametrize(("age", "is_certain"), [(89.9, False), (90.1, True)])
@pytest.mark.parametrize("which", ["usual_hold", "hold_seconds"])
def test_hold_times_raise_the_age(which: str, age: float, is_certain: bool) -> None:
    traffic = {"usual_hold": known(20.0), "hold_seconds": known(20.0), which: known(30.0)}

    found = twice(look_at(FULL, found=idle(20, age), **traffic)).findings

    certain = [each for each in found if each.cause is Cause.IDLE_LEAK and each.ripe_in is None]
    assert bool(certain) is is_certain


@pytest.mark.parametrize(("age", "is_certain"), [(299.0, False), (301.0, True)])
def test_without_a_usual_hold_time_the_runbook_s_five_minutes_hold(age: float, is_certain: bool) -> None:
    found = twice(look_at(FULL, found=idle(20, age), usual_hold=GONE)).first

    assert found.cause is Cause.IDLE_LEAK
    assert (found.ripe_in is None) is is_certain


def test_the_age_is_a_matter_of_policy() -> None:
    rules = policy(thresholds={"idle_leak_age": "4s"})

    assert of(twice(look_at(FULL, found=idle(20, 5.0)), rules=rules)).ripe_in is None


def test_a_suspicion_is_ripe_when_enough_of_the_sessions_are() -> None:
    ages = [50.0, 40.0, 30.0, 20.0, 10.0, *[5.0] * 15]
    found = [session(100 + number, age, "idle") for number, age in enumerate(ages)]

    assert twice(look_at(FULL, found=found)).first.ripe_in == 50 * SECOND


@pytest.mark.parametrize("age", [0.1, 0.6, 2.0])
def test_a_connection_between_two_requests_is_no_suspicion(age: float) -> None:
    assert Cause.IDLE_LEAK not in causes(twice(look_at(FULL, found=idle(20, age))))


def test_a_pool_s_own_idle_connections_are_none_however_old() -> None:
    look = look_at(FULL, pool(2), found=[*idle(18, 900.0), *busy(22)])

    assert causes(twice(look, TWO)) == [Cause.UNDERSIZED]


def test_the_instance_that_forgets_is_named_and_no_average_taken() -> None:
    look = look_at(FULL, pool(2), found=[*idle(18 + 18), *busy(4)])

    found = of(twice(look, TWO))

    assert found.instances == ("web-1",)
    assert found.share == 0.8  # two of them may be what web-2 has checked out


def test_each_of_two_that_forget_is_named() -> None:
    found = of(twice(look_at(FULL, pool(20, waiters=1), found=idle(40)), TWO))

    assert (found.instances, found.share, found.doubts) == (("web-1", "web-2"), 1.0, ())


def restarted(ago: timedelta) -> Evidence:
    """web-1 was started anew and has idle connections again; web-2 still has what it forgot."""
    states = pool(2), pool(20, waiters=1)
    fresh = [session(900 + number, 0.1, "idle", backend_start=NOW - ago) for number in range(18)]
    return evidence(
        application=scenes.application(page(states[0], started_at=known(NOW - ago)), page(states[1])),
        metrics=scenes.metrics(*(scraped(state) for state in states)),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database([*idle(40)[20:], *fresh, *busy(2)], total=40),
    )


@pytest.mark.parametrize(
    ("ago", "share"), [(3600.0, 1.0), (scenes.NOW.timestamp() - scenes.STARTED.timestamp(), 0.0)]
)
def test_what_is_older_than_a_process_is_another_s(ago: float, share: float) -> None:
    before = look_at(FULL, pool(20, waiters=1), found=idle(40))

    found = twice(restarted(timedelta(seconds=ago)), TWO, earlier=scenes.before(before)).findings

    assert [(each.instances, each.share) for each in found if each.cause is Cause.IDLE_LEAK] == (
        [(("web-2",), share)] if share else []
    )


def in_turn(**traffic: Any) -> Evidence:
    """web-1 forgot 20; web-2 hands its connections out in turn, so that none of them is idle for long."""
    young = [session(900 + number, 0.4, "idle") for number in range(18)]
    return look_at(FULL, pool(2), found=[*idle(20), *young, *busy(2)], **traffic)


def test_where_no_other_instance_s_connections_are_old_it_is_likely_and_for_a_person() -> None:
    found = of(twice(in_turn(), TWO))

    assert (found.instances, found.share, found.ripe_in) == (("web-1",), 0.9, None)
    assert found.doubts == (
        (
            "They are so many only if requests do not leave a connection idle that they have checked out, "
            "so a person decides."
        ),
    )
    assert of(diagnose(in_turn(), None, TWO, policy())).ripe_in == 2 * SECOND


@pytest.mark.parametrize(
    "traffic",
    [{"hold_seconds": known(0.5)}, {"hold_seconds": GONE}, {"usual_hold": GONE}],
    ids=["late", "unknown", "nothing usual"],
)
def test_what_is_only_likely_needs_connections_that_come_back_in_time(traffic: dict[str, Any]) -> None:
    assert Cause.IDLE_LEAK not in causes(twice(in_turn(**traffic), TWO))


@pytest.mark.parametrize(("full", "is_called"), [(59.0, False), (60.0, True)])
def test_what_is_only_likely_needs_a_pool_that_has_been_full_for_as_long(
    full: float, is_called: bool
) -> None:
    states = FULL, pool(2)
    metrics = scenes.metrics(*(scraped(state, full_seconds=known(full)) for state in states))
    look = in_turn().model_copy(update={"metrics": metrics})

    assert (Cause.IDLE_LEAK in causes(twice(look, TWO))) is is_called


def test_what_requests_may_leave_idle_between_two_statements_is_for_a_person() -> None:
    """web-1 works outside transactions; web-2 has had its own idle connections for long."""
    between = [session(700 + number, 0.1, "idle") for number in range(8)]
    look = look_at(FULL, pool(2), found=[*idle(18, 900.0), *between, *busy(14)])

    assert of(twice(look, TWO)).doubts


def test_which_of_two_exhausted_ones_forgets_is_for_a_person_where_it_cannot_be_told() -> None:
    found = of(twice(look_at(FULL, FULL, found=[*idle(20), *busy(20)]), TWO))

    assert (found.instances, found.share) == (("web-1", "web-2"), 0.5)
    assert found.doubts == (
        "On which of web-1, web-2 they are forgotten cannot be told, so a person decides.",
    )
