"""The drawing: everything inside the picture, holes as holes, marks that can be read."""

import math
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.curves import Curves
from activities.marks import Frame, Mark
from activities.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw
from activities.series import Sample
from tests.unit.scenes import NOW

SECONDS = st.floats(-1e5, 1e5, allow_nan=False)
SHARES = st.floats(0, 3, allow_nan=False)


def framed(*marks: Mark, minutes: float = 40) -> Frame:
    return Frame(
        since=NOW - timedelta(minutes=4),
        until=NOW + timedelta(minutes=minutes),
        healed_at=NOW + timedelta(seconds=3),
        opened_at=NOW,
        exhausted=0.95,
        recovered=0.7,
        marks=marks,
    )


def lines(*samples: tuple[float, float]) -> Curves:
    return Curves({"web-1": [Sample(NOW.timestamp() + at, share) for at, share in samples]}, {})


def points(picture: str) -> list[list[tuple[float, float]]]:
    """Of every stretch of every line."""
    found = re.findall(r'<polyline[^>]* points="([^"]+)"', picture)
    pairs = [[each.split(",") for each in stretch.split()] for stretch in found]
    return [[(float(x), float(y)) for x, y in stretch] for stretch in pairs]


def numbers(picture: str) -> list[tuple[float, float]]:
    """Where the marks' numbers stand."""
    found = re.findall(r'<circle class="mark" cx="([^"]+)" cy="([^"]+)"', picture)
    return [(float(x), float(y)) for x, y in found]


def test_full_is_above_empty_and_later_is_further_right() -> None:
    ((first, second),) = points(draw(lines((0, 0.0), (60, 1.0)), framed()))
    assert first[0] < second[0]
    assert (first[1], second[1]) == (HEIGHT - BOTTOM, TOP)


def test_a_hole_is_a_hole() -> None:
    measured = [(second, 0.5) for second in (*range(0, 100, 10), *range(600, 700, 10))]
    assert [len(stretch) for stretch in points(draw(lines(*measured), framed()))] == [10, 10]


def test_one_sample_alone_can_be_seen() -> None:
    ((first, second),) = points(draw(lines((0, 0.5)), framed()))
    assert first != second


@given(st.lists(st.tuples(SECONDS, SHARES), min_size=1, max_size=30, unique_by=lambda each: each[0]))
def test_everything_lies_inside(samples: list[tuple[float, float]]) -> None:
    for stretch in points(draw(lines(*sorted(samples)), framed())):
        for x, y in stretch:
            assert LEFT <= x <= WIDTH - RIGHT + 1
            assert TOP <= y <= HEIGHT - BOTTOM
            assert math.isfinite(x + y)


def test_marks_at_the_same_time_stand_above_each_other() -> None:
    marks = [Mark(NOW + timedelta(seconds=second), "act") for second in (0, 1, 2, 1800)]
    places = numbers(draw(lines((0, 1.0)), framed(*marks)))
    assert len(set(places[:3])) == 3
    assert places[3][1] == places[0][1]
    for place, (x, y) in enumerate(places):
        for other_x, other_y in places[:place]:
            assert math.hypot(x - other_x, y - other_y) >= 18


def test_any_number_of_marks_stays_inside() -> None:
    marks = [Mark(NOW + timedelta(seconds=second), "act") for second in range(60)]
    assert all(
        0 < y < HEIGHT and LEFT <= x <= WIDTH for x, y in numbers(draw(lines((0, 1.0)), framed(*marks)))
    )


@pytest.mark.parametrize("minutes", [0, 0.1, 3, 40, 600, 60 * 24 * 7, 60 * 24 * 400])
def test_times_below_are_few_and_at_least_two(minutes: float) -> None:
    picture = draw(lines((0, 1.0)), framed(minutes=minutes))
    told = re.findall(r'text-anchor="middle">([\d :-]+)</text>', picture)
    assert 2 <= len(told) <= 10
    assert len(set(told)) == len(told) or minutes > 60 * 24


def test_an_incident_of_no_length_is_drawn() -> None:
    empty = framed(Mark(NOW, "the alert began"))._replace(since=NOW, until=NOW)
    assert draw(lines((0, 1.0)), empty).startswith("<svg ")


def test_names_are_text() -> None:
    curves = Curves({'a"><script>': [Sample(NOW.timestamp(), 1.0)]}, {})
    assert "<script" not in draw(curves, framed())


def test_more_instances_than_colours_are_told_apart() -> None:
    many = Curves({f"web-{number}": [Sample(NOW.timestamp(), 0.5)] for number in range(20)}, {})
    looks = re.findall(r'<polyline class="line (c\d)"( stroke-dasharray="[^"]+")?', draw(many, framed()))
    assert len(set(looks)) == 20


def test_the_times_are_in_utc() -> None:
    elsewhere = datetime.fromisoformat("2026-03-01T05:00:00+02:00")
    picture = draw(lines((0, 1.0)), framed()._replace(opened_at=elsewhere))
    assert ">03:00</text>" in picture
