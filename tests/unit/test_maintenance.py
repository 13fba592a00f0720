"""Maintenance: times of the week in which nothing is done."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.guards import check
from tests.unit.scenes import NOW, policy
from workflows.models.maintenance import Day, Window
from workflows.models.policy import Policy

NIGHT = {"begins": "22:00", "ends": "04:00"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(**given: Any) -> Window:
    return Window.model_validate(NIGHT | given)


@pytest.mark.parametrize(
    ("given", "now", "ends"),
    [
        ({}, "2026-05-04 21:59:59", None),
        ({}, "2026-05-04 22:00", "2026-05-05 04:00"),
        ({}, "2026-05-05 03:59:59", "2026-05-05 04:00"),
        ({}, "2026-05-05 04:00", None),
        # Monday's night lasts until Tuesday morning; Tuesday has none of its own.
        ({"days": ["mon"]}, "2026-05-05 03:00", "2026-05-05 04:00"),
        ({"days": ["mon"]}, "2026-05-05 23:00", None),
        ({"begins": "09:00", "ends": "17:30"}, "2026-05-04 17:00", "2026-05-04 17:30"),
        ({"begins": "09:00", "ends": "17:30"}, "2026-05-04 18:00", None),
        ({"begins": "00:00", "ends": "00:00", "days": ["sun"]}, "2026-05-03 23:59", "2026-05-04 00:00"),
        ({"timezone": "Europe/Berlin"}, "2026-05-04 20:00", "2026-05-05 02:00"),
        ({"timezone": "Europe/Berlin"}, "2026-12-04 20:30", None),
        # The night in which clocks go forward there has an hour less, and the one in autumn one more.
        ({"timezone": "Europe/Berlin"}, "2026-03-29 01:59", "2026-03-29 02:00"),
        ({"timezone": "Europe/Berlin"}, "2026-10-25 02:59", "2026-10-25 03:00"),
        ({"timezone": "Pacific/Auckland"}, "2026-05-04 10:00", "2026-05-04 16:00"),
    ],
)
def test_a_window_has_its_days_and_its_zone(given: dict[str, Any], now: str, ends: str | None) -> None:
    assert window(**given).end(at(now)) == (at(ends) if ends else None)


@pytest.mark.parametrize(
    ("given", "path", "told"),
    [
        ({"days": ["monday"]}, "days", "'mon', 'tue'"),
        ({"days": []}, "days", "at least 1"),
        ({"timezone": "Mars/Olympus"}, "timezone", "such as Europe/Berlin"),
        ({"timezone": "../etc/passwd"}, "timezone", "such as Europe/Berlin"),
        ({"begins": 1320}, "begins", 'a time in quotes, such as "22:00"'),
        ({"ends": "25:00"}, "ends", "time"),
        ({"ends": "04:00+02:00"}, "ends", "say it in `timezone`"),
    ],
)
def test_what_is_no_window_is_refused_with_its_field(given: dict[str, Any], path: str, told: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        window(**given)
    (fault, *_) = refusal.value.errors()
    assert fault["loc"][0] == path
    assert told in fault["msg"]


def test_in_a_window_nothing_is_done_and_people_are_told_until_when() -> None:
    begins, ends = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    now = Window(begins=begins.time(), ends=ends.time())
    later = Window(begins=ends.time(), ends=begins.time())
    both = Window(begins=begins.time(), ends=(ends + timedelta(hours=2)).time())
    assert check(policy=policy(maintenance=(later,))) is None
    assert check(policy=policy(maintenance=(later, now))) == f"maintenance until {ends:%Y-%m-%d %H:%M} UTC"
    told = check(policy=policy(maintenance=(now, both)))
    assert told == f"maintenance until {ends + timedelta(hours=2):%Y-%m-%d %H:%M} UTC"


def test_it_survives_the_way_into_an_incident() -> None:
    rules = policy(maintenance=(window(days=["sat", "sun"], timezone="Europe/Berlin"),))
    assert Policy.model_validate_json(rules.model_dump_json()) == rules


@given(
    st.integers(0, 15 * 365 * 86400).map(lambda seconds: at("2020-01-01") + timedelta(seconds=seconds)),
    st.times().map(lambda time: time.replace(microsecond=0)),
    st.times().map(lambda time: time.replace(microsecond=0)),
    st.sets(st.sampled_from(Day), min_size=1),
)
def test_it_is_over_at_its_end_and_lasts_a_day_at_most(now: Any, begins: Any, ends: Any, days: Any) -> None:
    open_until = Window(begins=begins, ends=ends, days=tuple(days)).end(now)
    if open_until is not None:
        assert timedelta() < open_until - now <= timedelta(days=1)
        assert open_until.time() == ends
