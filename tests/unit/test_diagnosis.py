"""What each cause needs to be called, what speaks against it, and what is never called one."""

from datetime import timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, scenes
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
from workflows.causes.trust import lost_slots
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session
from workflows.ownership import can_be_leaked

SECOND = timedelta(seconds=1)


def leak_look(found: list[Session], total: int = 20, **changes: Any) -> Evidence:
    """web-1 full, with these sessions."""
    return evidence(database=scenes.database(found, total=total), **changes)


def first(look: Evidence, previous: Evidence | None = None, rules: Policy | None = None) -> Finding:
    return diagnose(look, previous, target(), rules or policy()).first


def finding(diagnosis: Diagnosis, cause: Cause) -> Finding:
    return next(found for found in diagnosis.findings if found.cause is cause)


def busy_look(**traffic: Any) -> Evidence:
    """web-1 full for seven minutes with queries that run, traffic as usual unless said otherwise."""
    full = pool(waiters=4)
    return evidence(
        metrics=scenes.metrics(scraped(full, full_seconds=known(420.0)), **traffic),
        database=scenes.database(sessions(20, 0.0, "active")),
    )


# leak


def test_old_idle_transactions_that_hold_the_pool_are_a_leak() -> None:
    found = first(evidence())

    assert found.cause is Cause.LEAK
    assert found.confidence == pytest.approx(0.9 * 0.85)
    assert found.instances == ("web-1",)
    assert found.ripe_in is None
    assert [each.identity.pid for each in found.sessions] == list(range(100, 118))
    assert found.reasons[0] == (
        "18 sessions idle in transaction for 91 s to 108 s, by the server's own record, in one look: 90.0 % "
        "of the 20 connections checked out on web-1."
    )
    assert found.reasons[1] == (
        "Forgotten means idle for more than 30 s; 3 times the longer hold time, usual or now, is 600 ms."
    )


def test_a_second_look_that_shows_the_same_makes_it_surer() -> None:
    look = evidence()

    found = first(look, scenes.before(look))

    assert found.confidence == pytest.approx(0.9 * 0.95)
    assert "unchanged over two looks" in found.reasons[0]


@pytest.mark.parametrize("state", ["idle in transaction", "idle in transaction (aborted)"])
def test_both_ways_to_idle_in_a_transaction_count(state: str) -> None:
    assert first(leak_look(sessions(18, state=state))).cause is Cause.LEAK


@pytest.mark.parametrize(
    "other",
    [
        {"state": "idle"},
        {"state": "active"},
        {"state": "fastpath function call"},
        {"usename": "billing"},
        {"datname": "billing"},
        {"application_name": "psql"},
        {"in_progress": "pg_stat_progress_create_index"},
        {"wait_event_type": "IPC", "wait_event": "SyncRep"},
    ],
    ids=str,
)
def test_what_is_not_the_target_s_own_idle_transaction_is_never_leaked(other: dict[str, Any]) -> None:
    strange = [session(500 + number, 4000, **other) for number in range(18)]
    diagnosis = diagnose(leak_look(strange), None, target(), policy())
    mixed = first(leak_look(strange + sessions(18)))

    assert all(found.cause is not Cause.LEAK for found in diagnosis.findings)
    assert {each.identity.pid for each in mixed.sessions} == set(range(100, 118))


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


def test_with_an_earlier_look_only_what_it_saw_unchanged_is_certain() -> None:
    look = leak_look(sessions(9) + [session(300 + number, 50) for number in range(9)])
    earlier = scenes.before(leak_look(sessions(9)))

    found = first(look, earlier)

    assert {each.identity.pid for each in found.sessions} == set(range(100, 109))


def test_a_session_that_changed_between_the_looks_is_honest_until_it_is_seen_again() -> None:
    moved = [session(100 + number, 31) for number in range(18)]
    earlier = scenes.before(leak_look(sessions(18)), 100)

    found = first(leak_look(moved), earlier)

    assert found.sessions == ()
    assert found.ripe_in == policy().pace.settle


@pytest.mark.parametrize("field", ["backend_start", "state_change", "xact_start"])
def test_the_same_pid_is_not_the_same_session(field: str) -> None:
    other: dict[str, Any] = {field: NOW - timedelta(hours=9)}
    old = [session(100 + number, 108 - number, **other) for number in range(18)]

    assert first(evidence(), scenes.before(leak_look(old))).ripe_in is not None


@pytest.mark.parametrize(
    "earlier",
    [
        evidence(database=GONE),
        evidence(database=scenes.database([], in_recovery=True)),
        evidence(database=scenes.database([], started_at=NOW - timedelta(days=3))),
    ],
    ids=["unread", "standby", "another start of the server"],
)
def test_an_earlier_look_without_these_sessions_server_is_none(earlier: Evidence) -> None:
    assert "in one look" in first(evidence(), scenes.before(earlier)).reasons[0]


@pytest.mark.parametrize(("leaked", "is_leak"), [(4, False), (5, True)])
def test_a_leak_holds_a_real_share_of_what_is_checked_out(leaked: int, is_leak: bool) -> None:
    diagnosis = diagnose(leak_look(sessions(leaked)), None, target(), policy())

    assert (diagnosis.first.cause is Cause.LEAK) is is_leak
    if not is_leak:
        assert diagnosis.first.reasons[-1] == (
            "No leak: 4 of 20 connections checked out are held idle in transaction for more than 30 s; "
            "a leak is called from 25.0 %."
        )


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


def test_sessions_that_have_written_are_named() -> None:
    found = first(leak_look([*sessions(17), session(7, 200, has_written=True)]))

    assert "Have written, and would be rolled back: 7 (pid)." in found.reasons
    assert [each.identity.pid for each in found.sessions if each.has_written] == [7]


def test_sessions_that_hold_an_advisory_lock_are_named() -> None:
    held = [session(7, 200, holds_advisory_lock=True), session(8, 200, has_written=True)]
    found = first(leak_look([*sessions(16), *held]))

    assert "Hold an advisory lock, which others could take: 7 (pid)." in found.reasons
    assert "Have written, and would be rolled back: 8 (pid)." in found.reasons


@pytest.mark.parametrize("loss", [{"has_written": True}, {"holds_advisory_lock": True}])
def test_a_session_that_is_listed_twice_counts_once_and_as_one_that_loses_something(
    loss: dict[str, Any],
) -> None:
    twice = [session(7, 200), session(7, 200, **loss), session(7, 200)]

    found = first(leak_look([*sessions(17), *twice]))

    assert len(found.sessions) == 18
    assert [each.identity.pid for each in found.sessions if each.loses_something] == [7]


def test_the_application_s_own_leak_counter_is_told() -> None:
    full = pool(waiters=4)
    look = evidence(metrics=scenes.metrics(scraped(full, leaked=known(18.0))))

    assert "web-1 itself counted 18 leaked lately." in first(look).reasons


def test_only_the_exhausted_instance_counts_never_an_average() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(pool(2)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(2)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(10), total=40),
    )

    found = diagnose(look, None, two, policy()).first

    assert (found.cause, found.instances) == (Cause.LEAK, ("web-2",))
    assert found.share == pytest.approx(0.4)
    assert "at least 40.0 % of the 20 connections checked out on web-2" in found.reasons[0]


@pytest.mark.parametrize(("others", "is_leak"), [(5, True), (6, False)])
def test_sessions_that_may_all_be_of_other_instances_explain_nothing(others: int, is_leak: bool) -> None:
    """Ten stand still; the exhausted pool has twenty busy connections, the other one so many."""
    look = evidence(
        application=scenes.application(page(pool(others)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(others)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(10), total=40),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert (found.cause is Cause.LEAK) is is_leak


def test_an_instance_that_could_not_be_read_may_have_all_of_them() -> None:
    look = evidence(
        application=scenes.application(GONE, page(pool(waiters=9))),
        metrics=scenes.metrics(GONE, scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(18), total=40),
    )

    assert diagnose(look, None, target(instances=2), policy()).first.cause is not Cause.LEAK


def test_instances_that_nobody_knows_make_a_person_judge() -> None:
    stranger = scenes.metrics(scraped(pool(waiters=4)), unexpected=("web-3",))

    (doubt,) = first(evidence(metrics=stranger)).doubts

    assert "web-3" in doubt


def test_five_hundred_leaked_sessions_are_told_in_time() -> None:
    look = leak_look(sessions(500), 500)

    began = process_time()
    found = first(look, scenes.before(look))

    assert len(found.sessions) == 500
    # Temporal gives a workflow task two seconds of a machine that has other things to do.
    assert process_time() - began < 0.5


def test_a_crowded_instance_is_not_counted_while_another_is_exhausted() -> None:
    look = evidence(
        application=scenes.application(page(pool(15)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(15)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(20), total=35),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert found.instances == ("web-2",)


def test_a_pool_fuller_than_recovery_allows_is_healthy_and_its_leak_named() -> None:
    full_enough = pool(15)
    look = leak_look(
        sessions(10),
        application=scenes.application(page(full_enough)),
        metrics=scenes.metrics(scraped(full_enough)),
    )

    diagnosis = diagnose(look, None, target(), policy())

    assert [each.cause for each in diagnosis.findings] == [Cause.HEALTHY, Cause.LEAK]


# exhaustion and health


@pytest.mark.parametrize(
    ("state", "timeouts", "probe", "is_exhausted"),
    [
        (pool(20), 0.0, known(0.1), True),
        (pool(58, 60), 0.0, known(0.1), True),
        (pool(57, 60), 0.0, known(0.1), False),
        (pool(57, 60, waiters=1), 0.0, known(0.1), True),
        (pool(57, 60), 2.0, known(0.1), True),
        (pool(57, 60), 0.0, GONE, True),
        (pool(56, 60, waiters=3), 2.0, known(0.1), False),
        (pool(0, 0), 0.0, known(0.1), True),
        (pool(57, 60, waiters=None), 0.0, known(0.1), False),
    ],
)
def test_exhausted_is_above_the_threshold_or_full_and_suffering(
    state: Any, timeouts: float, probe: Any, is_exhausted: bool
) -> None:
    look = evidence(
        application=scenes.application(page(state, probe_seconds=probe)),
        metrics=scenes.metrics(scraped(state, timeouts=known(timeouts))),
        database=scenes.database([], total=60),
    )

    causes = {each.cause for each in diagnose(look, None, target(), policy()).findings}

    assert (Cause.HEALTHY not in causes) is is_exhausted


def test_healthy_says_so_with_the_numbers() -> None:
    free = pool(4)
    look = evidence(
        application=scenes.application(page(free)),
        metrics=scenes.metrics(scraped(free)),
        database=scenes.database([], total=6),
    )

    found = first(look)

    assert (found.cause, found.confidence) == (Cause.HEALTHY, 1.0)
    assert found.reasons == ("No pool is above 95.0 %: web-1: 4 of 20 connections checked out (20.0 %).",)


@pytest.mark.parametrize(
    "silent",
    [
        {"application": GONE},
        {"application": scenes.application(GONE)},
        {"application": scenes.application(page(pool(4), probe_seconds=GONE))},
        {"application": scenes.application()},
        {"application": scenes.application(page(pool(4)), at=NOW - timedelta(minutes=2))},
        {"application": scenes.application(page(pool(4)), at=NOW + timedelta(minutes=2))},
    ],
    ids=["source", "instance", "probe", "not mentioned", "old", "from the future"],
)
def test_an_instance_that_does_not_answer_is_never_healthy(silent: dict[str, Any]) -> None:
    free = {"metrics": scenes.metrics(scraped(pool(4))), "database": scenes.database([], total=6)}

    found = first(evidence(**{**free, **silent}))

    assert found.cause is Cause.UNKNOWN
    assert found.confidence == 0.0


def test_the_page_counts_before_the_metrics_and_these_only_where_it_is_silent() -> None:
    look = evidence(application=GONE, metrics=scenes.metrics(scraped(pool(20))))

    asked = diagnose(evidence(metrics=scenes.metrics(scraped(pool(3)))), None, target(), policy())
    only_scraped = diagnose(look, None, target(), policy())

    assert asked.first.cause is Cause.LEAK
    assert only_scraped.first.cause is Cause.LEAK
    pool_reading = only_scraped.pools["web-1"]
    assert isinstance(pool_reading, Known)
    assert pool_reading.value.active == 20


def test_every_configured_instance_has_a_pool_reading_whatever_was_said() -> None:
    diagnosis = diagnose(evidence(), None, target(instances=3), policy())

    assert set(diagnosis.pools) == {"web-1", "web-2", "web-3"}
    assert isinstance(diagnosis.pools["web-3"], Unavailable)
    assert "did not mention" in diagnosis.pools["web-3"].reason


# what is missing


@pytest.mark.parametrize(
    ("database", "words"),
    [
        (GONE, "connection refused"),
        (scenes.database(sessions(18)).model_copy(update={"at": NOW - timedelta(minutes=5)}), "5 min old"),
        (scenes.database(sessions(18), in_recovery=True), "a standby in recovery"),
        (scenes.database([], total=2), "server, role or application_name may not be the right one"),
    ],
    ids=["unavailable", "stale", "in recovery", "sessions do not fit the pools"],
)
def test_without_the_right_database_the_cause_is_unknown(database: Any, words: str) -> None:
    diagnosis = diagnose(evidence(database=database), None, target(), policy())

    assert diagnosis.first.cause is Cause.UNKNOWN
    assert diagnosis.first.instances == ("web-1",)
    (missing,) = diagnosis.missing
    assert missing.startswith("database: ")
    assert words in missing


@pytest.mark.parametrize("identifier", [None, "7399999999999999999"])
def test_a_server_with_another_identifier_is_not_believed(identifier: str | None) -> None:
    named = scenes.with_database(target(), system_identifier="7300000000000000001")
    look = evidence(database=scenes.database(sessions(18), system_identifier=identifier))

    assert diagnose(evidence(), None, named, policy()).first.cause is Cause.LEAK
    diagnosis = diagnose(look, None, named, policy())
    assert diagnosis.first.cause is Cause.UNKNOWN
    assert diagnosis.missing == (
        (
            f"database: the server's system identifier is {identifier or 'not readable'}, "
            "the configuration says 7300000000000000001"
        ),
    )


def test_a_target_that_reads_from_a_standby_says_so() -> None:
    standby = scenes.with_database(target(), standby=True)
    look = evidence(database=scenes.database(sessions(18), in_recovery=True))

    assert diagnose(look, None, standby, policy()).first.cause is Cause.LEAK
    diagnosis = diagnose(evidence(), None, standby, policy())
    assert diagnosis.first.cause is Cause.UNKNOWN
    assert "not in recovery, so not the standby" in diagnosis.missing[0]


def test_every_source_that_is_missing_is_named_once() -> None:
    silent = Evidence(at=NOW, metrics=GONE, application=GONE, database=GONE, containers=GONE)

    diagnosis = diagnose(silent, None, target(instances=2), policy())

    assert diagnosis.first.cause is Cause.UNKNOWN
    assert [each.partition(":")[0] for each in diagnosis.missing] == [
        "pool of every instance",
        "application page of every instance",
        "metrics of every instance",
        "container of every instance",
        "database",
    ]


def test_an_instance_that_the_configuration_does_not_know_is_named() -> None:
    full = pool(waiters=4)
    look = evidence(metrics=scenes.metrics(scraped(full), unexpected=("web-9",)))

    assert diagnose(look, None, target(), policy()).missing == (
        "web-9: in the metrics, not in the configuration, so it was not asked",
    )


def test_an_instance_without_a_container_misses_none() -> None:
    bare = scenes.with_instance(target(), "web-1", container=None)

    assert diagnose(evidence(containers=GONE), None, bare, policy()).missing == ()


# slots that a pool lost


def lost_look(total: int = 2) -> Evidence:
    """After the sessions ended: the pool still counts twenty, the server has two."""
    return leak_look([], total)


def test_connections_the_server_has_no_more_are_a_leak_once_the_server_is_proven() -> None:
    found = first(lost_look(), scenes.before(evidence()))

    assert found.cause is Cause.LEAK
    assert found.sessions == ()
    assert found.ripe_in is None
    assert "18 connections as checked out that the server does not have any more" in found.reasons[0]


def test_a_named_server_is_proven_but_one_look_at_lost_slots_is_a_suspicion() -> None:
    named = scenes.with_database(target(), system_identifier="7300000000000000001")

    found = diagnose(lost_look(), None, named, policy()).first

    assert (found.cause, found.ripe_in) == (Cause.LEAK, policy().pace.settle)
    assert diagnose(lost_look(), scenes.before(lost_look()), named, policy()).first.ripe_in is None


def test_a_restarted_server_proves_nothing() -> None:
    restarted = evidence(database=scenes.database([], total=2, started_at=NOW - timedelta(seconds=9)))

    assert first(restarted, scenes.before(evidence())).cause is Cause.UNKNOWN


def test_idle_connections_of_another_instance_do_not_hide_what_one_has_lost() -> None:
    two = target(instances=2)
    pages = scenes.application(page(pool(waiters=1)), page(pool(0)))

    def lost(total: int) -> int:
        return lost_slots(
            evidence(application=pages, database=scenes.database([], total=total)), two, policy()
        )

    assert [lost(total) for total in (40, 36, 35, 22)] == [0, 0, 5, 18]


@pytest.mark.parametrize(("total", "lost"), [(20, 0), (25, 0), (16, 0), (15, 5), (0, 20)])
def test_a_few_connections_more_than_sessions_are_the_race_of_two_reads(total: int, lost: int) -> None:
    assert lost_slots(lost_look(total), target(), policy()) == lost


def test_behind_a_transaction_pooler_sessions_and_checkouts_do_not_compare() -> None:
    pooled = scenes.with_database(target(), transaction_pooler=True)

    assert lost_slots(lost_look(), pooled, policy()) == 0
    assert lost_slots(evidence(database=GONE), target(), policy()) == 0


# load


def test_full_for_long_at_usual_traffic_and_hold_times_is_undersized() -> None:
    found = first(busy_look())

    assert (found.cause, found.confidence, found.ripe_in) == (Cause.UNDERSIZED, 0.8, None)
    assert found.reasons == (
        "Full for 7 min without a break; undersized is called from 5 min.",
        "Traffic is 100.0 % of the usual 50.0 requests/s.",
        "Connections are held 100.0 % of the usual 200 ms.",
        "web-1: 20 of 20 connections checked out (100.0 %), 4 requests waiting.",
        (
            "No leak: 0 of 20 connections checked out are held idle in transaction for more than 30 s; "
            "a leak is called from 25.0 %."
        ),
    )


@pytest.mark.parametrize(
    "wait", [{"wait_event_type": "Lock"}, {"wait_event_type": "IPC", "wait_event": "SyncRep"}]
)
def test_work_that_the_database_holds_up_is_neither_a_spike_nor_too_small_a_pool(
    wait: dict[str, str],
) -> None:
    waiting = sessions(20, 0.0, "active", **wait)
    look = busy_look(hold_seconds=known(float("nan"))).model_copy(
        update={"database": scenes.database(waiting)}
    )

    found = first(look)

    assert found.cause is Cause.UNKNOWN
    assert any("20 working sessions of 20" in reason for reason in found.reasons)


@pytest.mark.parametrize("unknown", ["hold_seconds", "request_rate"])
def test_more_work_is_asked_about_where_the_usual_cannot_be_compared(unknown: str) -> None:
    assert first(busy_look()).doubts == ()
    assert "cannot be compared" in first(busy_look(**{unknown: GONE})).doubts[0]


@pytest.mark.parametrize(
    ("traffic", "confidence"),
    [
        ({"usual_rate": GONE}, 0.6),
        ({"request_rate": GONE}, 0.6),
        ({"usual_hold": GONE}, 0.6),
        ({"hold_seconds": GONE}, 0.6),
        ({"usual_rate": known(0.0)}, 0.6),
        ({"usual_rate": GONE, "usual_hold": GONE}, 0.4),
    ],
)
def test_without_the_usual_it_is_less_sure_and_says_so(traffic: dict[str, Any], confidence: float) -> None:
    found = first(busy_look(**traffic))

    assert found.cause is Cause.UNDERSIZED
    assert found.confidence == pytest.approx(confidence)
    assert "cannot be compared with the usual" in " ".join(found.reasons)


def test_the_configured_usual_stands_in_for_a_measured_one() -> None:
    configured = target(usual={"request_rate": 50.0, "hold_seconds": 0.2})
    look = busy_look(usual_rate=GONE, usual_hold=GONE)

    assert diagnose(look, None, configured, policy()).first.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(("full", "ripe_in"), [(299.0, SECOND), (300.0, None), (0.0, 300 * SECOND)])
def test_not_full_for_long_enough_is_looked_at_again(full: float, ripe_in: timedelta | None) -> None:
    look = busy_look()
    metrics = scenes.metrics(scraped(pool(waiters=4), full_seconds=known(full)))

    found = first(look.model_copy(update={"metrics": metrics}))

    assert (found.cause, found.ripe_in) == (Cause.UNDERSIZED, ripe_in)
    assert found.confidence == pytest.approx(0.8 if ripe_in is None else 0.4)


def test_without_the_time_it_has_been_full_it_is_not_called_undersized() -> None:
    look = busy_look().model_copy(update={"metrics": scenes.metrics(scraped(full_seconds=GONE))})

    found = first(look)

    assert found.cause is Cause.UNKNOWN
    assert "Not undersized: for how long the pool has been full could not be read." in found.reasons


def test_the_longest_full_instance_decides() -> None:
    two = target(instances=2)
    full = pool(waiters=4)
    look = evidence(
        application=scenes.application(page(full), page(full)),
        metrics=scenes.metrics(
            scraped(full, full_seconds=known(1.0)), scraped(full, full_seconds=known(400.0))
        ),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(20, 0.0, "active"), total=40),
    )

    found = diagnose(look, None, two, policy()).first

    assert (found.cause, found.ripe_in) == (Cause.UNDERSIZED, None)


@pytest.mark.parametrize(
    ("rate", "cause"), [(99.0, Cause.UNDERSIZED), (100.0, Cause.UNDERSIZED), (101.0, Cause.SPIKE)]
)
def test_traffic_above_the_factor_is_a_spike_and_not_undersized(rate: float, cause: Cause) -> None:
    diagnosis = diagnose(busy_look(request_rate=known(rate)), None, target(), policy())

    assert [each.cause for each in diagnosis.findings] == [cause]


def test_a_spike_without_known_hold_times_is_less_sure() -> None:
    look = busy_look(request_rate=known(200.0), hold_seconds=GONE)

    found = first(look)

    assert found.cause is Cause.SPIKE
    assert found.confidence == pytest.approx(0.6)
    assert found.reasons[0] == (
        "200.0 requests/s, 4.0 times the usual 50.0; a spike is called above 2 times."
    )


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (busy_look(hold_seconds=known(0.5)), "held 2.5 times as long as usual: something is slow"),
        (busy_look().model_copy(update={"database": GONE}), "a leak cannot be ruled out"),
        (
            busy_look().model_copy(update={"database": scenes.database(sessions(6, 40.0, "active"))}),
            "6 connections of 20 checked out have done nothing new",
        ),
        (
            busy_look().model_copy(update={"database": scenes.database(sessions(12, 70.0, "idle"))}),
            "(12 of these sessions plain idle)",
        ),
    ],
    ids=["slow", "no sessions", "stuck", "forgotten outside a transaction"],
)
def test_what_holds_connections_otherwise_is_neither_spike_nor_undersized(look: Evidence, words: str) -> None:
    found = first(look)

    assert found.cause is Cause.UNKNOWN
    assert any(each.startswith("Not undersized:") and words in each for each in found.reasons)
    assert any(each.startswith("No spike:") and words in each for each in found.reasons)


def test_hold_times_at_the_factor_are_still_usual_ones() -> None:
    assert first(busy_look(hold_seconds=known(0.4))).cause is Cause.UNDERSIZED


def test_what_strangers_hold_for_long_says_nothing_about_the_pool() -> None:
    strange = sessions(12, 70.0, "active", application_name="psql")

    assert (
        first(busy_look().model_copy(update={"database": scenes.database(strange)})).cause is Cause.UNDERSIZED
    )


def test_the_pool_s_own_idle_connections_may_be_idle_for_long() -> None:
    two = target(instances=2)
    full, idle = pool(waiters=4), pool(2)
    look = evidence(
        application=scenes.application(page(full), page(idle)),
        metrics=scenes.metrics(scraped(full, full_seconds=known(400.0)), scraped(idle)),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(18, 900.0, "idle") + sessions(22, 0.0, "active"), total=40),
    )

    assert diagnose(look, None, two, policy()).first.cause is Cause.UNDERSIZED


@pytest.mark.parametrize("age", [10.0, 90.0])
def test_a_leak_or_the_suspicion_of_one_rules_out_spike_and_undersized(age: float) -> None:
    look = busy_look(request_rate=known(300.0)).model_copy(
        update={"database": scenes.database([session(pid, age) for pid in range(18)])}
    )

    assert [each.cause for each in diagnose(look, None, target(), policy()).findings] == [Cause.LEAK]


# lost capacity


def test_a_container_that_does_not_run_is_lost_capacity() -> None:
    two = target(instances=2)
    full = pool(waiters=4)
    look = evidence(
        application=scenes.application(page(full), GONE),
        metrics=scenes.metrics(scraped(full, full_seconds=known(400.0)), GONE),
        database=scenes.database(sessions(20, 0.0, "active")),
        containers=scenes.containers(
            scenes.container(1),
            scenes.container(2, running=False, status="exited", exit_code=137, oom_killed=True),
        ),
    )

    diagnosis = diagnose(look, None, two, policy())

    assert [each.cause for each in diagnosis.findings] == [Cause.LOST_CAPACITY]
    assert diagnosis.first.confidence == pytest.approx(0.6 + 0.4 * 0.5)
    assert diagnosis.first.instances == ("web-2",)
    assert diagnosis.first.reasons == (
        "web-2: its container does not run (exited, exit code 137, ended for want of memory).",
        "20 connections of 40 configured are missing (50.0 %).",
    )


@pytest.mark.parametrize("size", [19, 10])
def test_a_pool_smaller_than_configured_and_exhausted_is_lost_capacity(size: int) -> None:
    small = pool(size, size, waiters=2)
    look = busy_look().model_copy(
        update={"application": scenes.application(page(small)), "database": scenes.database([], total=size)}
    )

    found = first(look)

    assert found.cause is Cause.LOST_CAPACITY
    assert f"web-1: the pool has {size} connections, configured are 20." in found.reasons


def test_a_smaller_pool_that_is_free_is_no_cause() -> None:
    look = busy_look().model_copy(
        update={
            "application": scenes.application(page(pool(2, 10))),
            "database": scenes.database([], total=10),
        }
    )

    assert [each.cause for each in diagnose(look, None, target(), policy()).findings] == [Cause.HEALTHY]


def test_stopped_instances_and_smaller_pools_add_up() -> None:
    small = pool(15, 15, waiters=2)
    look = evidence(
        application=scenes.application(page(small), GONE),
        metrics=scenes.metrics(scraped(small), GONE),
        database=scenes.database([], total=15),
        containers=scenes.containers(
            scenes.container(1), scenes.container(2, running=False, status="exited")
        ),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert found.reasons[-1] == "25 connections of 40 configured are missing (62.5 %)."
    assert found.instances == ("web-2", "web-1")


def test_causes_are_ranked_by_how_sure_they_are() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(pool(waiters=4)), GONE),
        metrics=scenes.metrics(scraped(pool()), GONE),
        containers=scenes.containers(
            scenes.container(1), scenes.container(2, running=False, status="exited")
        ),
    )

    some = diagnose(look, None, two, policy())
    more = diagnose(look, scenes.before(look), two, policy())

    assert [each.cause for each in some.findings] == [Cause.LOST_CAPACITY, Cause.LEAK]
    assert [each.cause for each in more.findings] == [Cause.LEAK, Cause.LOST_CAPACITY]


# anything at all


@settings(max_examples=150)
@given(arbitrary.evidences(), st.none() | arbitrary.evidences(), arbitrary.targets(), arbitrary.policies())
def test_whatever_the_evidence_there_is_a_diagnosis(
    look: Evidence, previous: Evidence | None, subject: Any, rules: Policy
) -> None:
    diagnosis = diagnose(look, previous, subject, rules)

    assert diagnosis.findings
    assert set(diagnosis.pools) == {instance.name for instance in subject.instances}
    ranked = [each.confidence for each in diagnosis.findings]
    assert ranked == sorted(ranked, reverse=True)
    assert all(each.reasons for each in diagnosis.findings)
    assert diagnosis == diagnose(look, previous, subject, rules)


@settings(max_examples=150)
@given(arbitrary.evidences(), st.none() | arbitrary.evidences(), arbitrary.targets(), arbitrary.policies())
def test_whatever_the_evidence_only_own_old_idle_transactions_are_called_leaked(
    look: Evidence, previous: Evidence | None, subject: Any, rules: Policy
) -> None:
    seen = look.database.value.sessions if isinstance(look.database, Known) else ()
    for found in diagnose(look, previous, subject, rules).findings:
        for each in found.sessions:
            assert each in seen
            assert can_be_leaked(each, subject)
            assert each.state_seconds > rules.thresholds.leak_age.total_seconds()
            assert found.cause is Cause.LEAK


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary.targets(), arbitrary.policies())
def test_healthy_needs_every_instance_to_answer(look: Evidence, subject: Any, rules: Policy) -> None:
    diagnosis = diagnose(look, None, subject, rules)
    if diagnosis.first.cause is Cause.HEALTHY:
        assert all(isinstance(reading, Known) for reading in diagnosis.pools.values())
        assert isinstance(look.application, Known)
        for instance in subject.instances:
            answer = look.application.value.instances[instance.name]
            assert isinstance(answer, Known)
            assert isinstance(answer.value.probe_seconds, Known)
    else:
        causes = {each.cause for each in diagnosis.findings}
        assert Cause.HEALTHY not in causes
