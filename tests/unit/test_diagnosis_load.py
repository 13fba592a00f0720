"""Too much work for a pool: when it is a spike, when the pool is too small, and when neither."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import SECOND, busy_look, first
from tests.unit.scenes import GONE, evidence, known, page, policy, pool, scraped, session, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence


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
    ("wait", "cause"),
    [
        ({"wait_event_type": "Lock"}, Cause.LOCK),
        ({"wait_event_type": "IPC", "wait_event": "SyncRep"}, Cause.DEGRADED),
    ],
)
def test_work_that_the_database_holds_up_is_neither_a_spike_nor_too_small_a_pool(
    wait: dict[str, str], cause: Cause
) -> None:
    waiting = sessions(20, 0.0, "active", **wait)
    look = busy_look(hold_seconds=known(float("nan"))).model_copy(
        update={"database": scenes.database(waiting)}
    )

    found = diagnose(look, None, target(), policy()).findings

    assert [each.cause for each in found] == [cause]
    assert "20 working sessions of 20" in found[0].reasons[0]


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
    question = "Whether the pool is too small for the usual work cannot be told"
    assert f"{question}: for how long it has been full could not be read." in found.reasons


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
        (
            busy_look().model_copy(update={"database": scenes.database(sessions(6, 40.0, "active"))}),
            "6 connections of 20 checked out have done nothing new",
        ),
    ],
    ids=["slow", "stuck"],
)
def test_what_holds_connections_otherwise_is_neither_spike_nor_undersized(look: Evidence, words: str) -> None:
    found = first(look)

    assert found.cause is Cause.UNKNOWN
    assert any(each.startswith("Not undersized:") and words in each for each in found.reasons)
    assert any(each.startswith("No spike:") and words in each for each in found.reasons)


def test_without_the_sessions_neither_can_be_told() -> None:
    found = first(busy_look().model_copy(update={"database": GONE}))

    assert found.cause is Cause.UNKNOWN
    untold = [each for each in found.reasons if "without the sessions, a leak cannot be ruled out" in each]
    assert len(untold) == 2
    assert all(each.startswith("Whether ") for each in untold)


def test_hold_times_at_the_factor_are_still_usual_ones() -> None:
    look = busy_look(hold_seconds=known(0.4))
    assert first(look, look).cause is Cause.UNDERSIZED


@pytest.mark.parametrize(("held", "is_awaited"), [(0.25, False), (0.26, True), (0.4, True)])
@pytest.mark.parametrize("rate", [100.0, 250.0], ids=["usual", "spike"])
def test_hold_times_that_have_begun_to_rise_are_looked_at_twice(
    held: float, is_awaited: bool, rate: float
) -> None:
    """They are known of what came back, and late of requests that wait for somebody slow."""
    look = busy_look(hold_seconds=known(held), request_rate=known(rate))
    found = first(look)

    assert (found.cause is Cause.UNKNOWN) is is_awaited
    assert (found.ripe_in is not None) is is_awaited
    assert first(look, look).cause is not Cause.UNKNOWN


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
