"""The contract of the port Metrics, on the fake and on a real Prometheus with the same past."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from deploy.local.state import State
from tests.fakes import cases
from tests.fakes.changes import blind, change_app, change_traffic, restart
from tests.fakes.prometheus import SCRAPE_SECONDS
from tests.ports.metrics_stage import FakeMetricsStage, MetricsStage, RealMetricsStage
from workflows.errors import SourceUnavailable
from workflows.models.evidence import InstanceMetrics, MetricsReading
from workflows.models.reading import Known, Unavailable
from workflows.models.verdict import InstanceWindow, WindowReading
from workflows.ports.requests import Look, WindowLook

FIRST, SECOND = "orders-1", "orders-2"


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, stack_state: State) -> AsyncIterator[MetricsStage]:
    async with AsyncExitStack() as stack:
        yield (
            FakeMetricsStage(instances=2)
            if request.param == "fake"
            else RealMetricsStage(stack, stack_state, instances=2)
        )


async def read(stage: MetricsStage) -> MetricsReading:
    port = await stage.port()
    return await port.read_metrics(Look(target=stage.target, policy=cases.policy(), alert_name=cases.ALERT))


async def read_window(stage: MetricsStage, **since_ago: float) -> WindowReading:
    port = await stage.port()
    return await port.read_window(
        WindowLook(
            target=stage.target,
            since=stage.ago(**since_ago),
            until=stage.now,
            step=timedelta(seconds=15),
        )
    )


def known[T](reading: Known[T] | Unavailable) -> T:
    assert isinstance(reading, Known), reading
    return reading.value


def instance(reading: MetricsReading, name: str = FIRST) -> InstanceMetrics:
    return known(reading.instances[name])


def window_of(reading: WindowReading, name: str = FIRST) -> InstanceWindow:
    return known(reading.instances[name])


async def test_one_saturated_replica_is_not_hidden_by_a_roomy_one(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(minutes=2), instance=SECOND)
    reading = await read(stage)
    assert instance(reading, FIRST).pool == stage.world.state(stage.now).apps[FIRST].pool
    assert instance(reading, SECOND).pool == stage.world.state(stage.now).apps[SECOND].pool
    assert instance(reading, SECOND).pool.utilization == 1
    assert instance(reading, FIRST).pool.utilization < 0.5


async def test_a_reading_is_as_old_as_its_scrape(stage: MetricsStage) -> None:
    stage.world.happens(blind(f"metrics/{FIRST}"), stage.ago(minutes=4))
    reading = await read(stage)
    stale, fresh = reading.instances[FIRST], reading.instances[SECOND]
    assert isinstance(stale, Known)
    assert isinstance(fresh, Known)
    assert timedelta(minutes=4) <= stage.now - stale.at <= timedelta(minutes=4, seconds=5)
    assert stage.now - fresh.at <= timedelta(seconds=5)


async def test_an_instance_that_nobody_scrapes_is_unavailable_with_a_reason(stage: MetricsStage) -> None:
    stage.world.happens(blind(f"metrics/{FIRST}"), stage.ago(minutes=20))
    reading = await read(stage)
    gone = reading.instances[FIRST]
    assert isinstance(gone, Unavailable)
    assert gone.reason
    assert set(reading.instances) == {FIRST, SECOND}
    assert instance(reading, SECOND).pool.size == 10


async def test_no_failure_yet_is_zero_for_an_instance_that_is_scraped(stage: MetricsStage) -> None:
    metrics = instance(await read(stage))
    assert known(metrics.errors_503) == 0
    assert known(metrics.timeouts) == 0
    assert known(metrics.leaked) == 0
    assert known(metrics.full_seconds) == 0
    assert known(metrics.wait_p95) < 0.1


async def test_how_often_it_is_scraped_is_told(stage: MetricsStage) -> None:
    assert instance(await read(stage)).scrape_seconds == SCRAPE_SECONDS


async def test_a_pool_that_leaks_full_shows_every_symptom(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(seconds=100), instance=FIRST)
    metrics = instance(await read(stage))
    assert known(metrics.errors_503) > 0
    assert known(metrics.timeouts) == pytest.approx(known(metrics.errors_503))
    assert metrics.pool.waiters
    assert 90 <= known(metrics.full_seconds) <= 100
    assert isinstance(metrics.wait_p95, Unavailable)


async def test_a_pool_that_was_full_and_is_not_any_more_has_not_been_full(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(seconds=100), instance=FIRST)
    stage.world.happens(restart(FIRST, stage.target.database), stage.ago(seconds=20))
    metrics = instance(await read(stage))
    assert known(metrics.full_seconds) == 0
    assert known(metrics.started_at) == stage.ago(seconds=20)


async def test_the_fewest_checked_out_lately_is_told_beside_those_of_now(stage: MetricsStage) -> None:
    stage.world.leak(2, stage.ago(seconds=100), instance=SECOND)
    stage.world.leak(4, stage.ago(seconds=8), instance=SECOND)
    metrics = instance(await read(stage), SECOND)
    assert metrics.least_active is not None
    assert known(metrics.least_active) == stage.world.state(stage.ago(seconds=12)).apps[SECOND].pool.active
    assert known(metrics.least_active) == metrics.pool.active - 4


async def test_what_was_not_scraped_lately_says_nothing_of_lately(stage: MetricsStage) -> None:
    stage.world.happens(blind(f"metrics/{FIRST}"), stage.ago(seconds=20))
    metrics = instance(await read(stage), FIRST)
    assert isinstance(metrics.least_active, Unavailable)


async def test_traffic_is_told_now_and_as_usual(stage: MetricsStage) -> None:
    stage.world.happens(change_traffic(rate=60.0), stage.ago(minutes=8))
    reading = await read(stage)
    assert known(reading.request_rate) == pytest.approx(120, rel=0.05)
    assert known(reading.usual_rate) == pytest.approx(40, rel=0.05)
    assert known(reading.hold_seconds) == pytest.approx(0.1, rel=0.05)
    assert known(reading.usual_hold) == pytest.approx(0.1, rel=0.05)


async def test_errors_are_told_by_the_second_now_and_as_usual(stage: MetricsStage) -> None:
    calm = await read(stage)
    assert calm.errors_5xx is not None
    assert calm.usual_errors_5xx is not None
    assert known(calm.errors_5xx) == known(calm.usual_errors_5xx) == 0


async def test_the_errors_of_all_instances_are_told(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(minutes=2), instance=FIRST)
    stage.world.leak(10, stage.ago(minutes=2), instance=SECOND)
    reading = await read(stage)
    refused = sum(app.refused_per_second for app in stage.world.state(stage.now).apps.values())
    assert reading.errors_5xx is not None
    assert known(reading.errors_5xx) == pytest.approx(refused, rel=0.05)
    assert refused > 0


async def test_the_alert_fires_while_a_pool_is_exhausted(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(minutes=2), instance=SECOND)
    await stage.raise_alerts()
    assert known((await read(stage)).alert_firing) is True


async def test_the_alert_does_not_fire_while_no_pool_is(stage: MetricsStage) -> None:
    await stage.raise_alerts()
    assert known((await read(stage)).alert_firing) is False


async def test_a_prometheus_that_does_not_answer_is_an_error_and_no_reading(stage: MetricsStage) -> None:
    await stage.disappear()
    with pytest.raises(SourceUnavailable):
        await read(stage)


async def test_a_quiet_window_has_every_reading(stage: MetricsStage) -> None:
    reading = await read_window(stage, minutes=5)
    window = window_of(reading)
    assert window.samples >= 60
    assert window.longest_gap_seconds <= 10
    assert window.utilization_max == pytest.approx(0.2)
    assert known(window.wait_p95_max) < 0.1
    assert known(window.timeouts) == 0
    assert known(window.errors_503) == 0
    assert known(reading.request_rate) == pytest.approx(40, rel=0.05)
    assert known(reading.usual_rate) == pytest.approx(40, rel=0.05)
    assert reading.since == stage.ago(minutes=5)


async def test_what_went_wrong_before_the_window_is_not_in_it(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(minutes=9), instance=FIRST)
    stage.world.happens(restart(FIRST, stage.target.database), stage.ago(seconds=301))
    window = window_of(await read_window(stage, seconds=295))
    assert known(window.timeouts) == 0
    assert known(window.errors_503) == 0
    assert known(window.wait_p95_max) < 0.1
    assert window.utilization_max < 0.7


async def test_what_goes_wrong_in_the_window_is_in_it(stage: MetricsStage) -> None:
    stage.world.leak(10, stage.ago(minutes=3), instance=FIRST)
    stage.world.happens(restart(FIRST, stage.target.database), stage.ago(minutes=2))
    reading = await read_window(stage, minutes=5)
    bad, good = window_of(reading, FIRST), window_of(reading, SECOND)
    assert bad.utilization_max == 1
    assert known(bad.timeouts) > 0
    assert known(bad.errors_503) > 0
    assert good.utilization_max < 0.7
    assert known(good.timeouts) == 0


async def test_slow_waits_for_part_of_the_window_are_not_averaged_away(stage: MetricsStage) -> None:
    stage.world.happens(change_app(FIRST, rate=120.0), stage.ago(seconds=150))
    stage.world.happens(change_app(FIRST, rate=20.0), stage.ago(seconds=60))
    assert known(window_of(await read_window(stage, minutes=5)).wait_p95_max) > 1


@pytest.mark.parametrize("seconds", [21.1, 41.23, 42.54])
async def test_no_waiting_time_is_lost_where_a_step_has_a_fraction_of_a_second(
    stage: MetricsStage, seconds: float
) -> None:
    stage.world.happens(change_app(FIRST, rate=120.0), stage.ago(seconds=20))
    window = window_of(await read_window(stage, seconds=seconds))
    assert known(window.wait_p95_max) > 1


async def test_a_hole_in_the_window_shows_as_a_gap(stage: MetricsStage) -> None:
    stage.world.happens(blind(f"metrics/{FIRST}"), stage.ago(minutes=3))
    window = window_of(await read_window(stage, minutes=5))
    assert 180 <= window.longest_gap_seconds <= 190
    assert window.last_at <= stage.ago(minutes=3)


async def test_an_instance_without_samples_in_the_window_is_unavailable(stage: MetricsStage) -> None:
    stage.world.happens(blind(f"metrics/{FIRST}"), stage.ago(minutes=6))
    reading = await read_window(stage, minutes=5)
    assert isinstance(reading.instances[FIRST], Unavailable)
    assert isinstance(reading.instances[SECOND], Known)


async def test_a_window_without_traffic_has_no_waits(stage: MetricsStage) -> None:
    stage.world.happens(change_traffic(rate=0.0), stage.ago(minutes=6))
    reading = await read_window(stage, minutes=5)
    assert isinstance(window_of(reading).wait_p95_max, Unavailable)
    assert known(reading.request_rate) == 0
    assert known(window_of(reading).timeouts) == 0
