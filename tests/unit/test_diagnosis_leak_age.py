"""From which age on an idle transaction is forgotten, and when a suspicion becomes certain."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import SECOND, first, leak_look
from tests.unit.scenes import GONE, evidence, known, policy, pool, scraped, session, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.session import Session


@pytest.mark.parametrize(("age", "is_ripe"), [(29.9, False), (30.0, False), (30.1, True)])
def test_the_age_of_the_policy_is_the_least(age: float, is_ripe: bool) -> None:
    found = first(leak_look([session(pid, age) for pid in range(18)]))

    assert (found.ripe_in is None) is is_ripe
    assert bool(found.sessions) is is_ripe


@pytest.mark.parametrize(("age", "is_ripe"), [(59.0, False), (61.0, True)])
def test_usual_hold_times_raise_the_age(age: float, is_ripe: bool) -> None:
    look = leak_look(
        [session(pid, age) for pid in range(18)],
        metrics=scenes.metrics(scraped(pool(waiters=4)), usual_hold=known(20.0)),
    )

    assert (first(look).ripe_in is None) is is_ripe


def test_the_runbook_s_five_minutes_are_a_matter_of_policy() -> None:
    rules = policy(thresholds={"leak_age": "5m"})

    assert first(evidence(), rules=rules).ripe_in is not None
    assert first(leak_look(sessions(18, 301)), rules=rules).ripe_in is None


@pytest.mark.parametrize("usual", [GONE, known(float("nan")), known(-1.0), known(float("inf"))])
def test_without_a_measured_usual_hold_time_the_configured_one_counts(usual: Any) -> None:
    full = pool(waiters=4)
    look = leak_look(sessions(18), metrics=scenes.metrics(scraped(full), usual_hold=usual))
    configured = target(usual={"hold_seconds": 40.0})

    assert diagnose(look, None, configured, policy()).first.ripe_in is not None
    unknown = diagnose(look, None, target(), policy()).first
    assert unknown.ripe_in is not None
    assert "Forgotten means idle for more than 5 min; the usual hold time is not known." in unknown.reasons
    old = look.model_copy(update={"database": scenes.database(sessions(18, 301))})
    assert diagnose(old, None, target(), policy()).first.ripe_in is None


def held_now(seconds: Any, found: list[Session], usual: Any = None) -> Evidence:
    """Eighteen stand still in a transaction; what comes back was held for so long."""
    full = pool(waiters=4)
    traffic = {"hold_seconds": known(seconds), "usual_hold": usual or known(0.2)}
    return leak_look(found, metrics=scenes.metrics(scraped(full), **traffic))


@pytest.mark.parametrize(("seconds", "is_leak"), [(119.0, False), (122.0, True)])
def test_honest_work_that_waits_for_somebody_slow_is_no_leak(seconds: float, is_leak: bool) -> None:
    standing = [session(pid, seconds) for pid in range(18)]

    assert (first(held_now(40.0, standing)).cause is Cause.LEAK) is is_leak


@pytest.mark.parametrize(("now", "is_doubted"), [(0.4, False), (0.41, True), (float("nan"), False)])
def test_connections_that_come_back_late_make_a_person_judge(now: float, is_doubted: bool) -> None:
    found = first(held_now(now, sessions(18)))

    assert found.cause is Cause.LEAK
    assert bool(found.doubts) is is_doubted
    assert set(found.doubts) <= set(found.reasons)
    if is_doubted:
        assert "after 410 ms instead of 200 ms" in found.doubts[0]


def test_young_idle_transactions_that_explain_it_are_a_suspicion_until_they_are_old_enough() -> None:
    found = first(leak_look([session(pid, 10) for pid in range(18)]))

    assert found.cause is Cause.LEAK
    assert found.ripe_in == 20 * SECOND
    assert found.sessions == ()
    assert found.confidence == pytest.approx(0.9 * 0.5)


def test_a_suspicion_is_ripe_when_enough_of_the_sessions_are() -> None:
    """Five of twenty explain a quarter: the fifth oldest decides."""
    found = first(leak_look([session(pid, pid) for pid in range(3, 21)]))

    assert found.ripe_in == (30 - 16) * SECOND


@pytest.mark.parametrize("age", [0.1, 0.6, 2.0])
def test_the_short_idleness_of_every_transaction_is_no_suspicion(age: float) -> None:
    found = diagnose(leak_look([session(pid, age) for pid in range(20)]), None, target(), policy())

    assert Cause.LEAK not in {each.cause for each in found.findings}


def test_certain_ones_short_of_the_share_wait_for_the_suspected_ones() -> None:
    found = first(leak_look([*sessions(4), session(200, 12)]))

    assert found.ripe_in == 18 * SECOND
    assert found.sessions == ()


def test_as_many_suspected_ones_are_waited_for_as_the_share_still_lacks() -> None:
    found = first(leak_look([*sessions(3), session(200, 22), session(201, 18), session(202, 14)]))

    assert found.ripe_in == 12 * SECOND


def test_a_few_suspected_ones_are_no_suspicion() -> None:
    found = first(leak_look([session(200, 22), session(201, 18), session(202, 14), session(203, 13)]))

    assert found.cause is not Cause.LEAK


ALONE = policy(thresholds={"leak_age_alone": "5m"})
FULL = pool(waiters=4)


def told(under_way: int | None) -> Evidence:
    """web-1 full of sessions that have idled for a minute and a half, with so many requests under way."""
    full = FULL.model_copy(update={"in_flight": under_way})
    return leak_look(
        sessions(18, 90),
        application=scenes.application(scenes.page(full)),
        metrics=scenes.metrics(scraped(full)),
    )


def test_a_partner_that_hangs_looks_the_same_so_a_person_decides() -> None:
    found = first(told(None), rules=ALONE)

    assert len(found.sessions) == 18
    (doubt,) = found.doubts
    assert "before they have idled for 5 min, a person decides" in doubt
    assert first(told(None), rules=policy()).doubts == ()


def test_where_requests_are_counted_nobody_is_asked_for_that() -> None:
    assert first(told(4), rules=ALONE).doubts == ()


@pytest.mark.parametrize(("old", "number", "doubts"), [(18, 18, 0), (5, 5, 0), (4, 18, 1)])
def test_enough_that_have_idled_for_longer_are_ended_alone_and_only_they(
    old: int, number: int, doubts: int
) -> None:
    found = [session(100 + pid, 301 if pid < old else 90) for pid in range(18)]
    leak = first(leak_look(found), rules=ALONE)

    assert (len(leak.sessions), len(leak.doubts)) == (number, doubts)
