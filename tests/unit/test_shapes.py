"""The usual time of a query shape, from what pg_stat_statements keeps of all its calls."""

from math import sqrt
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.slow_queries import shape
from workflows.causes.shapes import slow_part, usual_seconds
from workflows.models.evidence import StatementReading


def kept(calls: list[float]) -> StatementReading:
    """What the server keeps of these calls."""
    return shape(
        calls=len(calls),
        mean_seconds=fmean(calls),
        longest_seconds=max(calls),
        deviation_seconds=pstdev(calls),
    )


def test_of_two_kinds_of_calls_the_quick_kind_is_the_usual_one() -> None:
    found = kept([0.01] * 900 + [8.0] * 100)

    assert usual_seconds(found) == pytest.approx(0.01)
    assert slow_part(found) == pytest.approx(0.1)


def test_where_only_the_mean_is_known_it_is_the_usual() -> None:
    found = shape(mean_seconds=0.3, longest_seconds=None, deviation_seconds=None)

    assert (usual_seconds(found), slow_part(found)) == (0.3, 0.0)


def test_extremes_that_were_reset_change_nothing() -> None:
    assert usual_seconds(shape(mean_seconds=0.3, longest_seconds=0.0, deviation_seconds=0.1)) == 0.3


@pytest.mark.parametrize("deviation", [1.7e308, -1.7e308, float("inf"), float("nan")])
def test_numbers_beyond_all_reckoning_leave_the_mean(deviation: float) -> None:
    assert usual_seconds(shape(mean_seconds=0.3, longest_seconds=9.0, deviation_seconds=deviation)) == 0.3


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=60))
def test_whatever_the_calls_it_lies_between_the_shortest_and_the_mean(calls: list[float]) -> None:
    found = kept(calls)

    assert min(calls) - 1e-6 <= usual_seconds(found) + 1e-6 * sqrt(len(calls)) * max(calls)
    assert usual_seconds(found) <= fmean(calls)
    assert 0 <= slow_part(found) <= 1
