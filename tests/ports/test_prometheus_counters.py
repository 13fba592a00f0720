"""Counters as a real Prometheus remembers them: absent, born, restarted; and what is usual."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from activities.profiles.profile import Profile
from deploy.local.state import State
from tests.fakes import cases
from tests.ports.past import (
    ACTIVE,
    ERRORS,
    HOLDS,
    IDLE,
    LEAKED,
    NOW,
    REQUESTS,
    SIZE,
    STARTED,
    TIMEOUTS,
    Past,
    Remembering,
    known,
    reason,
)
from workflows.errors import NotConfigured
from workflows.models.evidence import MetricsReading
from workflows.models.reading import Known, Unavailable

OLD, YOUNG = NOW.timestamp() - 90_000, NOW.timestamp() - 100


@pytest.fixture
async def prometheus(stack_state: State) -> AsyncIterator[Remembering]:
    async with AsyncExitStack() as stack:
        yield Remembering(stack, stack_state)


def started(ago: float) -> float:
    """An old process until 100 s ago, then a new one."""
    return OLD if ago > 100 else YOUNG


async def test_the_first_503_ever_counts_although_its_series_is_new(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(ERRORS, lambda ago: 3 if ago <= 10 else None, status="503")
    past.add(ERRORS, lambda ago: 900 - ago, status="500")
    assert known((await prometheus.read_one(past)).errors_503) == 3


async def test_a_counter_older_than_the_look_is_not_taken_for_new(prometheus: Remembering) -> None:
    past = Past(back=7200)
    past.add_pool()
    past.add(TIMEOUTS, 5000)
    past.add(ERRORS, 5000, status="503")
    metrics = await prometheus.read_one(past)
    assert known(metrics.timeouts) == 0
    assert known(metrics.errors_503) == 0


async def test_a_restart_that_the_value_hides_is_seen_by_the_start(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(STARTED, lambda ago: OLD if ago > 20 else YOUNG)
    past.add(TIMEOUTS, lambda ago: 5 if ago > 20 else 7)
    assert known((await prometheus.read_one(past)).timeouts) == 7


async def test_only_the_recent_increase_counts(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(TIMEOUTS, lambda ago: (900 - ago) / 5)
    assert known((await prometheus.read_one(past)).timeouts) == 12


async def test_what_leaked_lately_is_told_and_not_all_that_ever_did(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(LEAKED, lambda ago: 500 if ago > 30 else 503)
    past.add(TIMEOUTS, lambda ago: 900 - ago)
    assert known((await prometheus.read_one(past)).leaked) == 3


async def test_counters_of_an_instance_scraped_once_say_nothing(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool(active=lambda ago: 2 if ago == 0 else None)
    past.add(TIMEOUTS, lambda ago: 40 if ago == 0 else None)
    metrics = await prometheus.read_one(past)
    assert "less than twice" in reason(metrics.timeouts)
    assert "less than twice" in reason(metrics.errors_503)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf])
async def test_a_counter_that_is_no_number_is_unavailable(prometheus: Remembering, nonsense: float) -> None:
    past = Past()
    past.add_pool()
    past.add(TIMEOUTS, nonsense)
    past.add(STARTED, nonsense)
    metrics = await prometheus.read_one(past)
    assert isinstance(metrics.timeouts, Unavailable)
    assert isinstance(metrics.started_at, Unavailable)
    assert metrics.pool.active == 2


def steady(past: Past, per_second: float, hold: float = 0.1) -> None:
    past.add_pool()
    past.add(REQUESTS, lambda ago: (past.ago[0] - ago) * per_second)
    past.add(f"{HOLDS}_count", lambda ago: (past.ago[0] - ago) * per_second)
    past.add(f"{HOLDS}_sum", lambda ago: (past.ago[0] - ago) * per_second * hold)


async def test_the_usual_is_the_middle_of_hour_day_and_week(prometheus: Remembering) -> None:
    past = Past(30, back=700_000)
    per_second = {3600.0: 10.0, 86_400.0: 50.0, 604_800.0: 20.0}

    def around(ago: float) -> float | None:
        return next((each for each in per_second if abs(ago - each) < 900), None)

    def requests(ago: float) -> float | None:
        when = around(ago)
        return None if when is None else (when + 900 - ago) * per_second[when]

    past.add_pool(active=lambda ago: 2 if ago == 0 or around(ago) else None)
    past.add(REQUESTS, requests)
    assert known((await prometheus.read(past)).usual_rate) == pytest.approx(20, rel=0.05)


async def test_an_hour_ago_that_was_an_incident_is_not_the_usual(prometheus: Remembering) -> None:
    past = Past(30, back=90_000)
    past.add_pool(active=lambda ago: 10 if 3000 < ago < 4000 else 2)
    past.add(REQUESTS, lambda ago: (90_000 - ago) * (1 if ago > 80_000 else 5))
    reading = await prometheus.read(past)
    assert known(reading.usual_rate) == pytest.approx(1, rel=0.05)


async def test_without_a_past_the_configuration_says_what_is_usual(prometheus: Remembering) -> None:
    usual = {"request_rate": 33.0, "hold_seconds": 0.2}
    prometheus.target = cases.target(profile="covetpy", usual=usual)
    past = Past(back=600)
    steady(past, 12)
    reading = await prometheus.read(past)
    assert known(reading.request_rate) == pytest.approx(12, rel=0.05)
    assert known(reading.usual_rate) == 33.0
    assert known(reading.hold_seconds) == pytest.approx(0.1, rel=0.05)
    assert known(reading.usual_hold) == 0.2


async def test_without_both_nobody_knows_what_is_usual(prometheus: Remembering) -> None:
    past = Past(back=600)
    steady(past, 12)
    assert "no comparable time" in reason((await prometheus.read(past)).usual_rate)


def errors_now(reading: MetricsReading) -> Known[float] | Unavailable:
    assert reading.errors_5xx is not None
    return reading.errors_5xx


def errors_usually(reading: MetricsReading) -> Known[float] | Unavailable:
    assert reading.usual_errors_5xx is not None
    return reading.usual_errors_5xx


async def test_every_5xx_counts_and_the_first_of_a_series_too(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(ERRORS, lambda ago: 12 if ago <= 10 else None, status="503")
    past.add(ERRORS, lambda ago: (900 - ago) / 5, status="500")
    assert known(errors_now(await prometheus.read(past))) == pytest.approx((12 + 12) / 60)


async def test_no_series_of_errors_is_none_only_where_the_target_was_scraped(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    assert known(errors_now(await prometheus.read(past))) == 0
    silent = Past()
    silent.add_pool(active=lambda ago: 2 if ago > 300 else None)
    assert "has not scraped the target" in reason(errors_now(await prometheus.read(silent)))
    young = Past(back=600)
    young.add_pool()
    assert "no comparable time" in reason(errors_usually(await prometheus.read(young)))


async def test_the_usual_errors_are_the_middle_of_hour_day_and_week(prometheus: Remembering) -> None:
    past = Past(30, back=700_000)
    per_second = {3600.0: 0.5, 86_400.0: None, 604_800.0: 0.2}

    def around(ago: float) -> float | None:
        return next((each for each in per_second if abs(ago - each) < 900), None)

    def errors(ago: float) -> float | None:
        when = around(ago)
        rate = None if when is None else per_second[when]
        return None if when is None or rate is None else (when + 900 - ago) * rate

    past.add_pool(active=lambda ago: 2 if ago == 0 or around(ago) else None)
    past.add(ERRORS, errors, status="500")
    assert known(errors_usually(await prometheus.read(past))) == pytest.approx(0.2, rel=0.05)


async def test_errors_of_an_incident_an_hour_ago_are_not_the_usual(prometheus: Remembering) -> None:
    past = Past(30, back=90_000)
    past.add_pool(active=lambda ago: 10 if 3000 < ago < 4000 else 2)
    past.add(ERRORS, lambda ago: (90_000 - ago) * (0.1 if ago > 80_000 else 5), status="503")
    assert known(errors_usually(await prometheus.read(past))) == pytest.approx(0.1, rel=0.05)


async def test_a_profile_that_counts_no_errors_has_no_reading_of_them(prometheus: Remembering) -> None:
    profile = prometheus.profiles["covetpy"]
    assert profile.usual is not None
    prometheus.profiles["covetpy"] = profile.model_copy(
        update={
            "series": profile.series.model_copy(update={"errors_5xx": None}),
            "usual": profile.usual.model_copy(update={"errors_5xx": None}),
        }
    )
    past = Past()
    past.add_pool()
    reading = await prometheus.read(past)
    assert (reading.errors_5xx, reading.usual_errors_5xx) == (None, None)


async def test_a_pool_from_which_nothing_returns_has_no_hold_time(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool(active=10)
    past.add(f"{HOLDS}_count", 500)
    past.add(f"{HOLDS}_sum", 50)
    assert isinstance((await prometheus.read(past)).hold_seconds, Unavailable)


async def test_traffic_is_told_although_it_is_scraped_seldom(prometheus: Remembering) -> None:
    past = Past(90)
    steady(past, 7)
    assert known((await prometheus.read(past)).request_rate) == pytest.approx(7, rel=0.05)


@pytest.mark.parametrize("every", [1.0, 5.0])
async def test_traffic_of_a_target_scraped_only_lately_is_not_thinned_out(
    prometheus: Remembering, every: float
) -> None:
    """Prometheus's own rate over a minute would tell a third."""
    past = Past(every, back=20)
    steady(past, 30)
    past.add_pool("orders-2")
    past.add(REQUESTS, lambda ago: (20 - ago) * 12, "orders-2")
    assert known((await prometheus.read(past)).request_rate) == pytest.approx(42, rel=0.15)


async def test_instances_scraped_for_different_times_add_up(prometheus: Remembering) -> None:
    past = Past(5)
    steady(past, 30)
    past.add_pool("orders-2", active=lambda ago: 2 if ago <= 15 else None)
    past.add(REQUESTS, lambda ago: (15 - ago) * 12 if ago <= 15 else None, "orders-2")
    assert known((await prometheus.read(past)).request_rate) == pytest.approx(42, rel=0.1)


async def test_traffic_that_is_no_number_is_unavailable(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(REQUESTS, math.nan)
    reading = await prometheus.read(past)
    assert isinstance(reading.request_rate, Unavailable)
    assert isinstance((await prometheus.window(past)).request_rate, Unavailable)


async def test_a_past_that_begins_inside_the_compared_time_is_not_the_usual(
    prometheus: Remembering,
) -> None:
    """Its rate would be told for less time than it is divided by."""
    past = Past(back=3600 + 300)
    steady(past, 12)
    assert isinstance((await prometheus.read(past)).usual_rate, Unavailable)
    assert isinstance((await prometheus.read(past)).usual_hold, Unavailable)


async def test_a_short_profile_says_what_it_does_not_name(prometheus: Remembering) -> None:
    prometheus.profiles = {
        "covetpy": Profile.model_validate(
            {
                "instance_label": "instance",
                "series": {"active": ACTIVE, "idle": IDLE, "size": SIZE},
                "pages": {"health": {"path": "/health"}, "probe": {"path": "/"}},
            }
        )
    }
    past = Past()
    past.add_pool()
    reading, metrics = await prometheus.read(past), await prometheus.read_one(past)
    for gone in (metrics.timeouts, metrics.wait_p95, reading.request_rate):
        assert "profile" in reason(gone)
    assert "profile" in reason(metrics.started_at)
    window = await prometheus.window_of_one(past)
    assert "profile" in reason(window.wait_p95_max)
    assert window.samples == 61


async def test_a_profile_this_worker_does_not_have_is_named(prometheus: Remembering) -> None:
    prometheus.target = cases.target(profile="unheard-of")
    with pytest.raises(NotConfigured, match="unheard-of"):
        await prometheus.read(Past())
    with pytest.raises(NotConfigured, match="unheard-of"):
        await prometheus.window(Past())
