"""What a report advises to change for good: with this target's numbers, and nothing without a reason."""

from typing import Any

import pytest

from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.markup import section
from tests.unit.scenes import known
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.pressure import Checkpoints, ServerPressure, Standby
from workflows.models.reading import Reading
from workflows.models.report import Ending, Report


def under_pressure(standbys: int) -> ServerPressure:
    return ServerPressure(
        waits={},
        standbys=(Standby(state="streaming", is_sync=False),) * standbys,
        idle_slots=0,
        kept_bytes=None,
        checkpoints=Checkpoints(timed=0, requested=0),
    )


def test_advice_on_a_leak_has_the_targets_own_numbers() -> None:
    advice = section(render(incidents.report()), "What to change for good")
    assert "Find where shop-api takes a connection" in advice
    assert "a test that counts the connections checked out before and after, and ask for one in" in advice
    assert (
        '`ALTER ROLE "shop" IN DATABASE "shop" SET idle_in_transaction_session_timeout = \'60s\'`' in advice
    )


def test_advice_on_a_small_pool_counts_the_connections_it_needs() -> None:
    # 50 requests/s that hold 0.6 s keep 30 busy: 43 at 70 %.
    busy = scenes.metrics(scenes.scraped(), hold_seconds=scenes.known(0.6))
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.UNDERSIZED, sessions=0),),
        attempts=(incidents.resize(),),
        evidence=scenes.evidence(metrics=busy, database=scenes.database([])),
    )
    text = render(report)
    advice = section(text, "What to change for good")
    assert "Configure pools of 43 connections per instance instead of 20" in advice
    assert "at most 92 per instance" in advice
    assert "with 40 the clear window was passed" in advice
    assert "processor" not in advice
    known = incidents.report().case
    assert known is not None
    case = known.model_copy(update={"target": scenes.with_database(known.target, cores=8)})
    assert (
        "at most 92 per instance, and 8 processors for 16 statements of everybody at work at once"
        in section(render(report.model_copy(update={"case": case})), "What to change for good")
    )
    assert "pools resized for 4 h 0 min (web-1 20 -> 40)" in text
    assert "idle_in_transaction" not in text


def test_advice_on_a_server_without_the_slots_is_to_raise_them_or_to_put_a_pooler_between() -> None:
    busy = scenes.metrics(scenes.scraped(), hold_seconds=scenes.known(0.6))
    small = scenes.database([], max_connections=40, pressure=known(under_pressure(0)))
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.UNDERSIZED, sessions=0),),
        attempts=(incidents.resize(),),
        evidence=scenes.evidence(metrics=busy, database=small),
    )
    advice = section(render(report), "What to change for good")
    # 43 for the pool, 3 reserved, 5 of others: 51.
    assert "Raise max_connections from 40 to at least 51 first, or put a pooler between" in advice
    assert "at a restart, not at a reload" in advice
    assert "standby" not in advice
    assert "`ALTER SYSTEM SET max_connections = '51'`" in advice
    enough = report.model_copy(
        update={"evidence": scenes.evidence(metrics=busy, database=scenes.database([], max_connections=51))}
    )
    assert "max_connections from" not in render(enough)


@pytest.mark.parametrize(
    ("pressure", "told"),
    [
        (known(under_pressure(1)), "first raise it, with a restart, on its standby"),
        (known(under_pressure(2)), "first raise it, with a restart, on each of its 2 standbys"),
        (scenes.GONE, "whether it has standbys could not be read; first raise it, with a restart, on each"),
    ],
    ids=["one", "two", "not known"],
)
def test_standbys_have_more_connections_before_the_server_that_they_follow(
    pressure: Reading[ServerPressure], told: str
) -> None:
    busy = scenes.metrics(scenes.scraped(), hold_seconds=scenes.known(0.6))
    small = scenes.database([], max_connections=40, pressure=pressure)
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.UNDERSIZED, sessions=0),),
        evidence=scenes.evidence(metrics=busy, database=small),
    )
    advice = section(render(report), "What to change for good")
    assert f"; {told}: one with less than its primary stops or pauses its recovery" in advice


def test_advice_on_a_spike_is_to_break_the_circuit_and_to_scale_out() -> None:
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.SPIKE, sessions=0),),
        attempts=(incidents.resize(),),
        evidence=scenes.evidence(database=scenes.database([])),
    )
    advice = section(render(report), "What to change for good")
    assert "Put a circuit breaker before the pool" in advice
    assert "4 requests queued for a connection at the first look; a reason" in advice
    assert "from covet.database.adapters.circuit_breaker import CircuitBreaker, " in advice
    assert "CircuitBreaker(CircuitBreakerConfig(failure_threshold=5, timeout=60.0))" in advice
    assert "Scale out while traffic grows, to more than 1 instance: no connection was left on web-1" in advice
    assert "the server has slots for at most 4 instances with pools of 20" in advice
    assert "Configure pools" not in advice
    unread = report.model_copy(update={"evidence": scenes.evidence(database=scenes.GONE)})
    assert "for how many the server has slots could not be read" in render(unread)


def test_advice_on_a_spike_is_for_a_spike_alone() -> None:
    small = incidents.report(diagnoses=(incidents.diagnosis(Cause.UNDERSIZED, sessions=0),))
    for report in (incidents.report(), small):
        assert "circuit breaker" not in render(report)
        assert "CircuitBreaker" not in render(report)
        assert "Scale out" not in render(report)


def test_advice_on_a_slow_query_names_its_shape_and_a_limit_of_its_time() -> None:
    slow = incidents.diagnosis(Cause.SLOW)
    finding = slow.first.model_copy(
        update={"query_id": incidents.QUERY, "reasons": ("half of it", "10 times")}
    )
    report = incidents.report(diagnoses=(slow.model_copy(update={"findings": (finding,)}),))
    advice = section(render(report), "What to change for good")
    assert (
        f"Look at the plan of query {incidents.QUERY}, and give its table the index that it lacks" in advice
    )
    assert "half of it 10 times." in advice
    assert "`EXPLAIN (GENERIC_PLAN) SELECT * FROM orders`" in advice
    assert '`ALTER ROLE "shop" IN DATABASE "shop" SET statement_timeout = \'60s\'`' in advice
    assert "statement_timeout" not in render(incidents.report())


def test_advice_on_a_waiting_change_of_a_table_is_to_give_up_soon() -> None:
    report = incidents.report(diagnoses=(incidents.diagnosis(Cause.DDL_QUEUE, sessions=0),))
    advice = section(render(report), "What to change for good")
    assert "Let every change of a table give up its place in the queue soon" in advice
    assert "`SET lock_timeout = '2s'`" in advice
    assert "lock_timeout" not in render(incidents.report())


def test_advice_on_a_forgotten_lock_is_that_on_a_leak() -> None:
    advice = section(
        render(incidents.report(diagnoses=(incidents.diagnosis(Cause.LOCK),))), "What to change for good"
    )
    assert "Find where shop-api takes a connection" in advice
    assert "idle_in_transaction_session_timeout" in advice


def test_advice_on_an_idle_leak_leaves_the_pool_s_own_idle_connections_alone() -> None:
    report = incidents.report(diagnoses=(incidents.diagnosis(Cause.IDLE_LEAK, sessions=0),), attempts=())

    text = render(report)
    advice = section(text, "What to change for good")
    assert "recovered from connections forgotten outside a transaction" in text
    assert "Find where shop-api takes a connection" in advice
    assert "idle_session_timeout would end both" in advice
    assert "ALTER ROLE" not in advice


def test_advice_on_a_hold_names_how_long_and_touches_no_setting_of_the_server() -> None:
    slow = scenes.metrics(scenes.scraped(), hold_seconds=known(2.1), usual_hold=known(0.2))
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.HOLD, sessions=0),),
        attempts=(),
        outcome=Ending.HANDED_OVER,
        evidence=scenes.evidence(metrics=slow),
    )

    text = render(report)
    advice = section(text, "What to change for good")
    assert "handed over to people, requests that wait while they hold connections" in text
    assert "Let shop-api call other services before it takes a connection" in advice
    assert "connections came back after 2.1 s, and are usually held for 200 ms" in advice
    assert "ALTER ROLE" not in advice


def test_advice_is_not_given_without_a_reason() -> None:
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.HEALTHY, sessions=0),), attempts=(), outcome=Ending.NOTHING_FOUND
    )
    text = render(report)
    assert "What to change for good" not in text
    assert "Nothing was done to the target." in text
    assert text.startswith("# shop: the alert fired, and nothing was found")


def test_slots_that_only_a_restart_brought_back_are_a_matter_of_the_pool() -> None:
    report = incidents.report(attempts=(incidents.termination(helped=False), incidents.restart()))
    advice = section(render(report), "What to change for good")
    assert "Let the pool notice connections that the server has closed" in advice
    assert "    max_pool_size=20," in advice
    assert "Let the pool notice" not in render(incidents.report())
    free = incidents.restart(status=OutcomeStatus.NOTHING)
    no_restart = incidents.report(attempts=(incidents.termination(helped=False), free))
    assert "Let the pool notice" not in render(no_restart)


def _waiting(waiters: int, **changes: Any) -> Report:
    full = scenes.pool(waiters=waiters)
    fields = {"full_seconds": known(120.0), "timeouts": known(0.0), **changes}
    look = scenes.evidence(
        application=scenes.application(scenes.page(full)),
        metrics=scenes.metrics(scenes.scraped(full, **fields)),
    )
    return incidents.report(evidence=look)


def test_advice_on_requests_that_never_give_up_waiting_is_a_pool_timeout() -> None:
    advice = section(render(_waiting(7)), "What to change for good")
    assert (
        "Limit how long a request waits for a connection (pool timeout, 30 s at most): 7 requests waited on "
        "web-1, full for 2 min, and none had given up"
    ) in advice
    assert "`async with adapter.pool.acquire(timeout=30) as connection:`" in advice


@pytest.mark.parametrize(
    "report",
    [
        _waiting(0),
        _waiting(7, full_seconds=known(60.0)),
        _waiting(7, timeouts=known(1.0)),
        _waiting(7, timeouts=scenes.GONE),
        _waiting(7, full_seconds=scenes.GONE),
    ],
    ids=["nobody waits", "not for long", "some gave up", "not known whether", "not known how long"],
)
def test_a_pool_timeout_is_advised_only_where_waits_have_no_end(report: Report) -> None:
    assert "pool timeout" not in render(report)
