"""From when the clocks count."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.record import Record

ARRIVED = NOW - timedelta(seconds=20)
"""The run begins a moment after the alert came."""


def begun(starts_at: datetime) -> Record:
    subject = cases.target()
    first = cases.alert(subject, starts_at, received_at=ARRIVED)
    return Record(cases.case(subject, cases.policy(), first), NOW)


@pytest.mark.parametrize("age", [timedelta(), timedelta(minutes=40), timedelta(days=30)])
def test_an_alert_that_waited_counts_from_its_own_start(age: timedelta) -> None:
    record = begun(ARRIVED - age)
    assert record.opened_at == ARRIVED - age
    assert not record.timeline


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        ARRIVED - timedelta(days=30, seconds=1),
        ARRIVED + timedelta(seconds=1),
        NOW + timedelta(hours=2),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_start_that_cannot_be_counts_as_the_arrival_and_is_told(starts_at: datetime) -> None:
    record = begun(starts_at)
    assert record.opened_at == ARRIVED
    assert [f"{starts_at:%Y-%m-%d %H:%M:%S}" in entry.text for entry in record.timeline] == [True]


def test_nothing_begins_in_the_future() -> None:
    subject = cases.target()
    ahead = cases.alert(subject, NOW, received_at=NOW + timedelta(hours=1))
    assert Record(cases.case(subject, cases.policy(), ahead), NOW - timedelta(minutes=1)).opened_at < NOW
