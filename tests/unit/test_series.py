"""Arithmetic over scraped samples: what may be said from them, and what may not."""

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.series import (
    Overlap,
    Sample,
    Samples,
    Timeline,
    as_of,
    increase,
    join,
    longest_gap,
    unbroken_seconds,
)


def samples(*pairs: tuple[float, float]) -> Samples:
    return [Sample(*pair) for pair in pairs]


def every(seconds: float, *values: float) -> Samples:
    return [Sample(index * seconds, value) for index, value in enumerate(values)]


# one series out of several


def test_series_that_follow_one_another_are_one() -> None:
    assert join([samples((3, 1)), samples((1, 0), (2, 0)), samples()]) == samples((1, 0), (2, 0), (3, 1))


@pytest.mark.parametrize("second", [[(2, 0)], [(1.5, 0), (3, 0)], [(0, 0), (5, 0)]])
def test_series_about_the_same_time_are_not(second: list[tuple[float, float]]) -> None:
    with pytest.raises(Overlap):
        join([samples((1, 0), (2, 0)), samples(*second)])


def test_the_last_sample_that_is_not_newer() -> None:
    course = samples((1, 10), (3, 30))
    assert [as_of(course, at) for at in (0.9, 1, 2.9, 3, 99)] == [
        None,
        *[Sample(1, 10)] * 2,
        *[Sample(3, 30)] * 2,
    ]


# gaps


def test_a_gap_reaches_to_both_ends() -> None:
    assert longest_gap([10, 12, 20], start=0, end=25) == 10
    assert longest_gap([1, 12, 20], start=0, end=25) == 11
    assert longest_gap([1, 2, 3], start=0, end=25) == 22
    assert longest_gap([], start=0, end=25) == 25


# full for how long


@pytest.mark.parametrize(
    ("course", "full"),
    [
        ((), 0),
        ((1,), 0),
        ((0.5, 1, 1, 1), 10),
        ((1, 1, 1, 1), 15),
        ((1, 1, 0.94, 1), 0),
        ((1, 1, 1, 0.94), 0),
        ((0.95, 0.95), 5),
        ((1, math.nan, 1, 1), 5),
    ],
)
def test_full_time_is_the_last_stretch(course: tuple[float, ...], full: float) -> None:
    assert unbroken_seconds(every(5, *course), 0.95) == full


def test_a_missed_scrape_is_bridged_and_a_hole_is_not() -> None:
    bridged = samples((0, 1), (5, 1), (20, 1), (25, 1), (30, 1))
    broken = samples((0, 1), (5, 1), (30, 1), (35, 1), (40, 1))
    assert unbroken_seconds(bridged, 0.95) == 30
    assert unbroken_seconds(broken, 0.95) == 10


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.1, 1))
def test_full_time_never_covers_a_sample_below_the_threshold(course: list[float], threshold: float) -> None:
    full = unbroken_seconds(every(5, *course), threshold)
    covered = course[len(course) - int(full // 5) - 1 :] if full else []
    assert all(value >= threshold for value in covered)


# increases


def always(scrapes: Samples, start: float = -1e6) -> Timeline:
    """One process, older than everything."""
    return Timeline([sample.at for sample in scrapes], samples((-1e5, start)))


def test_a_counter_that_does_not_rise() -> None:
    course = every(5, 7, 7, 7)
    assert increase(course, always(course), 0) == 0


def test_a_fall_is_a_restart() -> None:
    course = every(5, 7, 9, 2, 3)
    assert increase(course, always(course), 0) == 5


def test_a_restart_without_a_fall_is_told_by_the_start() -> None:
    course = every(5, 7, 9, 9, 10)
    timeline = Timeline([0, 5, 10, 15], samples((0, -50), (5, -50), (10, 8), (15, 8)))
    assert increase(course, timeline, 0) == 2 + 9 + 1
    assert increase(course, always(course), 0) == 3


def test_a_start_that_wavers_is_the_same_process() -> None:
    course = every(5, 7, 9, 11)
    timeline = Timeline([0, 5, 10], samples((0, -50.0), (5, -50.4), (10, -49.8)))
    assert increase(course, timeline, 0) == 4


def test_only_what_was_scraped_since_counts() -> None:
    course = every(5, 7, 9, 11)
    assert increase(course, always(course), 4) == 2
    assert increase(course, always(course), 10) == 0
    assert increase(course, always(course), 11) == 0


def test_a_counter_that_appears_between_scrapes_began_at_zero() -> None:
    born = samples((10, 3), (15, 4))
    assert increase(born, Timeline([0, 5, 10, 15], ()), 0) == 4
    assert increase(born, Timeline([10, 15], ()), 0) == 1
    assert increase(born, Timeline([0, 5, 10, 15], ()), 10) == 1


def test_all_that_a_process_counted_that_began_since_counts() -> None:
    course = samples((10, 3), (15, 4))
    timeline = Timeline([10, 15], samples((10, 8), (15, 8)))
    assert increase(course, timeline, 7) == 4
    assert increase(course, timeline, 9) == 1


def test_an_absent_counter_did_not_rise() -> None:
    assert increase((), Timeline([0, 5], ()), 0) == 0


@pytest.mark.parametrize(
    ("scrapes", "starts", "counts"),
    [
        ([], [], False),
        ([5], [], False),
        ([-5, 5], [], False),
        ([5], [(5, -100)], False),
        ([5], [(5, 2)], True),
        ([5, 10], [], True),
    ],
)
def test_an_increase_needs_two_scrapes_or_a_whole_life(
    scrapes: list[float], starts: list[tuple[float, float]], counts: bool
) -> None:
    assert Timeline(scrapes, samples(*starts)).counts_since(0) is counts


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 40),
    st.integers(0, 1000),
)
def test_an_increase_is_what_really_happened(
    steps: list[tuple[int, bool]], since_step: int, before: int
) -> None:
    """Between two scrapes a process counts, or a new one starts and counts; nothing is estimated."""
    values, starts, value, start = [], [], before, -1000.0
    for index, (risen, restarts) in enumerate(steps):
        value, start = (risen, index * 5 - 2.5) if restarts else (value + risen, start)
        values.append(Sample(index * 5, value))
        starts.append(Sample(index * 5, start))
    begin = since_step * 5.0
    timeline = Timeline([sample.at for sample in values], starts)
    happened = sum(risen for index, (risen, _) in enumerate(steps) if index > since_step)
    assert increase(values, timeline, begin) == happened


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 30))
def test_a_counter_that_appears_late_counts_whole(risen: list[int], absent: int) -> None:
    """Its series begins with its first event, as that of a status code does."""
    scrapes = [index * 5.0 for index in range(absent + len(risen) + 1)]
    totals = accumulate(risen)
    course = [Sample(scrapes[absent + 1 + index], total) for index, total in enumerate(totals)]
    assert increase(course, Timeline(scrapes, ()), 0) == sum(risen)


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=20))
def test_an_increase_is_never_negative(values: list[float]) -> None:
    course = every(5, *values)
    assert increase(course, always(course), 0) >= 0
