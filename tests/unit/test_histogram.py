"""Quantiles of cumulative histograms, and the worst stretch of a window."""

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.histogram import quantile, worst_quantile
from activities.series import Sample, Timeline

INF = math.inf
BOUNDS = (0.01, 0.1, 1.0, 5.0, INF)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ({0.1: 100, 1.0: 100, INF: 100}, 0.095),
        ({0.1: 0, 1.0: 100, INF: 100}, 0.955),
        ({0.1: 90, 1.0: 100, INF: 100}, 0.55),
        ({0.1: 10, 1.0: 10, INF: 100}, 1.0),
        ({-1.0: 100, 1.0: 100, INF: 100}, -1.0),
    ],
)
def test_a_quantile_lies_inside_its_bucket(buckets: Mapping[float, float], expected: float) -> None:
    assert quantile(0.95, buckets) == pytest.approx(expected)


@pytest.mark.parametrize(
    "buckets",
    [{}, {INF: 5}, {0.1: 0, INF: 0}, {0.1: 5, 1.0: 5}, {0.1: math.nan, INF: math.nan}],
)
def test_no_observations_have_no_quantile(buckets: Mapping[float, float]) -> None:
    assert quantile(0.95, buckets) is None


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.floats(0.5, 1))
def test_a_quantile_shares_its_bucket_with_the_real_one(waits: list[float], share: float) -> None:
    buckets = {bound: float(sum(wait <= bound for wait in waits)) for bound in BOUNDS}
    told = quantile(share, buckets)
    real = sorted(waits)[max(math.ceil(share * len(waits)) - 1, 0)]
    upper = next(bound for bound in BOUNDS if real <= bound)
    lower = max([0.0, *(bound for bound in BOUNDS if bound < upper)])
    assert told is not None
    assert lower <= told <= min(upper, 5.0)


def course(
    per_step: Sequence[tuple[int, int]], step: float
) -> tuple[dict[float, list[list[Sample]]], Timeline]:
    """Fast and slow observations in each step, as the cumulative buckets that a scrape would show."""
    scrapes = [index * step for index in range(len(per_step) + 1)]
    fast = [sum(pair[0] for pair in per_step[:index]) for index in range(len(per_step) + 1)]
    both = [sum(sum(pair) for pair in per_step[:index]) for index in range(len(per_step) + 1)]
    low = [Sample(at, 1000 + value) for at, value in zip(scrapes, fast, strict=True)]
    high = [Sample(at, 2000 + value) for at, value in zip(scrapes, both, strict=True)]
    return {0.01: [low], 5.0: [high], INF: [high]}, Timeline(scrapes, ())


def worst(per_step: Sequence[tuple[int, int]], step: float = 15.0) -> float | None:
    return worst_quantile(0.95, *course(per_step, step), 0)


def test_a_quiet_window_has_no_waits() -> None:
    assert worst([(0, 0)] * 20) is None
    assert worst([]) is None


def test_a_good_window_is_good() -> None:
    assert worst([(100, 0)] * 20) == pytest.approx(0.0095)


def test_a_bad_minute_is_not_hidden_by_good_ones() -> None:
    slow = worst([(1000, 0)] * 8 + [(900, 100)] * 4 + [(1000, 0)] * 8)
    assert slow is not None
    assert slow > 1


def test_one_slow_request_in_a_quiet_minute_is_not_a_bad_minute() -> None:
    assert worst([(2, 0)] * 9 + [(1, 1)] + [(2, 0)] * 10) == pytest.approx(0.01, abs=0.01)


def test_a_bad_end_too_short_for_a_stretch_of_its_own_counts() -> None:
    slow = worst([(20, 0)] * 18 + [(0, 20)])
    assert slow is not None
    assert slow > 1


def test_a_window_shorter_than_a_minute_is_one_stretch() -> None:
    assert worst([(5, 0)] * 3, step=1.0) == pytest.approx(0.0095)
    slow = worst([(5, 5)] * 3, step=1.0)
    assert slow is not None
    assert slow > 1


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=40),
    st.sampled_from([1.0, 15.0, 60.0]),
)
def test_the_worst_stretch_is_no_better_than_the_whole(steps: list[tuple[int, int]], step: float) -> None:
    fast, slow = sum(pair[0] for pair in steps), sum(pair[1] for pair in steps)
    whole = quantile(0.95, {0.01: fast, 5.0: fast + slow, INF: fast + slow})
    found = worst(steps, step)
    assert (found is None) == (whole is None)
    if found is not None and whole is not None:
        assert (found > 0.01) or (whole <= 0.01)
