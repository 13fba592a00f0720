"""Idle leaks that are none, that are for a person to judge, or that stand beside something else."""

from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit import arbitrary, arbitrary_cases, scenes
from tests.unit.idle_leaks import FULL, SECOND, TWO, busy, causes, idle, look_at, of, twice
from tests.unit.scenes import (
    GONE,
    evidence,
    known,
    page,
    pool,
    scraped,
    session,
    target,
)
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence, StatementReading
from workflows.models.policy import Policy


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
