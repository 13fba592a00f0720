"""A hold beside a leak, beside what it rules out, and what is told of it."""

from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit import arbitrary, arbitrary_cases, scenes
from tests.unit.holds import SLOW, causes, look_at, of, told, waiting
from tests.unit.scenes import GONE, evidence, known, page, pool, scraped, session
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence, StatementReading
from workflows.models.policy import Policy


def test_what_is_forgotten_beside_it_is_a_leak_and_for_a_person() -> None:
    forgotten = [session(300 + number, 90.0) for number in range(8)]
    moving = [session(100 + number, 2.0) for number in range(12)]
    before = look_at([*forgotten, *waiting(12, 4.0)])

    diagnosis = told(look_at([*forgotten, *moving]), scenes.before(before, 5.0))

    assert [found.cause for found in diagnosis.findings] == [Cause.HOLD, Cause.LEAK]
    (leak,) = [found for found in diagnosis.findings if found.cause is Cause.LEAK]
    assert len(leak.sessions) == 8
    assert leak.doubts == (
        (
            "Other requests wait for something else while they hold connections, and these may do so too: "
            "a person decides."
        ),
    )


def test_a_suspicion_is_dismissed_where_the_sessions_move_on() -> None:
    before = look_at([session(100 + number, 10.0) for number in range(20)])
    now = look_at([session(100 + number, 9.0) for number in range(20)])

    assert causes(now) == [Cause.LEAK]
    assert causes(now, scenes.before(before)) == [Cause.HOLD]


@pytest.mark.parametrize("rate", [50.0, 300.0])
def test_it_rules_out_spike_and_undersized(rate: float) -> None:
    assert causes(look_at(waiting(20), request_rate=known(rate), **SLOW)) == [Cause.HOLD]


def test_queries_that_run_for_long_are_no_hold() -> None:
    slow = [session(100 + number, 1.5, "active") for number in range(20)]

    assert causes(look_at(slow, **SLOW)) == [Cause.UNKNOWN]


def test_a_pool_that_is_not_exhausted_is_none() -> None:
    state = pool(19, waiters=0)
    look = evidence(
        application=scenes.application(page(pool(15))),
        metrics=scenes.metrics(scraped(state), **SLOW),
        database=scenes.database(waiting(15)),
    )

    assert causes(look) == [Cause.HEALTHY]


def test_locks_that_others_wait_for_behind_them_are_told() -> None:
    found = [*[session(100 + number, 1.5) for number in range(12)]]
    queue = [session(500 + number, 1.0, "active", wait_event_type="Lock") for number in range(8)]

    assert (
        "8 working sessions of 20 (40.0 %) wait for locks in the database."
        in of(told(look_at([*found, *queue], **SLOW))).reasons
    )


def test_what_they_ran_last_says_where_to_look() -> None:
    shape = StatementReading(query_id=7, text="SELECT * FROM carts WHERE id = $1", calls=1, mean_seconds=1)
    found = [session(100 + number, 1.5, query_id=7) for number in range(20)]
    look = look_at(found, **SLOW).model_copy(
        update={"database": scenes.database(found, statements=known((shape,)))}
    )

    assert "20 sessions ran last: query 7, SELECT * FROM carts WHERE id = $1." in of(told(look)).reasons


def test_without_the_sessions_it_is_not_called() -> None:
    found = told(look_at([], **SLOW).model_copy(update={"database": GONE})).first

    assert found.cause is Cause.UNKNOWN
    assert any(reason.startswith("Whether requests wait while they hold") for reason in found.reasons)


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary.evidences(), arbitrary_cases.targets(), arbitrary_cases.policies())
def test_whatever_the_evidence_no_session_is_named(
    look: Evidence, previous: Evidence, subject: Any, rules: Policy
) -> None:
    for before in (None, previous, scenes.before(look)):
        for found in diagnose(look, before, subject, rules).findings:
            if found.cause is Cause.HOLD:
                assert found.sessions == ()
                assert found.instances
                assert found.ripe_in is not None or found.share >= rules.thresholds.hold_share
