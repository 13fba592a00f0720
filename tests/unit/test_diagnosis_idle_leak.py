"""Connections forgotten outside any transaction: told by counts that agree, and never by a pid."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit import arbitrary, arbitrary_cases, scenes
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
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence, PoolState, StatementReading
from workflows.models.policy import Policy
from workflows.models.session import Session
from workflows.models.target import Target

SECOND = timedelta(seconds=1)
FULL = pool(waiters=4)
TWO = target(instances=2)


def idle(count: int, seconds: float = 90.0, **changes: Any) -> list[Session]:
    """Plain idle for that long, every one; pids from 100."""
    return [session(100 + number, seconds, "idle", **changes) for number in range(count)]


def busy(count: int, first: int = 500) -> list[Session]:
    return [session(first + number, 0.0, "active") for number in range(count)]


def look_at(*pools: PoolState, found: list[Session], **changes: Any) -> Evidence:
    """web-1, web-2, ... with these pools, and these sessions."""
    numbers = range(1, len(pools) + 1)
    return evidence(
        application=scenes.application(*(page(state) for state in pools)),
        metrics=scenes.metrics(*(scraped(state, full_seconds=known(400.0)) for state in pools), **changes),
        containers=scenes.containers(*(scenes.container(number) for number in numbers)),
        database=scenes.database(found, total=len(found)),
    )


def twice(
    look: Evidence,
    subject: Target | None = None,
    rules: Policy | None = None,
    earlier: Evidence | None = None,
) -> Diagnosis:
    """The look, and the same 20 s before unless another one is given."""
    return diagnose(look, earlier or scenes.before(look), subject or target(), rules or policy())


def of(diagnosis: Diagnosis) -> Finding:
    return next(found for found in diagnosis.findings if found.cause is Cause.IDLE_LEAK)


def causes(diagnosis: Diagnosis) -> list[Cause]:
    return [found.cause for found in diagnosis.findings]


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


@pytest.mark.parametrize(
    "other",
    [
        {"usename": "billing"},
        {"datname": "billing"},
        {"application_name": "psql"},
        {"state": "active"},
        {"state": "idle in transaction"},
    ],
    ids=lambda other: next(iter(other.values())),
)
def test_only_the_target_s_own_plain_idle_ones_count(other: dict[str, Any]) -> None:
    found = [session(100 + number, 90.0, **{"state": "idle", **other}) for number in range(20)]

    assert Cause.IDLE_LEAK not in causes(twice(look_at(FULL, found=found)))


@pytest.mark.parametrize(("forgotten", "is_called"), [(4, False), (5, True)])
def test_they_hold_a_real_share_of_what_is_checked_out(forgotten: int, is_called: bool) -> None:
    look = look_at(FULL, found=[*idle(forgotten), *busy(20 - forgotten)])

    assert (Cause.IDLE_LEAK in causes(twice(look))) is is_called


def test_what_moved_between_the_looks_is_not_forgotten() -> None:
    look = look_at(FULL, found=idle(20))
    moved = look_at(FULL, found=idle(20, 95.0))

    found = of(twice(look, earlier=scenes.before(moved)))

    assert found.ripe_in == 2 * SECOND


def test_counts_must_agree_at_both_looks() -> None:
    look = look_at(FULL, found=idle(20))
    before = look_at(pool(4), found=idle(20))

    assert of(twice(look, earlier=scenes.before(before))).ripe_in is not None
    assert of(twice(look)).ripe_in is None


@pytest.mark.parametrize(
    "earlier",
    [
        look_at(FULL, found=idle(20)).model_copy(update={"database": GONE}),
        scenes.evidence(database=scenes.database(idle(20), started_at=scenes.NOW)),
    ],
    ids=["unread", "another server process"],
)
def test_an_earlier_look_without_these_sessions_server_is_none(earlier: Evidence) -> None:
    assert twice(look_at(FULL, found=idle(20)), earlier=scenes.before(earlier)).first.ripe_in is not None


@pytest.mark.parametrize(("strangers", "is_doubted"), [(4, False), (5, True)])
def test_own_sessions_that_no_pool_knows_of_are_taken_to_be_the_idle_ones(
    strangers: int, is_doubted: bool
) -> None:
    look = look_at(FULL, found=[*idle(18), *busy(2 + strangers)])

    found = of(twice(look))

    assert found.share == (18 - strangers) / 20
    assert bool(found.doubts) is is_doubted
    if is_doubted:
        assert found.doubts == (
            (
                "The pools have 20 connections open and the server shows 25 sessions: the counts do not "
                "agree, so a person decides."
            ),
        )
        assert set(found.doubts) <= set(found.reasons)


def test_a_pool_that_could_not_be_read_makes_a_person_judge() -> None:
    look = evidence(
        application=scenes.application(page(FULL), GONE),
        metrics=scenes.metrics(scraped(FULL), GONE),
        database=scenes.database([*idle(20), *busy(4)], total=24),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
    )

    assert "The pool of web-2 could not be counted, so a person decides." in of(twice(look, TWO)).doubts


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ({"unexpected": ("web-9",)}, "web-9"),
        ({"hold_seconds": known(4.0)}, "Connections do come back, after 4.0 s instead of 200 ms"),
    ],
)
def test_what_else_may_explain_it_makes_a_person_judge(traffic: dict[str, Any], words: str) -> None:
    found = of(twice(look_at(FULL, found=idle(20), **traffic)))

    assert len(found.doubts) == 1
    assert words in found.doubts[0]


def test_behind_a_transaction_pooler_the_idle_sessions_are_the_pooler_s() -> None:
    pooled = scenes.with_database(target(), transaction_pooler=True)

    found = twice(look_at(FULL, found=idle(20)), pooled).first

    assert found.cause is Cause.UNKNOWN
    assert any("behind a transaction pooler" in reason for reason in found.reasons)


def test_without_the_sessions_it_is_not_called() -> None:
    look = look_at(FULL, found=[]).model_copy(update={"database": GONE})

    found = twice(look).first

    assert found.cause is Cause.UNKNOWN
    assert any("idle connections are forgotten cannot be told" in reason for reason in found.reasons)


def test_a_pool_fuller_than_recovery_allows_is_healthy_and_its_leak_named() -> None:
    look = look_at(pool(15), found=[*idle(5 + 13), *busy(2)])

    assert causes(twice(look)) == [Cause.HEALTHY, Cause.IDLE_LEAK]
    assert causes(twice(look_at(pool(13), found=idle(18)))) == [Cause.HEALTHY]


def test_what_they_ran_last_says_where_to_look() -> None:
    shape = StatementReading(query_id=7, text="SELECT * FROM carts\nWHERE id = $1", calls=1, mean_seconds=1)
    found = [*idle(12, query_id=7), *[session(300 + n, 90.0, "idle", query_id=8) for n in range(8)]]
    look = look_at(FULL, found=found)
    database = scenes.database(found, statements=known((shape,)))

    reasons = of(twice(look.model_copy(update={"database": database}))).reasons

    assert "12 sessions ran last: query 7, SELECT * FROM carts WHERE id = $1." in reasons
    assert "8 sessions ran last: query 8." in reasons


@pytest.mark.parametrize("age", [10.0, 90.0])
@pytest.mark.parametrize("rate", [50.0, 300.0])
def test_it_or_the_suspicion_of_it_rules_out_spike_and_undersized(rate: float, age: float) -> None:
    assert causes(twice(look_at(FULL, found=idle(20, age), request_rate=known(rate)))) == [Cause.IDLE_LEAK]


def test_idle_sessions_that_may_be_anybody_s_still_rule_out_spike_and_undersized() -> None:
    found = twice(look_at(FULL, found=[*idle(12), *busy(16)])).first

    assert found.cause is Cause.UNKNOWN
    assert any("(12 of these sessions plain idle)" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("inside", "outside", "ranked"),
    [(12, 6, [Cause.LEAK, Cause.IDLE_LEAK]), (6, 12, [Cause.IDLE_LEAK, Cause.LEAK])],
)
def test_of_two_leaks_the_one_that_holds_more_comes_first(
    inside: int, outside: int, ranked: list[Cause]
) -> None:
    found = [*idle(outside), *[session(300 + number, 90.0) for number in range(inside)], *busy(2)]

    assert causes(twice(look_at(FULL, found=found))) == ranked


def test_two_that_wait_for_storage_beside_eighteen_forgotten_ones_are_not_what_fills_the_pool() -> None:
    waits = {"wait_event_type": "IO", "wait_event": "DataFileRead"}
    slow = [session(500 + number, 0.0, "active", **waits) for number in range(2)]

    assert causes(twice(look_at(FULL, found=[*idle(18), *slow]))) == [Cause.IDLE_LEAK, Cause.DEGRADED]


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary.evidences(), arbitrary_cases.targets(), arbitrary_cases.policies())
def test_whatever_the_evidence_no_session_is_named_and_two_looks_are_needed(
    look: Evidence, previous: Evidence, subject: Any, rules: Policy
) -> None:
    for before in (None, previous, scenes.before(look)):
        for found in diagnose(look, before, subject, rules).findings:
            if found.cause is Cause.IDLE_LEAK:
                assert found.sessions == ()
                assert found.instances
                assert not subject.database.transaction_pooler
                assert found.ripe_in is not None or before is not None
