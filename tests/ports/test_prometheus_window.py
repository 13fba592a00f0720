"""The clear window on a real Prometheus: only what was measured after the fix, and holes stay holes."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local.state import State
from tests.ports.past import (
    ERRORS,
    NOW,
    STARTED,
    TIMEOUTS,
    Past,
    Remembering,
    known,
    reason,
)

OLD, YOUNG = NOW.timestamp() - 90_000, NOW.timestamp() - 100


@pytest.fixture
async def prometheus(stack_state: State) -> AsyncIterator[Remembering]:
    async with AsyncExitStack() as stack:
        yield Remembering(stack, stack_state)


def started(ago: float) -> float:
    """An old process until 100 s ago, then a new one."""
    return OLD if ago > 100 else YOUNG


async def test_what_a_process_started_since_the_fix_counted_is_all_of_it(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(STARTED, started)
    past.add(TIMEOUTS, lambda ago: 40 if ago > 100 else 41)
    past.add(ERRORS, lambda ago: 40 if ago > 100 else 2, status="503")
    window = await prometheus.window_of_one(past)
    assert known(window.timeouts) == 41
    assert known(window.errors_503) == 2


async def test_a_counter_that_only_rose_before_the_window_is_zero(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(TIMEOUTS, lambda ago: 0 if ago > 301 else 9)
    past.add(ERRORS, lambda ago: 0 if ago > 301 else 9, status="503")
    window = await prometheus.window_of_one(past)
    assert (known(window.timeouts), known(window.errors_503)) == (0, 0)


async def test_one_sample_in_the_window_is_no_measurement(prometheus: Remembering) -> None:
    past = Past(60)
    past.add_pool()
    past.add(TIMEOUTS, 0)
    past.add_waits({"0.1": 10, "+Inf": 10})
    window = await prometheus.window_of_one(past, seconds=30)
    assert window.samples == 1
    assert window.longest_gap_seconds == 30
    for reading in (window.timeouts, window.errors_503, window.wait_p95_max):
        assert "less than twice" in reason(reading)


async def test_a_spike_between_two_steps_is_seen(prometheus: Remembering) -> None:
    past = Past(1)
    past.add_pool(active=lambda ago: 10 if ago == 97 else 2)
    assert (await prometheus.window_of_one(past)).utilization_max == 1


async def test_a_reading_that_is_no_number_is_a_hole(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool(active=lambda ago: math.nan if 60 < ago < 120 else 2)
    window = await prometheus.window_of_one(past)
    assert window.longest_gap_seconds == 60
    assert window.utilization_max == 0.2


async def test_waits_before_the_window_do_not_count(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    slow = 500.0
    past.add_waits(
        {
            "0.05": lambda ago: max(0, 300 - ago) * 2,
            "5": lambda ago: slow + max(0, 300 - ago) * 2,
            "+Inf": lambda ago: slow + max(0, 300 - ago) * 2,
        }
    )
    assert known((await prometheus.window_of_one(past)).wait_p95_max) <= 0.05


async def test_waits_of_a_new_process_count_from_its_start(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add(STARTED, started)
    past.add_waits({"0.05": lambda ago: 900.0 if ago > 100 else 0.0, "5": 900, "+Inf": 900})
    assert known((await prometheus.window_of_one(past)).wait_p95_max) > 0.05


async def test_waits_that_are_no_numbers_are_unavailable(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add_waits({"0.05": math.nan, "+Inf": math.nan})
    assert "not numbers" in reason((await prometheus.window_of_one(past)).wait_p95_max)


async def test_bucket_bounds_that_are_no_numbers_are_unavailable(prometheus: Remembering) -> None:
    past = Past()
    past.add_pool()
    past.add_waits({"tall": 3})
    assert "upper bound" in reason((await prometheus.window_of_one(past)).wait_p95_max)
