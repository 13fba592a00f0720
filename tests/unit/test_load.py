"""The load generator's figures and limits."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.load.figures import Journal, percentiles
from deploy.load.generator import HIGHEST_RATE, LONGEST_RUN, Load, LoadError


@given(st.lists(st.floats(0, 60), min_size=1, max_size=200))
def test_percentiles_lie_in_order_within_the_values(values: list[float]) -> None:
    p50, p95, p99 = percentiles(values)
    assert p50 is not None
    assert p95 is not None
    assert p99 is not None
    assert min(values) <= p50 <= p95 <= p99 <= max(values)


def test_percentiles_of_a_known_series() -> None:
    assert percentiles([float(value) for value in range(101)]) == (50, 95, 99)
    assert percentiles([]) == (None, None, None)


def test_a_summary_counts_only_its_stretch_of_time() -> None:
    journal = Journal()
    start = time.monotonic()
    for status, seconds in (("200", 0.1), ("200", 0.3), ("503", 2.0)):
        journal.note(status, seconds)
    figures = journal.summarize(start, start + 10)
    assert (figures.answers, figures.ok, figures.statuses) == (3, 2, {"200": 2, "503": 1})
    assert figures.longest == 2.0
    assert figures.per_second == 0.3
    assert journal.summarize(start + 11, start + 20).answers == 0


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_RUN + 1, float("inf"), float("nan")])
def test_no_run_without_an_end(seconds: float) -> None:
    with pytest.raises(LoadError):
        Load("http://127.0.0.1:9", rate=1, seconds=seconds)


def test_no_users_without_an_address() -> None:
    with pytest.raises(LoadError, match="address"):
        Load(rate=1, seconds=1)


@pytest.mark.parametrize("rate", [0, -5, HIGHEST_RATE + 1, float("nan")])
async def test_no_rate_beyond_the_limits_at_any_time(rate: float) -> None:
    with pytest.raises(LoadError):
        Load("http://127.0.0.1:9", rate=rate, seconds=1)
    async with Load("http://127.0.0.1:9", rate=1, seconds=1) as load:
        with pytest.raises(LoadError):
            load.rate = rate
