"""Pools as a real Prometheus remembers them: missing, doubled, not a number, full for how long."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import pytest

from deploy.local.state import State
from tests.fakes import cases
from tests.ports.past import (
    ACTIVE,
    IDLE,
    IN_FLIGHT,
    NOW,
    SIZE,
    WAITERS,
    Past,
    Remembering,
    known,
    reason,
)
from workflows.models.reading import Known, Unavailable


@pytest.fixture
async def prometheus(stack_state: State) -> AsyncIterator[Remembering]:
    async with AsyncExitStack() as stack:
        yield Remembering(stack, stack_state)


def before_100_s(value: float, ago: float) -> float | None:
    return value if ago > 100 else None


def since_95_s(value: float, ago: float) -> float | None:
    return value if ago <= 95 else None


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf, -1.0, 2.5])
@pytest.mark.parametrize("metric", ["active", "size"])
async def test_a_gauge_that_is_no_count_is_unavailable_and_not_zero(
    prometheus: Remembering, metric: str, nonsense: float
) -> None:
    past = Past()
    past.add(ACTIVE, lambda ago: nonsense if metric == "active" and ago < 5 else 5)
    past.add(SIZE, lambda ago: nonsense if metric == "size" and ago < 5 else 10)
    past.add(IDLE, 5)
    past.add_pool("orders-2")
    prometheus.target = cases.target(profile="covetpy", instances=2)
    reading = await prometheus.read(past)
    assert "is not a count" in reason(reading.instances["orders-1"])
    assert known(reading.instances["orders-2"]).pool.active == 2


async def test_a_pool_without_its_size_is_unavailable(prometheus: Remembering) -> None:
    past = Past()
    past.add(ACTIVE, 3)
    past.add(IDLE, 7)
    past.add(SIZE, lambda ago: 10 if ago > 30 else None)
    assert SIZE in reason((await prometheus.read(past)).instances["orders-1"])


async def test_waiters_are_unknown_where_the_application_does_not_say(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    pool = (await prometheus.read_one(past)).pool
    assert (pool.waiters, pool.in_flight, pool.abandoned) == (None, None, None)


async def test_waiters_and_requests_are_told_where_it_does(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(WAITERS, 4)
    past.add(IN_FLIGHT, 9)
    pool = (await prometheus.read_one(past)).pool
    assert (pool.waiters, pool.in_flight) == (4, 9)


async def test_two_pools_under_one_instance_are_not_mixed(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(ACTIVE, 9, pool="second")
    assert "selector" in reason((await prometheus.read(past)).instances["orders-1"])


async def test_a_container_started_anew_goes_on_under_the_same_name(prometheus: Remembering) -> None:
    past = Past()
    for metric, value in ((ACTIVE, 4.0), (IDLE, 6.0), (SIZE, 10.0)):
        past.add(metric, partial(before_100_s, value), container="old")
        past.add(metric, partial(since_95_s, value), container="new")
    assert (await prometheus.read_one(past)).pool.active == 4


async def test_instances_that_nobody_configured_are_named(prometheus: Remembering) -> None:
    past = Past()
    for name in ("orders-1", "orders-9", "odd\u202e\nname"):
        past.add_pool(name)
    past.add(ACTIVE, lambda ago: 1 if ago > 200 else None, "long-gone")
    assert (await prometheus.read(past)).unexpected == ("odd name", "orders-9")


async def test_a_target_nobody_scrapes_has_no_traffic_figures_either(prometheus: Remembering) -> None:
    past = Past()
    past.add("something_else", 1.0)
    reading = await prometheus.read(past)
    assert isinstance(reading.instances["orders-1"], Unavailable)
    assert isinstance(reading.request_rate, Unavailable)
    assert isinstance(reading.hold_seconds, Unavailable)
    assert isinstance(reading.usual_rate, Unavailable)


@pytest.mark.parametrize("every", [1.0, 15.0, 60.0])
async def test_full_time_is_counted_at_any_scrape_interval(prometheus: Remembering, every: float) -> None:
    past = Past(every, back=1200)
    past.add_pool(active=lambda ago: 10 if ago <= 420 else 3)
    full = known((await prometheus.read_one(past)).full_seconds)
    assert 420 - every <= full <= 420


async def test_a_pool_full_for_longer_than_asked_is_full_at_least_that_long(prometheus: Remembering) -> None:
    past = Past(back=3000)
    past.add_pool(active=10)
    metrics = await prometheus.read_one(past, thresholds={"full_for": "20m"})
    assert known(metrics.full_seconds) >= 1200


async def test_a_hole_breaks_the_full_time(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool(active=lambda ago: None if 60 < ago < 120 else 10)
    assert known((await prometheus.read_one(past)).full_seconds) == 60


async def test_one_missed_scrape_does_not_break_it(prometheus: Remembering) -> None:
    past = Past(back=300)
    past.add_pool(active=lambda ago: None if ago == 60 else 10)
    assert known((await prometheus.read_one(past)).full_seconds) == 300


async def test_a_rule_that_is_not_there_cannot_say_that_nothing_is_wrong(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    assert cases.ALERT in reason((await prometheus.read(past)).alert_firing)


async def test_an_alert_stored_by_another_prometheus_fires_here_too(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.history.add(
        "ALERTS",
        {"alertname": cases.ALERT, "alertstate": "firing", "service": "orders"},
        [(NOW.timestamp() - 20, 1.0)],
    )
    firing = (await prometheus.read(past)).alert_firing
    assert firing == Known[bool](value=True, at=NOW - timedelta(seconds=20))


@pytest.mark.parametrize("change", [{"service": "billing"}, {"alertstate": "pending"}, {"alertname": "Else"}])
async def test_another_alert_is_not_this_one(prometheus: Remembering, change: dict[str, str]) -> None:
    past = Past()
    past.add_pool()
    labels = {"alertname": cases.ALERT, "alertstate": "firing", "service": "orders", **change}
    past.history.add("ALERTS", labels, [(NOW.timestamp(), 1.0)])
    assert isinstance((await prometheus.read(past)).alert_firing, Unavailable)
